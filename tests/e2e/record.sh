#!/bin/sh
# What is recorded from a live service: the caller sees what it would see anyway, the tape has no secret, replays to the same
# envelopes, and changes only where the service's answers do.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
store staging "{\"access_token\":\"$ACCESS_TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
run keyring default planetscale main
expect_ok
tape=$work/made.har

# What may differ between a live call and its replay.
strip() { # strip <ENVELOPE: on standard input
    sed 's/"duration_ms":[0-9.]*/"duration_ms":0/; s/"transport":"[a-z]*"/"transport":""/; s/"delay_ms":[0-9]*/"delay_ms":0/g'
}

both() { # both FUNCTION ARGUMENTS [OPTION...]: the same live, recorded, and replayed from a tape of its own
    function=$1 arguments=$2
    shift 2
    one=$work/one.har
    rm -f "$one"
    run call "planetscale.$function" "$arguments" --json "$@"
    strip <"$work/out" >"$work/live"
    run --record "$one" call "planetscale.$function" "$arguments" --json "$@"
    expect /meta/transport '"record"'
    recorded=$status
    strip <"$work/out" >"$work/recorded"
    [ ! -e "$one.lock" ] || fail 'the lock is still there'
    run --replay "$one" --replay-all-used call "planetscale.$function" "$arguments" --json "$@"
    [ "$status" = "$recorded" ] || fail "exit status $status, and $recorded when it was recorded"
    expect /meta/transport '"replay"'
    strip <"$work/out" >"$work/replayed"
    cmp -s "$work/live" "$work/recorded" || fail "$function $arguments: recording changed what the caller sees: $(diff "$work/live" "$work/recorded")"
    cmp -s "$work/recorded" "$work/replayed" || fail "$function $arguments: the replay differs: $(diff "$work/recorded" "$work/replayed")"
}



both get_current_user '{}'
both get_current_user '{}' --account staging
both list_organizations '{}'
both list_databases '{"organization":"acme","all":true,"limit":5}'
both get_database '{"organization":"acme","database":"shop"}'
both list_branches '{"organization":"acme","database":"shop","q":"dev"}'
both get_branch '{"organization":"acme","database":"shop","branch":"main"}'
for fault in 400-code 401 403 404 422 errors-array oauth available html html-502 empty not-json data-null; do
    both list_databases "{\"organization\":\"fault-$fault\"}"
done
# A write once more than live is another write.
run --record "$work/write.har" call planetscale.create_database '{"organization":"acme","name":"recorded-1"}' --yes --json
expect_ok
strip <"$work/out" >"$work/recorded"
run --replay "$work/write.har" call planetscale.create_database '{"organization":"acme","name":"recorded-1"}' --yes --json
strip <"$work/out" | cmp -s - "$work/recorded" || fail 'the write is replayed differently'

# Failures are entries, with the same code and the same effect.
for fault in reset half 50mb redirect; do
    run --record "$work/failed.har" call planetscale.list_databases "organization=fault-$fault" --json --timeout 5
    code=$(get /error/code) effect=$(get /error/effect) recorded=$status
    run --replay "$work/failed.har" call planetscale.list_databases "organization=fault-$fault" --json --timeout 5
    expect /error/code "$code"
    expect /error/effect "$effect"
    [ "$status" = "$recorded" ] || fail "fault-$fault: exit status $status, not $recorded"
done

# One tape of several runs and accounts: they are merged, and a run that finds nothing new changes no byte of the file.
run --record "$tape" call planetscale.get_current_user --json
expect_ok
run --record "$tape" call planetscale.get_current_user --account staging --json
expect_ok
run --record "$tape" call planetscale.list_databases organization=acme --json
expect_ok
[ "$(stat -c %a "$tape")" = 600 ] || fail "the tape's mode is $(stat -c %a "$tape")"
[ "$(grep -c '"_id"' "$tape")" = 3 ] || fail 'there are not three entries'
ls -li --time-style=full-iso "$tape" >"$work/before"
cp "$tape" "$work/copy.har"
for call in get_current_user 'get_current_user --account staging' 'list_databases organization=acme'; do
    # shellcheck disable=SC2086
    run --record "$tape" call planetscale.$call --json
    expect_ok
done
ls -li --time-style=full-iso "$tape" | cmp -s - "$work/before" || fail 'an unchanged tape was written'
cmp -s "$tape" "$work/copy.har" || fail 'an unchanged tape was changed'
# Of an entry whose answer has changed, the new one takes the place; the others keep their bytes.
sed 's/"Robin Example"/"Somebody Else"/' "$work/copy.har" >"$tape"
run --record "$tape" call planetscale.get_current_user --json
expect_ok
[ "$(grep -c '"_id"' "$tape")" = 3 ] || fail 'the changed entry was added, not replaced'
[ "$(grep -c '"Somebody Else"' "$tape")" -lt "$(sed 's/"Robin Example"/"Somebody Else"/' "$work/copy.har" | grep -c '"Somebody Else"')" ] || fail 'the changed entry was not replaced'
run --replay "$tape" call planetscale.list_databases organization=acme --json
expect_ok
run --replay "$tape" call planetscale.get_current_user --json
expect /meta/account '"main"'
grep -q "127.0.0.1" "$tape" && fail 'the address of the server is on the tape'

# A second recorder is refused, and the tape as it was when one is killed.
cp "$tape" "$work/copy.har"
seen=$(grep -c fault-never "$server_log")
"$KK_BIN/kk" --record "$tape" call planetscale.list_databases organization=fault-never --timeout 20 >/dev/null 2>&1 &
victim=$!
tries=0
until [ "$(grep -c fault-never "$server_log")" -gt "$seen" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call to be killed did not start'
    sleep 0.02
done
run --record "$tape" call planetscale.get_current_user --json
expect_failure_json locked 4
kill -9 "$victim"
wait "$victim" 2>/dev/null
cmp -s "$tape" "$work/copy.har" || fail 'a killed recorder changed the tape'
run --record "$tape" call planetscale.get_current_user --json
expect_ok

# Killed at any step of the saving, too, it leaves the old tape or the new one, and nothing that would be in the way.
if [ -z "${KK_WRAP:-}" ]; then
    kept=0 replaced=0
    for step in openat write fsync rename,renameat,renameat2 unlink,unlinkat; do
        for number in 1 2 3 4 5 6 7 8; do
            # The files of the program itself are opened before: those count from the tape's folder on.
            case $step in openat) path="-P $work -P $tape -P $tape.lock" ;; *) path= ;; esac
            cp "$work/copy.har" "$tape"
            # shellcheck disable=SC2086
            ASAN_OPTIONS=detect_leaks=0 strace -f $path -o "$work/server/trace" -e trace=$step -e inject=$step:signal=KILL:when=$number \
                "$KK_BIN/kk" --record "$tape" call planetscale.get_branch '{"organization":"acme","database":"shop","branch":"main"}' >/dev/null 2>&1
            grep -q 'killed by SIGKILL' "$work/server/trace" || break
            if cmp -s "$tape" "$work/copy.har"; then
                kept=$((kept + 1))
            else
                run tape lint "$tape"
                expect_ok
                grep -q '/branches/main"' "$tape" || fail "killed at $step $number: the tape is neither the old nor the new one"
                replaced=$((replaced + 1))
            fi
        done
    done
    [ $kept -ge 5 ] && [ $replaced -ge 1 ] || fail "killed $kept times before and $replaced times after the tape was replaced: this proves nothing"
    cp "$work/copy.har" "$tape"
    run --record "$tape" call planetscale.get_current_user --json
    expect_ok
    cmp -s "$tape" "$work/copy.har" || fail 'after the killed recorders an unchanged tape was changed'
fi

# Cancelled is no result: the tape stays.
seen=$(grep -c fault-never "$server_log")
"$KK_BIN/kk" --record "$tape" call planetscale.list_databases organization=fault-never --timeout 20 >"$work/out" 2>"$work/err" &
victim=$!
tries=0
until [ "$(grep -c fault-never "$server_log")" -gt "$seen" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call to be cancelled did not start'
    sleep 0.02
done
kill -TERM "$victim"
wait "$victim" 2>/dev/null
grep -q '^kk: cancelled: ' "$work/err" || fail 'the call was not cancelled'
cmp -s "$tape" "$work/copy.har" || fail 'a cancelled run changed the tape'

# What cannot be recorded is said before anything is sent.
before=$(requests)
run --record "$tape" --replay "$tape" call planetscale.get_current_user --json
expect_failure_json usage 2
run --record "$work/no/such/folder/x.har" call planetscale.get_current_user --json
expect_failure_json io 4
printf 'not a tape' >"$work/bad.har"
run --record "$work/bad.har" call planetscale.get_current_user --json
expect_failure_json tape_invalid 1
[ "$(cat "$work/bad.har")" = 'not a tape' ] || fail 'what is no tape was overwritten'
CI=true run --record "$tape" call planetscale.get_current_user --json
expect_failure_json denied 3
KK_TRANSPORT=record run call planetscale.get_current_user --json
expect_failure_json usage 2
store short "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"pscale_tkn_x\",\"url\":\"http://127.0.0.1:$port/v1\"}"
[ "$(requests)" = "$before" ] || fail 'something was sent'
CI=true KK_RECORD_IN_CI=1 KK_TRANSPORT=record KK_TAPE=$work/ci.har run call planetscale.get_current_user --json
expect_ok
[ -s "$work/ci.har" ] || fail 'nothing was recorded'
run --record "$work/none.har" call planetscale.get_database organization=acme database=../x --json
expect_failure_json invalid_args 2
[ ! -e "$work/none.har" ] || fail 'a tape of nothing was written'

# A recording has nothing that 'kk tape redact' would take out; what somebody put in by hand it finds, and tells no value.
run tape redact --check "$tape" "$KK_SOURCE/fixtures/tapes/planetscale.har"
expect_ok
expect_no_output
run tape lint "$tape"
expect_ok
cp "$tape" "$work/server/by-hand.har"
sed 's|"email": "robin@example.com"|"email": "someone@real.example.io", "plain_text": "hand-CANARY-1"|; s|/databases?page=1|/databases?token=CANARY-2\&page=1|; s|"queryString": \[$|"queryString": [], "_old": [|' \
    "$tape" >"$work/server/by-hand.har"
run tape redact --check "$work/server/by-hand.har" --json
expect_failure tape_invalid 1
expect /success false
grep -q CANARY "$work/out" "$work/err" && fail 'a value is in the output'
grep -q '/response/content/_json' "$work/out" || fail 'the place is not told'
run tape redact "$work/server/by-hand.har"
expect_ok
grep -q 'CANARY\|someone@' "$work/server/by-hand.har" && fail 'a secret stayed'
run tape redact --check "$work/server/by-hand.har"
expect_ok
run --replay "$work/server/by-hand.har" call planetscale.get_current_user --json
get /data/plain_text | grep -q '^"REDACTED0000000[0-9]"$' || fail 'what took the place of the secret is no fake'
printf '{"log":{"version":"1.2","creator":{},"_tape":{"format":1},"entries":[{"request":{"method":"GET","url":"https://h/"},"response":{"status":200,"content":{"text":"AKIACANARYCANARY1234"}}}]}}' >"$work/server/aws.har"
run tape redact --check "$work/server/aws.har"
expect_failure tape_invalid 1
grep -q CANARY "$work/out" "$work/err" && fail 'a value is in the output'

# No secret in any of it, in any encoding.
expect_no_canary
for form in "$(printf %s "$TOKEN" | base64 -w0)" "$(printf %s "$TOKEN_ID:$TOKEN" | base64 -w0)" "$(printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n')"; do
    grep -rlF "$form" "$work" --exclude-dir=server && fail 'an encoded secret is on a tape'
done
true
