#!/bin/sh
# The seven functions against the server, with a service token and with an access token, over http and https; and what the
# server received.
. "$KK_SOURCE/tests/e2e/lib.sh"

# check_all ACCOUNT AUTHORIZATION
check_all() {
    account=$1
    authorization=$2

    call list_databases '{"organization":"acme","page":1,"limit":10}'
    last_request /method '"GET"'
    last_request /path '"/v1/organizations/acme/databases"'
    last_request /query '"page=1&per_page=10"'
    expect /data/type '"list"'
    expect /data/current_page 1
    expect /meta/operation '"read"'
    get /data/data/0/name >/dev/null || fail 'no database came back'
    get /data/data/0/state >/dev/null || fail 'a database has no state'

    call get_database '{"organization":"my-org","database":"my-database"}'
    last_request /path '"/v1/organizations/my-org/databases/my-database"'
    expect /data/name '"my-database"'
    expect /data/branches "$(get /data/branches_count)"
    get /data/region/slug >/dev/null || fail 'a database has no region.slug'

    run call planetscale.create_database '{"organization":"my-org","name":"my-new-database","region":"us-east-1","notes":"Production database for project X"}' \
        --account "$account" --json
    expect_failure_json approval_required 3
    before=$(requests)
    call create_database '{"organization":"my-org","name":"my-new-database","region":"us-east-1","notes":"Production database for project X"}' --yes
    [ "$(requests)" = $((before + 1)) ] || fail 'the write was not sent exactly once'
    last_request /method '"POST"'
    last_request /path '"/v1/organizations/my-org/databases"'
    expect /data/name '"my-new-database"'
    expect /meta/operation '"write"'
    request "$(requests)" /body >"$work/server/body" || fail 'the write had no body'
    for part in my-new-database us-east-1 'Production database for project X' PS_10 cluster_size; do
        grep -qF "$part" "$work/server/body" || fail "the write's body lacks '$part'"
    done

    call list_branches '{"organization":"my-org","database":"my-database"}'
    last_request /path '"/v1/organizations/my-org/databases/my-database/branches"'
    last_request /query '"page=1&per_page=20"'
    grep -q '"role":"production"' "$work/out" || fail 'no branch has the role production'
    grep -q '"role":"development"' "$work/out" || fail 'no branch has the role development'

    call get_branch '{"organization":"my-org","database":"my-database","branch":"main"}'
    last_request /path '"/v1/organizations/my-org/databases/my-database/branches/main"'
    expect /data/role '"production"'
    expect /data/ready true
    get /data/region/slug >/dev/null || fail 'a branch has no region.slug'

    call list_organizations '{}'
    last_request /path '"/v1/organizations"'
    last_request /query '"page=1&per_page=100"'
    expect /data/data/0/slug "$(get /data/data/0/name)"

    call get_current_user '{}'
    last_request /path '"/v1/user"'
    get /data/email >/dev/null || fail 'the user has no email'
    case $(get /data/first_name) in '""' | '') fail 'the user has no first name' ;; esac
}

# call FUNCTION ARGUMENTS [OPTION...]: by its short name, and the read ones again by their slug.
call() {
    function=$1
    arguments=$2
    shift 2
    run call "planetscale.$function" "$arguments" --account "$account" --json --timeout "${KK_CALL_TIMEOUT:-30}" "$@"
    expect_ok
    expect /success true
    expect /function "\"planetscale.$function\""
    expect /meta/account "\"$account\""
    expect /meta/transport '"live"'
    expect /error null
    last_header authorization "$authorization"
    last_header accept application/json
    [ "$function" = create_database ] && return
    cp "$work/out" "$work/server/short"
    run call "planetscale_$function" "$arguments" --account "$account" --json --timeout "${KK_CALL_TIMEOUT:-30}" "$@"
    expect_ok
    [ "$(get /data)" = "$(get /data "$work/server/short")" ] || fail 'the slug gives another answer'
}

init_keyring
for scheme in http https; do
    if [ $scheme = https ]; then
        start_server --tls "$work/server"
        export KK_CA_FILE="$work/server/ca.pem"
    else
        start_server
    fi
    url="$scheme://localhost:$port/v1"
    store production "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"$url\"}"
    store oauth "{\"access_token\":\"$ACCESS_TOKEN\",\"url\":\"$url\"}"
    check_all production "$TOKEN_ID:$TOKEN"
    check_all oauth "Bearer $ACCESS_TOKEN"
done

# The certificate is checked: without the authority the same call fails, and nothing of it arrives.
before=$(requests)
unset KK_CA_FILE
run call planetscale.get_current_user --account production --json
expect_failure_json tls 6
[ "$(requests)" = "$before" ] || fail 'a request arrived over an unproven connection'
expect_no_canary
