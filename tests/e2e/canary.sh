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

# A plugin that is not known is looked at in a worker: it gets no variable, no argument and no byte of a secret.
rm -r "$KK_HOME/cache"
KK_CRED__PLANETSCALE__SERVICE_TOKEN=$TOKEN trace -v call planetscale.list_databases organization=acme --json
grep 'execve(' "$work/server/trace" | grep 'kk-worker' >"$work/server/worker"
[ "$(wc -l <"$work/server/worker")" = 1 ] || fail 'no worker was started, so that this test would prove nothing'
grep -q '\["kk-worker"\], 0x[0-9a-f]* /\* 0 vars \*/' "$work/server/worker" || fail "the worker got more than its name: $(cat "$work/server/worker")"
grep -F "$TOKEN" "$work/server/trace" | grep -vF 'TCP:[127.0.0.1' >"$work/server/elsewhere"
[ ! -s "$work/server/elsewhere" ] || fail 'a secret was written elsewhere while a worker ran'
grep -qaE 'CANARY|cnryid' "$KK_HOME/cache/scan.cache" && fail 'the cache holds a secret'

# The same for failures that have the secret at hand: refused by the server, echoed by it, cancelled by its time.
echoes="fault-echo fault-echo-errors fault-echo-html fault-echo-cut fault-echo-headers fault-echo-location fault-echo-host
    fault-echo-list fault-echo-encoded"
for organization in fault-401 fault-422 fault-html fault-never $echoes; do
    trace -v call planetscale.list_databases "organization=$organization" --timeout 1 --json
    grep -F "$TOKEN" "$work/server/trace" | grep -vF "TCP:[127.0.0.1" >"$work/server/elsewhere"
    [ ! -s "$work/server/elsewhere" ] || fail "$organization: a secret was written elsewhere"
    for form in "$TOKEN" "$(base64_of "$TOKEN")" "$(base64_of "$TOKEN_ID:$TOKEN")"; do
        grep -qF "$form" "$work/out" "$work/err" && fail "$organization: a secret is in the output"
    done
    grep -qE 'CANARY|cnryid' "$work/out" "$work/err" && fail "$organization: a part of a secret is in the output"
    case $organization in
    fault-echo | fault-echo-errors | fault-echo-list | fault-echo-encoded)
        grep -qF '******************' "$work/out" || fail "$organization: nothing was covered, so that this test would prove nothing" ;;
    esac
done

# A script gets results, failures and all that it can reach, and never the secret; nor does the process that it runs in.
if [ "$KK_HAS_LUA" = 1 ]; then
script='dump(_G)
local ps = app.integrations.planetscale
print(#ps.list_databases("acme").data, ps.main.get_current_user().email)
for _, organization in ipairs({"fault-401", "fault-422", "fault-html", "fault-echo", "fault-echo-cut"}) do
  local ok, err = pcall(ps.list_databases, organization)
  dump(err)
  print(tostring(err))
end
print(docs.read("integrations.planetscale"))'
trace -v lua -e "$script" --json
[ "$(grep -c 'execve(.*kk-worker' "$work/server/trace")" -ge 1 ] || fail 'the trace does not show the worker'
grep 'execve(.*kk-worker' "$work/server/trace" | grep -qv '/\* 0 vars \*/' && fail 'a worker got an environment'
expect /success true
expect /calls/5/success false
grep -F "$TOKEN" "$work/server/trace" >"$work/server/with-token"
[ "$(wc -l <"$work/server/with-token")" -ge 6 ] || fail 'the trace does not show the requests of the script'
grep -vF 'TCP:[127.0.0.1' "$work/server/with-token" >"$work/server/elsewhere"
[ ! -s "$work/server/elsewhere" ] || fail "a secret went to a script: $(cut -c1-200 "$work/server/elsewhere")"
for form in "$TOKEN" "$(base64_of "$TOKEN")" "$(base64_of "$TOKEN_ID:$TOKEN")"; do
    grep -qF "$form" "$work/out" "$work/err" && fail 'a secret is in the output of a script'
done
fi

# Recording keeps it out of the tape, also where the service echoes it.
for organization in acme fault-422 fault-401 $echoes; do
    trace -v --record "$work/canary.har" call planetscale.list_databases "organization=$organization" --json
    grep -F "$TOKEN" "$work/server/trace" | grep -vF "TCP:[127.0.0.1" >"$work/server/elsewhere"
    [ ! -s "$work/server/elsewhere" ] || fail "recording $organization: a secret was written elsewhere"
    for form in "$TOKEN" "$TOKEN_ID" "$(base64_of "$TOKEN")" "$(base64_of "$TOKEN_ID:$TOKEN")"; do
        grep -qF "$form" "$work/canary.har" "$work/out" "$work/err" && fail "recording $organization: a secret is on the tape or in the output"
    done
done
[ "$(grep -c '"_id"' "$work/canary.har")" -ge 12 ] || fail 'there is no recording to look at'

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

# Every other verb: what kk writes, prints and starts, with the secrets at hand.  The signal that is sent where the process ends
# would write a core, were cores not switched off: the last line of the trace says whether one was.
mkdir "$work/cores"
ulimit -c unlimited 2>/dev/null
watched() { # watched ARGUMENT...: kk, aborted at its end; stdin is the file value
    last=$*
    (cd "$work/cores" && ASAN_OPTIONS=detect_leaks=0 exec strace -f -yy -s 100000 -e trace=write,writev,pwrite64,sendto,sendmsg,execve,exit_group \
        -e inject=exit_group:retval=0:signal=ABRT -o "$work/server/trace" "$KK_BIN/kk" "$@" <"$work/server/value" >"$work/out" 2>"$work/err") 2>/dev/null
    grep -q 'kk' "$work/server/trace" || fail 'the trace shows nothing'
    grep -q 'exit_group(0)' "$work/server/trace" || fail 'kk failed'
    grep -q 'killed by SIGABRT' "$work/server/trace" || fail 'kk was not aborted, so that this proves nothing about cores'
    if grep -q 'core dumped' "$work/server/trace" || [ -n "$(ls "$work/cores")" ]; then
        fail 'a core was written'
    fi
}
# Without the limit there is one, where this system writes cores for its processes at all.
if [ -z "${KK_SANITIZE_FLAGS:-}" ]; then
    (cd "$work/cores" && KK_DEBUGGABLE=1 strace -e trace=exit_group -e inject=exit_group:retval=0:signal=ABRT -o "$work/server/trace" \
        "$KK_BIN/kk" --version >"$work/out") 2>/dev/null
    grep -q 'killed by SIGABRT (core dumped)' "$work/server/trace" || echo 'canary: this system writes no cores, so that nothing is proven about them'
    rm -f "$work/cores"/*
fi
verb() { # verb ARGUMENT...: watched, and no secret is written, printed or handed on
    watched "$@"
    grep -E 'CANARY|cnryid' "$work/server/trace" && fail "$1 $2 wrote a secret, or gave it to a program"
    grep -qE 'CANARY|cnryid' "$work/out" "$work/err" && fail 'a secret is in the output'
}
shown_once() { # shown_once ARGUMENT...: a verb that makes a key, which goes to standard output and nowhere else
    verb "$@"
    shown=$(grep -oE 'KRKEY1-[A-Za-z0-9_-]{20,}' "$work/out" | head -n 1)
    [ -n "$shown" ] || fail 'no key is shown'
    grep -qF "$shown" "$work/server/trace" || fail 'the trace does not show the key, so that this test would prove nothing'
    grep -F "$shown" "$work/server/trace" | grep -vE '^[0-9]+ +writev?\(1<' && fail 'a key was written elsewhere'
    grep -rqF "$shown" "$KK_HOME" "$work/err" && fail 'a key that was shown is in a file'
    return 0
}
printf 'CANARY passphrase' >"$work/server/value"
verb keyring slot add --new-passphrase --json
verb keyring slot list --json
printf 'CANARY second passphrase' >"$work/server/value"
verb keyring slot passwd --json -v
: >"$work/server/value"
shown_once keyring slot add --recovery --json
verb keyring slot rm "$(get /slot)" --yes --json
verb keyring slot add --new-key-file "$work/server/second-key" --json
number=$(get /slot)
made=$(grep -oE 'KRKEY1-[A-Za-z0-9_-]{20,}' "$work/server/second-key") || fail 'the key file holds no key'
grep -qF "$made" "$work/server/trace" || fail 'the trace does not show the key, so that this test would prove nothing'
grep -F "$made" "$work/server/trace" | grep -vE "^[0-9]+ +write\([0-9]+<$work/server/" && fail 'a key was written elsewhere than to its file'
grep -rqF "$made" "$KK_HOME" "$work/out" "$work/err" && fail 'a key that was made is in another file than its own'
verb keyring slot rm "$number" --yes
verb keyring list --fingerprint --json
verb keyring get planetscale/main/service_token --json
verb keyring doctor
verb keyring doctor --fix --json
printf 'CANARY copy' >"$work/server/value"
verb keyring export -o "$work/copy.kkr" --new-passphrase --json
verb keyring import "$work/copy.kkr" --json
verb keyring import "$work/copy.kkr" --dry-run
printf 'CANARY wrong' >"$work/server/value"
run_with "$work/server/value" keyring import "$work/copy.kkr" --json -v
expect_failure_json wrong_key 4
KK_KEY='CANARY-is-no-key' "$KK_BIN/kk" keyring get planetscale/main/url --json -v >"$work/out" 2>"$work/err" && fail 'a text that is no key opened it'
grep -qF CANARY "$work/out" "$work/err" && fail 'KK_KEY is repeated'
KK_PASSPHRASE='CANARY-is-wrong' KK_LOG=debug "$KK_BIN/kk" keyring get planetscale/main/url --json >"$work/out" 2>"$work/err" && fail 'a wrong passphrase opened it'
grep -qF CANARY "$work/out" "$work/err" && fail 'KK_PASSPHRASE is repeated'
: >"$work/server/value"
verb keyring rekey --full --yes
verb keyring slot list
verb keyring default planetscale main
verb keyring ack
run keyring unlock --ttl 5s
[ "$status" = 0 ] || expect_failure io 4
verb keyring lock
# exec gives it to the one program that is asked for, in its environment and nowhere else.
ASAN_OPTIONS=detect_leaks=0 strace -f -v -s 100000 -e trace=execve -o "$work/server/trace" \
    "$KK_BIN/kk" keyring exec planetscale --account main -- true >"$work/out" 2>"$work/err" || fail 'exec failed'
[ "$(grep -c 'execve(.*= 0$' "$work/server/trace")" = 2 ] || fail 'exec started something else as well'
grep -F CANARY "$work/server/trace" | sed 's/^\([^[]*\[[^]]*\]\).*/\1/' | grep -F CANARY && fail 'an argument holds the token'
rm "$work/copy.kkr"
shown_once keyring export -o "$work/copy.kkr" --json
rm "$work/copy.kkr"

# Another host's values, and its key, which comes in the environment.
cat >"$work/server/value" <<'END'
[{"key":"integration.planetscale.accounts.theirs.service_token","value":"enc:v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXbLu6XFlDk3Ocbd5nGtPdXEQrBZUUEmrezxPj8BsQ5SRoGA=="},
 {"key":"integration.planetscale.accounts.clear.service_token","value":"pscale_tkn_CANARYinclear"}]
END
export KOSMO_CREDENTIAL_KEY=test-key
for flag in --dry-run --json; do
    verb keyring import-kosmokrator $flag
    grep -qF pscale_tkn_example "$work/server/trace" "$work/out" "$work/err" && fail 'an imported value was written'
    grep -qF test-key "$work/server/trace" "$work/out" "$work/err" && fail "another host's key was written"
done
expect /added 1
unset KOSMO_CREDENTIAL_KEY
: >"$work/server/value"
verb keyring rm planetscale/theirs --yes

# Values that are refused, swapped with names, cut or doubled are not repeated, and nothing of them is stored.
before=$(cksum <"$KK_HOME/keyring.kkr")
refused_values() { # refused_values PLACE: of the text in value
    strace -f -yy -x -s 100000 -e trace=write,writev,pwrite64,sendto,sendmsg -o "$work/server/trace" \
        "$KK_BIN/kk" keyring set "$1" --json -v <"$work/server/value" >"$work/out" 2>"$work/err" && fail 'set stored it'
    grep -qF 'CANARY' "$work/out" "$work/err" "$work/server/trace" && fail 'a refused value is in the output'
    grep -q 'kk: ' "$work/server/trace" || fail 'the trace shows no message'
    [ "$(cksum <"$KK_HOME/keyring.kkr")" = "$before" ] || fail 'the keyring was changed'
}
for text in '{"@":"service_token"}' '{"@":1}' '{"@":"a","@":"b"}' '{"access_token":"@"}' '{"service_token":"@","url":"x"}' \
    '{"service_token":"@' '{"service_token":{"a":"@"}}' '["@"]' '"@"' '@' '{"service_token":"@","x":"@"}' \
    '{"service_token":"@","service_token":"@"}' '{"url":"https://u:@@127.0.0.1/"}' \
    '{"service_token":"@\n"}' '{"service_token_id":"@"}'; do
    printf %s "$text" | sed "s/@/$TOKEN/" | sed "s/@/$TOKEN/" >"$work/server/value"
    refused_values planetscale/other
    refused_values planetscale/default
done
printf '{"%s":"service_token"}' "$TOKEN" >"$work/server/value"
refused_values nosuchplugin/main
printf '{"pscale_tkn_%s":"service_token"}' canary00lowercase >"$work/server/value"
refused_values planetscale/other
grep -q canary00 "$work/out" "$work/err" && fail 'a value in the place of a name is in the output'

# Text for the log goes at its most talkative, and a tape is replayed without a look at what the environment holds.
export KK_LOG=debug
printf '{"service_token_id":"%s","service_token":"%s","url":"http://127.0.0.1:%s/v1"}' "$TOKEN_ID" "$TOKEN" "$port" >"$work/server/value"
run_with "$work/server/value" keyring set planetscale/other --json -v
expect_ok
run call planetscale.list_databases organization=acme --account other --json
expect_ok
grep -q '^kk: debug: ' "$work/err" || fail 'there is no debug log to look at'
run keyring rm planetscale/other --yes
expect_ok
expect_no_canary
export PLANETSCALE_SERVICE_TOKEN_ID=$TOKEN_ID PLANETSCALE_SERVICE_TOKEN=$TOKEN
export KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID=$TOKEN_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN=$TOKEN
run call planetscale.list_databases organization=acme --json --replay "$KK_SOURCE/fixtures/tapes/planetscale.har"
expect_ok
run call planetscale.list_databases organization=nobody-recorded-this --json --replay "$KK_SOURCE/fixtures/tapes/planetscale.har"
expect /error/code '"replay_miss"'
expect_no_canary
unset PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN KK_LOG
unset KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN

# The key in the environment is overwritten where it stood, as the system shows it.
KK_HOME=$work/server/second
export KK_HOME
mkdir -m 700 "$KK_HOME"
KK_KEY=$("$KK_BIN/kk" keyring init | grep -o 'KRKEY1-[A-Za-z0-9_-]*')
export KK_KEY
run_with "$work/server/value" keyring set planetscale/main --json
expect_ok
seen=$(grep -c fault-never "$server_log")
"$KK_BIN/kk" call planetscale.list_databases organization=fault-never --timeout 20 >/dev/null 2>&1 &
victim=$!
tries=0
until [ "$(grep -c fault-never "$server_log")" -gt "$seen" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call to be looked at did not start'
    sleep 0.02
done
tr '\0' '\n' <"/proc/$victim/environ" >"$work/server/environ"
kill -9 "$victim"
wait "$victim" 2>/dev/null
grep -q '^KK_HOME=' "$work/server/environ" || fail 'the environment of the call cannot be seen, so that this test proves nothing'
grep -qF "$KK_KEY" "$work/server/environ" && fail 'the key is still in the environment'
unset KK_KEY
KK_HOME=$work/home

# A run that dies in the middle leaves no core.
cd "$work/cores" || exit 1
before=$(grep -c fault-never "$server_log")
"$KK_BIN/kk" call planetscale.list_databases organization=fault-never --timeout 20 >/dev/null 2>&1 &
victim=$!
tries=0
until [ "$(grep -c fault-never "$server_log")" -gt "$before" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call to be killed did not start'
    sleep 0.02
done
# Where this machine sends cores is not ours to choose; a limit of 1 is what the kernel heeds in every case.
grep -qE '^Max core file size +1 +1 ' "/proc/$victim/limits" || fail "a core may be written: $(grep core "/proc/$victim/limits")"
kill -ABRT "$victim"
wait "$victim" 2>/dev/null
[ -z "$(ls "$work/cores")" ] || fail 'a core was written'
cd / || exit 1
expect_no_canary
