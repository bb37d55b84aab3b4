#!/bin/sh
# The benchmarks, each as a ratio to a floor measured in the same run: sh tests/bench/run.sh
set -eu
cd "$(dirname "$0")/../.."
sh host-sdk/packages.sh bench
mkdir -p build
{ cmake --preset release -G Ninja && cmake --build --preset release; } >build/bench.log 2>&1 || { cat build/bench.log >&2; exit 1; }
KK_SOURCE=$PWD KK_BIN=$PWD/build/release/bin
export KK_SOURCE KK_BIN
. tests/e2e/lib.sh

auth=$work/server/authorization
bench() { # bench SCHEME: whole processes, and for https the long-lived host too
    url="$1://localhost:$port/v1"
    run keyring rm planetscale/main --yes
    store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"$url\"}"
    "$KK_BIN/bench_process" "kk call, whole process, $1" 100 \
        "$KK_BIN/kk" call planetscale.list_databases organization=many limit=100 -- \
        curl -s -o /dev/null --cacert "$work/server/ca.pem" -H "@$work/server/header" "$url/organizations/many/databases?page=1&per_page=100"
}

mkdir -p "$work/server"
printf '%s:%s\n' "$TOKEN_ID" "$TOKEN" >"$auth"
printf 'Authorization: %s:%s\n' "$TOKEN_ID" "$TOKEN" >"$work/server/header"
init_keyring
start_server --tls "$work/server"
export KK_CA_FILE="$work/server/ca.pem"
bench https
"$KK_BIN/bench_call" "https://localhost:$port/v1" "$KK_CA_FILE" "$auth" "$work/server/bench.har"
mkdir "$work/server/live"
"$KK_BIN/bench_live" "$work/server/live"
mkdir "$work/server/record"
"$KK_BIN/bench_record" "$work/server/record"
start_server
bench http
(cd "$KK_SOURCE/build" && exec "$KK_BIN/bench_keyring")
"$KK_BIN/bench_process" 'kk --version, whole process' 200 "$KK_BIN/kk" --version -- /bin/true
sh tests/bench/scan.sh
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
"$KK_BIN/bench_lua"
"$KK_BIN/bench_lua_call" "$tape"
"$KK_BIN/bench_process" 'kk lua -e, whole process' 200 "$KK_BIN/kk" lua -e 'print(1)' -- lua5.4 -e 'print(1)'
"$KK_BIN/bench_process" 'kk lua -e with a call, whole process' 100 \
    "$KK_BIN/kk" --replay "$tape" lua -e 'print(app.integrations.planetscale.get_current_user().email)' -- lua5.4 -e 'print(1)'
"$KK_BIN/bench_tape"
