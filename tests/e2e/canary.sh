#!/bin/sh
# A stored secret appears nowhere but in the file that was meant to hold it and on the socket to the service: not in output,
# logs, arguments, other files, children or a core.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
grep -qE 'CANARY|cnryid' "$KK_HOME/keyring.kkr" && fail 'the keyring holds a secret in clear'

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../\\x&/g'; }
base64_of() { printf %s "$1" | base64 -w0; }

# Every byte that kk writes, anywhere, with what kind of thing it wrote to.  (The leak detector cannot run in a traced process.)
trace() {
    ASAN_OPTIONS=detect_leaks=0 strace -f -yy -x -s 100000 -e trace=write,writev,pwrite64,send,sendto,sendmsg,execve,clone,clone3,fork,vfork,ptrace -o "$work/server/trace" \
        "$KK_BIN/kk" "$@" >"$work/out" 2>"$work/err" </dev/null
}

trace -v call planetscale.list_databases organization=acme --json || fail 'the traced call failed'
expect /success true
[ -s "$work/err" ] || fail 'there is no log to look at'
# strace shows what is written as text where it can.
grep -F "$TOKEN" "$work/server/trace" >"$work/server/with-token"
[ -s "$work/server/with-token" ] || fail 'the trace does not show the request, so that this test would prove nothing'
grep -vE '(send|sendto|sendmsg|write|writev)\([0-9]+<TCP:\[127\.0\.0\.1:[0-9]+->127\.0\.0\.1:'"$port"'\]>' "$work/server/with-token" >"$work/server/elsewhere"
[ ! -s "$work/server/elsewhere" ] || fail "a secret was written elsewhere: $(cut -c1-200 "$work/server/elsewhere")"
grep -qE 'execve' "$work/server/trace" || fail 'the trace does not show the start of kk'
[ "$(grep -c 'execve(' "$work/server/trace")" = 1 ] || fail 'kk started another program'

# The same for failures that have the secret at hand: refused by the server, echoed by it, cancelled by its time.
for organization in fault-401 fault-422 fault-html fault-never fault-echo; do
    trace -v call planetscale.list_databases "organization=$organization" --timeout 1 --json
    grep -F "$TOKEN" "$work/server/trace" | grep -vF "TCP:[127.0.0.1" >"$work/server/elsewhere"
    [ ! -s "$work/server/elsewhere" ] || fail "$organization: a secret was written elsewhere"
    for form in "$TOKEN" "$(base64_of "$TOKEN")" "$(base64_of "$TOKEN_ID:$TOKEN")"; do
        grep -qF "$form" "$work/out" "$work/err" && fail "$organization: a secret is in the output"
    done
done

# Storing, listing and removing write it nowhere in clear.
printf '%s' "$TOKEN" >"$work/server/value"
ASAN_OPTIONS=detect_leaks=0 strace -f -yy -s 100000 -e trace=write,writev,pwrite64 -o "$work/server/trace" \
    "$KK_BIN/kk" keyring set planetscale/other/service_token <"$work/server/value" >"$work/out" 2>"$work/err" || fail 'set failed'
grep -q 'keyring.kkr\|kkr.tmp' "$work/server/trace" || fail 'the trace does not show the keyring being written'
grep -F CANARY "$work/server/trace" && fail 'set wrote the secret in clear'
run keyring list --json
expect_ok
run keyring which planetscale --json
expect_ok
run keyring rm planetscale/other --yes
expect_ok

# A run that dies leaves no core.
mkdir "$work/cores" && cd "$work/cores" || exit 1
ulimit -c unlimited 2>/dev/null
"$KK_BIN/kk" call planetscale.list_databases organization=fault-never --timeout 20 >/dev/null 2>&1 &
victim=$!
tries=0
until grep -q fault-never "$server_log" && [ "$(grep -c fault-never "$server_log")" -ge 2 ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call to be killed did not start'
    sleep 0.02
done
kill -ABRT "$victim"
wait "$victim" 2>/dev/null
[ -z "$(ls "$work/cores")" ] || fail 'a core was written'
cd / || exit 1
expect_no_canary
