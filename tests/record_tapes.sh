#!/bin/sh
# Records the tape of the tree from the loopback server, with the real program: the successful reads of fixtures/tapes, both
# accounts, into FILE.  Merged into the committed tape, it shows what the server answers otherwise by now.
#
#     tests/record_tapes.sh KK_BIN FILE      the folder with kk and api_server; the tape to make or to merge with
set -eu
bin=$1 tape=$2
work=$(mktemp -d)
server=
clean() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
printf 'main recorder0001:pscale_tkn_recordersecret0001\nstaging Bearer pscale_oauth_recordersecret0002\n' >"$work/accounts"
"$bin/api_server" --port-file "$work/port" --accounts "$work/accounts" &
server=$!
tries=0
until [ -s "$work/port" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || { echo 'the server did not start' >&2; exit 1; }
    sleep 0.02
done
url=http://127.0.0.1:$(cat "$work/port")/v1
umask 077
mkdir "$work/home"
export KK_HOME="$work/home" KK_RECORD_IN_CI=1
unset KK_TRANSPORT KK_TAPE PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN
kk() { "$bin/kk" "$@" >>"$work/out" 2>"$work/err" </dev/null || { cat "$work/err" >&2; exit 1; }; }
store() { # store ACCOUNT JSON
    printf '%s' "$2" >"$work/fields"
    "$bin/kk" keyring set "planetscale/$1" --json <"$work/fields" >/dev/null
}
kk keyring init --key-file "$work/key"
store main "{\"service_token_id\":\"recorder0001\",\"service_token\":\"pscale_tkn_recordersecret0001\",\"url\":\"$url\"}"
store staging "{\"access_token\":\"pscale_oauth_recordersecret0002\",\"url\":\"$url\"}"
kk keyring default planetscale main

record() { # record FUNCTION [ARGUMENT...]
    function=$1
    shift
    kk --record "$tape" call "planetscale.$function" "$@" --json
}
record get_current_user
record list_organizations
record list_organizations limit=20
for limit in 100 20 10 5 1; do record list_databases organization=acme "limit=$limit"; done
record list_databases organization=acme limit=10 page=2
record list_databases organization=my-org
record list_databases organization=my-org limit=10
record get_database organization=acme database=shop
record get_database organization=my-org database=my-database
record list_branches organization=acme database=shop
record list_branches organization=my-org database=my-database
record get_branch organization=acme database=shop branch=main
record get_branch organization=acme database=shop branch=dev
record get_branch organization=my-org database=my-database branch=main
record get_current_user --account staging
record list_organizations --account staging
record list_databases organization=acme-staging --account staging
record get_database organization=acme-staging database=shop-staging --account staging
