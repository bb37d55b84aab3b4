#!/bin/sh
# A server that fails in every way: each gives its own code, one line, and nothing on standard output but the envelope.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
store stranger "{\"service_token_id\":\"cnryid000009\",\"service_token\":\"pscale_tkn_CANARYunknownDDDD4444\",\"url\":\"http://127.0.0.1:$port/v1\"}"

fault() { # fault ORGANIZATION CODE STATUS HTTP-STATUS
    run call planetscale.list_databases "organization=$1" --account main --timeout 2
    expect_failure "$2" "$3"
    expect_no_output
    run call planetscale.list_databases "organization=$1" --account main --timeout 2 --json
    expect_failure_json "$2" "$3"
    expect /error/http_status "$4"
    expect /error/effect '"none"'
}

fault fault-400-code rejected 1 400
fault fault-errors-array rejected 1 400
fault fault-401 unauthenticated 4 401
fault fault-403 permission_denied 4 403
expect_err read_databases
fault fault-404 not_found 1 404
expect_err read_databases
fault fault-422 rejected 1 422
fault fault-429 rate_limited 6 429
expect /error/retryable true
fault fault-500 unavailable 6 500
fault fault-503 unavailable 6 503
fault fault-html protocol 6 200
expect_err HTML
fault fault-empty protocol 6 200
fault fault-not-json protocol 6 200
fault fault-data-null protocol 6 200
fault fault-half truncated 6 null
fault fault-reset reset 6 null
fault fault-redirect redirect_refused 6 null
fault fault-50mb too_large 1 null
fault fault-never timeout 7 null

run call planetscale.get_current_user --account stranger --json
expect_failure_json unauthenticated 4
grep -q CANARY "$work/err" && fail 'the message holds the token'

# An empty list under a service token comes with a word on access.
run call planetscale.list_databases organization=empty --account main --json
expect_ok
get /data/hint | grep -q read_databases || fail 'an empty list has no hint'

# What may be sent again is, and the envelope tells of every attempt; the wait that the service asks for is in the hint.
run call planetscale.list_databases organization=fault-503 --account main --timeout 60 --json
expect_failure_json unavailable 6
[ "$(get /meta/attempts | grep -o '"status":503,"error":null' | wc -l)" = 4 ] || fail 'it was not sent four times'
run call planetscale.list_databases organization=fault-500 --account main --timeout 60 --json
[ "$(get /meta/attempts | grep -o '"status":500,"error":null' | wc -l)" = 2 ] || fail 'it was not sent twice'
run call planetscale.list_databases organization=fault-429 --account main --timeout 1 --json
expect_failure_json rate_limited 6
get /error/hint | grep -q 'the service asks to wait 1 s' || fail 'the hint does not name the wait'

# A write whose answer is lost may have happened, and is not to be tried again blindly.
before=$(requests)
run call planetscale.create_database organization=fault-half name=lost --account main --yes --json
expect_failure_json truncated 6
[ "$(requests)" = $((before + 1)) ] || fail 'a write was sent again'
expect /error/effect '"unknown"'
expect /error/retryable false
# Whether it happened can be asked for, by its name.
before=$(requests)
run call planetscale.create_database organization=lossy name=orders --account main --yes --json
expect_failure_json reset 6
expect /error/effect '"unknown"'
expect /error/retryable false
[ "$(requests)" = $((before + 1)) ] || fail 'a write was sent again'
run call planetscale.get_database organization=lossy database=orders --account main --json
expect_ok
expect /data/name '"orders"'
[ "$(requests)" = $((before + 2)) ] || fail 'there was another request'
run call planetscale.create_database organization=fault-422 name=taken --account main --yes --json
expect_failure_json rejected 1
expect /error/effect '"none"'

# Nobody listens.
kill "${servers##* }"
wait "${servers##* }" 2>/dev/null
run call planetscale.get_current_user --account main --json
expect_failure_json connect 6
expect /error/retryable true
expect_no_canary
