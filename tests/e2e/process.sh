#!/bin/sh
# What surrounds the process: help as JSON, signals that are to be ignored, a full disk, bytes that are not UTF-8.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"

expect_no_library_from_here

# --json gives one document, for help too.
for words in help 'help call' '--help' 'keyring --help' 'call --help'; do
    # shellcheck disable=SC2086
    run $words --json
    expect_ok
    expect /success true
    get /text | grep -q Usage || fail 'the document does not hold the help'
done
run help call --json
expect /command '"call"'

# fault-never holds the answer back: the call ends when its signal or its time comes.
interrupted() { # interrupted COMMAND...: runs it, sends SIGHUP once the request is there, and waits
    before=$(requests)
    last=$*
    "$@" "$KK_BIN/kk" call planetscale.list_databases organization=fault-never --timeout 1 >"$work/out" 2>"$work/err" &
    pid=$!
    tries=0
    until [ "$(requests)" -gt "$before" ]; do
        tries=$((tries + 1))
        [ $tries -le 500 ] || fail 'no request came'
        sleep 0.02
    done
    kill -HUP $pid
    status=0
    wait $pid || status=$?
}
interrupted env
expect_failure cancelled 7
interrupted nohup
expect_failure timeout 7

# A file that may not grow is a failure with a code, and the keyring stays whole.  (The thread sanitizer writes a file of its
# own before main, and dies of it.)
case ${KK_SANITIZE_FLAGS:-} in
*thread*) ;;
*)
    last='keyring set below ulimit -f 0'
    (
        ulimit -f 0
        echo "$TOKEN" | "$KK_BIN/kk" keyring set planetscale/main/service_token 2>&1
        echo "status $?"
    ) | cat >"$work/out"
    grep -q '^kk: no_space: ' "$work/out" || fail 'no line says that the file may not grow'
    grep -q '^status 4$' "$work/out" || fail 'another exit status'
    run keyring which planetscale
    expect_ok
    ;;
esac

# Bytes that are not UTF-8 are neither sent, changed or not, nor printed.
before=$(requests)
run call planetscale.list_databases "organization=$(printf 'a\377b')" --json
expect_failure_json invalid_args 2
expect_err 'not UTF-8'
run call "$(printf '\377\233')"
expect_failure unknown_function 2
LC_ALL=C grep -q "$(printf '[\200-\377]')" "$work/err" && fail 'standard error holds bytes that are not UTF-8'
[ "$(requests)" = "$before" ] || fail 'something was sent'

run call planetscale.list_databases organization=acme fields=zzzzzz --json
expect_failure_json invalid_args 2
expect_err 'kk docs planetscale.list_databases'
run call planetscale.get_current_user @"$work" --json
expect_failure_json io 4
expect_err "'$work' could not be read"
exit 0
