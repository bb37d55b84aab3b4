#!/bin/sh
# Whatever is wrong with a call is said before anything is sent, each with its own code; what is only unusual is sent encoded.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"

refuse() { # refuse CODE STATUS ARGUMENT...: without and with --json
    code=$1
    exit_status=$2
    shift 2
    run call "$@"
    expect_failure "$code" "$exit_status"
    expect_no_output
    run call "$@" --json
    expect_failure_json "$code" "$exit_status"
}

refuse unknown_function 2 planetscale.list_database organization=acme
expect_err list_databases
refuse unknown_plugin 2 planetscales.list_databases organization=acme
expect_err planetscale
refuse invalid_args 2 planetscale.list_databases organisation=acme
expect_err organization
refuse invalid_args 2 planetscale.list_databases
expect_err organization
refuse invalid_args 2 planetscale.list_databases '{"organization":7}'
refuse invalid_args 2 planetscale.list_databases '{"organization":"acme","limit":"10"}'
refuse invalid_args 2 planetscale.list_databases '{"organization":"acme","limit":1.0}'
refuse invalid_args 2 planetscale.list_databases organization=acme limit=ten
for limit in 0 101 -1 99999999999999999999; do
    refuse invalid_args 2 planetscale.list_databases organization=acme limit=$limit
    expect /error/argument '"/limit"'
done
refuse invalid_args 2 planetscale.list_databases organization=acme page=0
refuse invalid_args 2 planetscale.list_databases '[]'
refuse invalid_args 2 planetscale.list_databases '{"organization":'
refuse invalid_args 2 planetscale.list_databases '{"organization":"acme","organization":"other"}'
refuse invalid_args 2 planetscale.list_databases organization=acme fields=nmae
expect_err "'name'"

for organization in .. . '' a/b 'a\\b' 'a\u0000b' 'a\nb' 'a\u007fb'; do
    refuse invalid_args 2 planetscale.list_databases "{\"organization\":\"$organization\"}"
    expect /error/argument '"/organization"'
    expect_err 'nothing was sent'
done
long=$(printf '%10240s' '' | tr ' ' x)
refuse invalid_args 2 planetscale.list_databases "organization=$long"
[ "$(wc -c <"$work/err")" -lt 1000 ] || fail 'the message repeats the long value'
[ ! -e "$server_log" ] || [ "$(requests)" = 0 ] || fail "$(requests) requests were sent"

sent() { # sent ORGANIZATION ENCODED
    run call planetscale.get_database "{\"organization\":\"$1\",\"database\":\"d\"}" --json
    expect_failure_json not_found 1
    last_request /path "\"/v1/organizations/$2/databases/d\""
}
sent 'a b' 'a%20b'
sent 'a%2Fb' 'a%252Fb'
sent 'a?b' 'a%3Fb'
sent 'a#b' 'a%23b'
sent 'käse' 'k%C3%A4se'
sent '~a-b_c.d' '~a-b_c.d'
sent '...' '...'

for account in nobody Production ''; do
    run call planetscale.get_current_user "--account=$account" --json
    [ "$status" != 0 ] || fail "account '$account' was accepted"
    [ "$(wc -l <"$work/err")" = 1 ] || fail 'standard error is not one line'
done

for words in 'cal x' 'call' '--no-such-option' 'call planetscale.list_databases --no-such-option' 'list --timeout x' 'schema'; do
    # shellcheck disable=SC2086
    run $words
    expect_failure usage 2
    expect_no_output
done
expect_no_canary
