# What every end-to-end test has in common.  Sourced; needs KK_BIN, the folder with kk and the test programs, and KK_SOURCE,
# the tree.  KK_WRAP may hold a command that runs kk, such as valgrind.
#
# A test runs kk with `run`, and looks at what came of it: `status`, `$work/out`, `$work/err`.  The first check that fails
# ends the test and shows both.
set -u
umask go-w
work=$(mktemp -d)
servers=
export KK_HOME="$work/home" LC_ALL=C.UTF-8
unset CI PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN KK_PLUGIN_PATH KK_KEY KK_KEY_FILE KK_TRANSPORT KK_TAPE
mkdir "$KK_HOME" && chmod 700 "$KK_HOME"

# The secrets of the tests.  Wherever one of them turns up, it was leaked.
TOKEN_ID=cnryid000001
TOKEN=pscale_tkn_CANARYservicetokenAAAA1111
ACCESS_TOKEN=pscale_oauth_CANARYaccesstokenBBBB2222
STAGING_ID=cnryid000002
STAGING_TOKEN=pscale_tkn_CANARYstagingtokenCCCC3333

clean() {
    for pid in $servers; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    printf -- '--- command: kk %s\n' "${last:-}" >&2
    for file in out err; do
        [ -e "$work/$file" ] && { printf -- '--- %s:\n' "$file"; head -c 2000 "$work/$file"; echo; } >&2
    done
    exit 1
}

run() { # run ARGUMENT...: kk with standard input closed off
    last=$*
    status=0
    # shellcheck disable=SC2086
    ${KK_WRAP:-} "$KK_BIN/kk" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

run_with() { # run_with FILE ARGUMENT...: kk with FILE as its standard input
    input=$1
    shift
    last="$* <$input"
    status=0
    # shellcheck disable=SC2086
    ${KK_WRAP:-} "$KK_BIN/kk" "$@" >"$work/out" 2>"$work/err" <"$input" || status=$?
}

get() { # get POINTER [FILE]: the raw JSON value there
    "$KK_BIN/json_get" "$1" "${2:-$work/out}"
}

expect() { # expect POINTER VALUE: in the JSON on standard output
    found=$(get "$1") || fail "no value at $1"
    [ "$found" = "$2" ] || fail "$1 is $found, not $2"
}

expect_ok() {
    [ "$status" = 0 ] || fail "exit status $status"
}

# kk loads nothing from the directory that it is run in: an empty file under the name of a library of its would end it.
expect_no_library_from_here() {
    mkdir -p "$work/here"
    for library in libcjson.so.1 libsodium.so.23 libc.so.6; do
        : >"$work/here/$library"
    done
    last='--version, among empty libraries'
    (cd "$work/here" && exec "$KK_BIN/kk" --version) >"$work/out" 2>"$work/err" || fail 'a library was loaded from the current directory'
}

# expect_failure CODE STATUS: the code, its exit status, and exactly one line on standard error.
expect_failure() {
    [ "$status" = "$2" ] || fail "exit status $status, not $2"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "standard error is not one line"
    grep -q "^kk: $1: " "$work/err" || fail "standard error does not begin with 'kk: $1: '"
}

# The same for a run with --json: the envelope on standard output names the code too.
expect_failure_json() {
    expect_failure "$1" "$2"
    expect /success false
    expect /error/code "\"$1\""
    expect /data null
}

expect_no_output() {
    [ ! -s "$work/out" ] || fail 'there is something on standard output'
}

expect_err() { # expect_err TEXT: standard error holds it
    grep -qF -- "$1" "$work/err" || fail "standard error does not hold '$1'"
}

# start_server [OPTION...]: the PlanetScale-like server, on a free port of loopback, over TLS with `--tls DIRECTORY`.
# Sets `port` and `server_log`.
start_server() {
    mkdir -p "$work/server"
    server_log=$work/server/log.$(ls "$work/server" | wc -l)
    rm -f "$work/server/port"
    {
        printf 'main %s:%s\n' "$TOKEN_ID" "$TOKEN"
        printf 'staging %s:%s\n' "$STAGING_ID" "$STAGING_TOKEN"
        printf 'oauth Bearer %s\n' "$ACCESS_TOKEN"
    } >"$work/server/accounts"
    "$KK_BIN/api_server" --port-file "$work/server/port" --log "$server_log" --accounts "$work/server/accounts" "$@" &
    servers="$servers $!"
    tries=0
    until [ -s "$work/server/port" ]; do
        tries=$((tries + 1))
        [ $tries -le 500 ] || fail 'the server did not start'
        sleep 0.02
    done
    port=$(cat "$work/server/port")
}

requests() { # requests: how many the server has seen
    wc -l <"$server_log"
}

request() { # request NUMBER POINTER: a value of one request, from 1
    sed -n "$1p" "$server_log" >"$work/server/one"
    get "$2" "$work/server/one"
}

last_header() { # last_header NAME VALUE: of the last request
    found=$(tail -n 1 "$server_log" | grep -oiE "\\[\"$1\",\"[^\"]*\"\\]" | sed 's/^[^,]*,"//; s/"\]$//')
    [ "$found" = "$2" ] || fail "the request's $1 is '$found', not '$2'"
}

last_request() { # last_request POINTER VALUE
    found=$(request "$(requests)" "$1") || fail "the request has no $1"
    [ "$found" = "$2" ] || fail "the request's $1 is $found, not $2"
}

# store ACCOUNT JSON: an account of planetscale.  The values go in through a file, never through an argument.
store() {
    printf '%s' "$2" >"$work/server/fields.json"
    run_with "$work/server/fields.json" keyring set "planetscale/$1" --json
    expect_ok
}

init_keyring() {
    run keyring init --key-file "$work/key"
    expect_ok
}

# No secret stands in any file that kk wrote: standard output, standard error, its home.
expect_no_canary() {
    if grep -rlE 'CANARY|cnryid' "$work" --exclude-dir=server >"$work/server/leaks" 2>/dev/null; then
        fail "a secret leaked into: $(cat "$work/server/leaks")"
    fi
}
