#!/bin/sh
# all=true: every page over one connection, and a server whose pages never end.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"

run call planetscale.list_databases organization=many all=true --json
expect_ok
expect /data/complete true
expect /data/current_page 1
expect /data/next_page null
[ "$(requests)" = 3 ] || fail "$(requests) requests, not 3"
for number in 1 2 3; do
    [ "$(request $number /query)" = "\"page=$number&per_page=100\"" ] || fail "request $number asks for $(request $number /query)"
    [ "$(request $number /connection)" = "$(request 1 /connection)" ] || fail "request $number came over another connection"
done
get /data/data/236 >/dev/null || fail 'the 237th database is missing'
get /data/data/237 >/dev/null && fail 'there is a 238th database'
get /meta/attempts/2 >/dev/null || fail 'the envelope does not tell of the third request'

run call planetscale.list_databases organization=many all=true 'fields=name' --json
expect_ok
[ "$(get /data/data/236 | head -c 8)" = '{"name":' ] || fail 'the 237th database is not projected'
[ "$(wc -c <"$work/out")" -lt 12000 ] || fail 'the projection is too long'

before=$(requests)
run call planetscale.list_databases organization=endless all=true fields=name --json
expect_ok
expect /data/complete false
get /data/next_page | grep -qE '^[0-9]+$' || fail 'next_page does not tell where to go on'
[ $(($(requests) - before)) -le 11 ] || fail "$(($(requests) - before)) requests for 1 000 rows"

run call planetscale.list_databases organization=many all=true page=2 --json
expect_failure_json invalid_args 2
expect /error/argument '"/page"'
expect_no_canary
