#!/bin/sh
# Every verb of the keyring, and every source of its key, with the real program.
. "$KK_SOURCE/tests/e2e/lib.sh"
unset KK_KEY_FD KK_PASSPHRASE KK_PASSPHRASE_FILE KK_PASSPHRASE_FD CREDENTIALS_DIRECTORY
unset KOSMO_CREDENTIAL_KEY KOSMO_SECRET_KEY
start_server
url="http://127.0.0.1:$port/v1"
file=$KK_HOME/keyring.kkr

pipe() { # pipe TEXT ARGUMENT...: kk with TEXT on its standard input
    printf '%s' "$1" >"$work/server/stdin"
    shift
    run_with "$work/server/stdin" "$@"
}
unchanged() { [ "$(cksum <"$file")" = "$before" ] || fail 'the keyring was changed'; }

# ---- get and list
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"$url\"}"
run keyring get planetscale/main/service_token --json
expect_ok
print=$(get /fingerprint)
[ "${#print}" = 10 ] || fail "the fingerprint is $print"
get /value >/dev/null 2>&1 && fail 'a value is shown without --reveal'
grep -qE 'CANARY|pscale' "$work/out" && fail 'a part of the value is shown'
run keyring get planetscale/main/service_token --reveal
expect_ok
[ "$(cat "$work/out")" = "$TOKEN" ] || fail 'the value is not the one that was stored'
run keyring get planetscale/main/service_token --reveal --json
expect /value "\"$TOKEN\""
: >"$work/out"
run keyring get planetscale/main
expect_failure usage 2
run keyring get planetscale/main/service_tokn
expect_failure account_unknown 4
run keyring list --fingerprint --json
expect_ok
grep -qF "\"fingerprint\":$print" "$work/out" || fail 'list shows another fingerprint'
# The same value has the same fingerprint, also after everything was sealed anew under another data key's name.
export KK_ACCOUNT_PLANETSCALE=main KK_CRED__PLANETSCALE__MAIN__URL=$url
run keyring list --json
expect_ok
for name in KK_ACCOUNT_PLANETSCALE KK_CRED__PLANETSCALE__MAIN__URL; do
    get /overrides | grep -qF "\"$name\"" || fail "$name is not named as an override"
done
run keyring list
expect_err 'KK_ACCOUNT_PLANETSCALE is set'
unset KK_ACCOUNT_PLANETSCALE KK_CRED__PLANETSCALE__MAIN__URL

# ---- exec: the fields, nothing of ours, and the program's own end
export KK_LOG=error
run keyring exec planetscale -- sh -c 'env; exit 7'
unset KK_LOG
[ "$status" = 7 ] || fail "exec ended with $status"
grep -qxF "PLANETSCALE_SERVICE_TOKEN=$TOKEN" "$work/out" || fail 'the token is not in the environment'
grep -qxF "PLANETSCALE_SERVICE_TOKEN_ID=$TOKEN_ID" "$work/out" || fail 'the id is not in the environment'
grep -qxF "PLANETSCALE_URL=$url" "$work/out" || fail 'the URL is not in the environment'
grep -q '^KK_' "$work/out" && fail 'a variable of kk is in the environment'
run keyring exec planetscale --account main -- sh -c 'tr "\0" " " </proc/$$/cmdline'
grep -q CANARY "$work/out" && fail 'an argument holds the token'
run keyring exec planetscale -- sh -c 'kill -PIPE $$; echo alive'
grep -q alive "$work/out" && fail 'SIGPIPE is ignored in the program'
run keyring exec planetscale -- /nowhere/program
expect_failure io 4
run keyring exec planetscale --account other -- true
expect_failure account_unknown 4
: >"$work/out"

# ---- A URL that would take the secrets elsewhere
before=$(cksum <"$file")
pipe http://127.0.0.1:1/v1 keyring set planetscale/main/url
expect_failure approval_required 3
unchanged
pipe "{\"url\":\"http://127.0.0.1:1/v1\",\"service_token_id\":\"$TOKEN_ID\"}" keyring set planetscale/main --json
expect_failure approval_required 3
unchanged
pipe https://api.planetscale.com/v1 keyring set planetscale/main/url
expect_ok
pipe "$url" keyring set planetscale/main/url
expect_failure approval_required 3
pipe "$url" keyring set planetscale/main/url --yes
expect_ok
pipe "http://127.0.0.1:$port/v2" keyring set planetscale/main/url
expect_ok
pipe "{\"url\":\"$url\",\"service_token\":\"$TOKEN\",\"service_token_id\":\"$TOKEN_ID\"}" keyring set planetscale/main --json
expect_ok

# ---- Slots
pipe 'correct horse' keyring slot add --new-passphrase --label laptop --json
expect_ok
number=$(get /slot)
run keyring slot list --json
expect_ok
expect /slots/1/kind '"passphrase"'
expect /slots/1/label '"laptop"'
expect /slots/1/slot "$number"
expect /slots/1/passes 3
run keyring slot add --recovery --json
expect_ok
recovery=$(get /key | tr -d '"')
expect_ok
mv "$work/key" "$work/server/key-away"
before=$(cksum <"$file")
run keyring get planetscale/main/url
expect_failure io 4
# A source that is named and fails is final, though the configuration's is there too.
mv "$work/server/key-away" "$work/key"
for wrong in KK_KEY=KRKEY1-typo KK_KEY_FILE=/nowhere KK_KEY_FD=77 KK_KEY_FD=x KK_PASSPHRASE_FILE=/nowhere; do
    last="get with $wrong"
    env "$wrong" "$KK_BIN/kk" keyring get planetscale/main/url </dev/null >"$work/out" 2>"$work/err" && fail 'it went on'
done
with() { # with VARIABLE=VALUE ARGUMENT...
    variable=$1
    shift
    last="$* with ${variable%%=*}"
    status=0
    env "$variable" "$KK_BIN/kk" "$@" </dev/null >"$work/out" 2>"$work/err" || status=$?
}
with KK_PASSPHRASE='wrong horse' keyring get planetscale/main/url
expect_failure wrong_key 4
with KK_PASSPHRASE='correct horse' keyring get planetscale/main/url --reveal
expect_ok
[ "$(cat "$work/out")" = "$url" ] || fail 'the passphrase opened something else'
with KK_KEY="$recovery" keyring get planetscale/main/url
expect_ok
export KK_KEY="$recovery"
with KK_PASSPHRASE='correct horse' keyring get planetscale/main/url
unset KK_KEY
expect_failure key_ambiguous 4
printf '%s\n' "$recovery" >"$work/server/recovery"
chmod 600 "$work/server/recovery"
"$KK_BIN/kk" keyring get planetscale/main/url --reveal --key-fd 9 9<"$work/server/recovery" >"$work/out" || fail '--key-fd'
[ "$(cat "$work/out")" = "$url" ] || fail 'the descriptor opened something else'
run keyring get planetscale/main/url --key-fd 1
expect_failure usage 2
run keyring get planetscale/main/url --key-fd 9 --key-file "$work/key"
expect_failure key_ambiguous 4
unchanged
printf 'battery staple' >"$work/server/stdin"
run_with "$work/server/stdin" keyring slot passwd --json
expect_ok
[ "$(get /slot)" -gt "$number" ] || fail 'a number was given twice'
number=$(get /slot)
with KK_PASSPHRASE='correct horse' keyring get planetscale/main/url
expect_failure wrong_key 4
with KK_PASSPHRASE='battery staple' keyring get planetscale/main/url
expect_ok
run keyring slot rm 1
expect_failure approval_required 3
run keyring slot rm 99 --yes
expect_failure invalid_args 2
run keyring slot rm 3 --yes
run keyring slot rm "$number" --yes
expect_ok
run keyring slot list --json
last_slots=$(grep -o '"slot":' "$work/out" | wc -l)
while [ "$last_slots" -gt 1 ]; do
    run keyring slot rm "$(get /slots/1/slot)" --yes
    expect_ok
    run keyring slot list --json
    last_slots=$((last_slots - 1))
done
run keyring slot rm 1 --yes
expect_failure invalid_args 2
expect_err 'last one'

# ---- A new data key
pipe 'another horse' keyring slot add --new-passphrase
expect_ok
cp "$file" "$work/server/old.kkr"
run keyring rekey --full
expect_failure approval_required 3
run keyring rekey --yes
expect_failure usage 2
run keyring rekey --full --yes --json
expect_ok
expect /dropped_slots 1
[ ! -e "$file.bak" ] || fail 'the copy of before is still there'
with KK_PASSPHRASE='another horse' keyring get planetscale/main/url
expect_failure wrong_key 4
run keyring get planetscale/main/service_token --reveal
[ "$(cat "$work/out")" = "$TOKEN" ] || fail 'a value changed'
: >"$work/out"
# The same under a passphrase alone.
pipe 'third horse' keyring slot add --new-passphrase
with KK_PASSPHRASE='third horse' keyring rekey --full --yes
expect_ok
run keyring get planetscale/main/url
expect_failure wrong_key 4
with KK_PASSPHRASE='third horse' keyring slot add --new-key-file "$work/key"
expect_ok

# ---- Copies
run keyring export -o "$work/copy.kkr" --json
expect_ok
expect /values 3
copy_key=$(get /key | tr -d '"')
: >"$work/out"
grep -qF CANARY "$work/copy.kkr" && fail 'the copy holds a value in clear'
run keyring export -o "$work/copy.kkr"
expect_failure io 4
run keyring export -o "$work/none.kkr" --only stripe
expect_failure account_unknown 4
[ ! -e "$work/none.kkr" ] || fail 'a copy of nothing was made'
pipe "$copy_key" keyring import "$work/copy.kkr" --json
expect_ok
expect /same 3
pipe "$STAGING_TOKEN" keyring set planetscale/main/service_token
before=$(cksum <"$file")
pipe "$copy_key" keyring import "$work/copy.kkr"
expect_failure conflict 1
unchanged
pipe "$copy_key" keyring import "$work/copy.kkr" --on-conflict replace --dry-run --json
expect /replaced 1
unchanged
pipe "$copy_key" keyring import "$work/copy.kkr" --on-conflict skip --json
expect /skipped 1
unchanged
pipe KRKEY1-typo keyring import "$work/copy.kkr"
expect_failure key_syntax 4
pipe 'no passphrase' keyring import "$work/copy.kkr"
expect_failure wrong_key 4
pipe "$copy_key" keyring import "$work/copy.kkr" --on-conflict replace --json
expect /replaced 1
run keyring rm planetscale/main --yes
pipe "$copy_key" keyring import "$work/copy.kkr" --json
expect /added 3
run keyring which planetscale --json
expect_ok
expect /rule '"the default"'
run call planetscale.get_current_user --json
expect_ok

# ---- The session, where the kernel lets us
run keyring unlock --ttl 60s --json
if [ "$status" = 0 ]; then
    mv "$work/key" "$work/server/key-away"
    mv "$KK_HOME/config.json" "$work/server/config.json"
    run keyring get planetscale/main/url
    expect_ok
    pipe "$url" keyring set planetscale/main/url
    expect_ok
    run keyring rekey --full --yes
    expect_failure need_key 4
    run keyring lock --json
    expect /was_open true
    run keyring get planetscale/main/url
    expect_failure need_key 4
    expect_err CREDENTIALS_DIRECTORY
    run keyring lock --json
    expect /was_open false
    mv "$work/server/config.json" "$KK_HOME/config.json"
    mv "$work/server/key-away" "$work/key"
else
    expect_failure io 4
    expect_err 'session keyring cannot be used here'
    echo 'keyring_verbs: the kernel keeps no session keyring here; unlock is tested as far as that goes'
fi
run keyring unlock --ttl 15x
expect_failure usage 2

# ---- doctor
run keyring doctor --json
expect_ok
grep -q '"about":"slots"' "$work/out" || fail 'doctor does not speak of slots'
chmod 644 "$file"
run keyring doctor --json
expect_ok
expect /healthy false
run keyring doctor --fix
expect_ok
run keyring get planetscale/main/url
expect_ok

# ---- A command as the source, and a service's credential
cp "$KK_HOME/config.json" "$work/server/config.json"
printf '{"key_source":{"command":["/bin/cat","%s"]}}' "$work/key" >"$KK_HOME/config.json"
run keyring get planetscale/main/url
expect_ok
printf '{"key_source":{"command":["/bin/false"]}}' >"$KK_HOME/config.json"
run keyring get planetscale/main/url
expect_failure io 4
for bad in '{"command":[]}' '{"command":["cat"]}' '{"command":"cat"}' '{"command":["/bin/cat"],"file":"/x"}' '{}'; do
    printf '{"key_source":%s}' "$bad" >"$KK_HOME/config.json"
    run keyring get planetscale/main/url
    expect_failure usage 2
done
rm "$KK_HOME/config.json"
mkdir -m 700 "$work/server/credentials"
cp "$work/key" "$work/server/credentials/kk.key"
with CREDENTIALS_DIRECTORY="$work/server/credentials" keyring get planetscale/main/url
expect_ok
mv "$work/server/config.json" "$KK_HOME/config.json"

# ---- Another host's credentials: the two published values
cat >"$work/server/rows" <<'END'
[{"key":"integration.planetscale.accounts","value":"{\"default\":true}"},
 {"key":"integration.planetscale.accounts.work.service_token","value":"enc:v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXbLu6XFlDk3Ocbd5nGtPdXEQrBZUUEmrezxPj8BsQ5SRoGA=="},
 {"key":"integration.planetscale.accounts.default.service_token","value":"enc:v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXbLu6XFlDk3Ocbd5nGtPdXEQrBZUUEmrezxPj8BsQ5SRoGA=="},
 {"key":"integration.planetscale.accounts.old.service_token","value":"pscale_tkn_in_clear_on_a_disk"},
 {"key":"theme","value":"dark"}]
END
KK_HOME=$work/second
mkdir -m 700 "$KK_HOME"
run keyring init --key-file "$work/second-key"
expect_ok
export KOSMO_CREDENTIAL_KEY=test-key
run_with "$work/server/rows" keyring import-kosmokrator --json
expect_ok
expect /added 2
expect /left_out 1
grep -qF in_clear "$work/err" && fail 'a value is in a message'
run keyring get planetscale/main/service_token --reveal
[ "$(cat "$work/out")" = pscale_tkn_example ] || fail 'the first published value did not open'
run keyring list --json
expect /accounts/0/account '"main"'
expect /accounts/0/default true
run_with "$work/server/rows" keyring import-kosmokrator --json
expect /same 2
KOSMO_CREDENTIAL_KEY=other-key
run_with "$work/server/rows" keyring import-kosmokrator --json
expect_failure_json wrong_key 4
unset KOSMO_CREDENTIAL_KEY
echo AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= >"$work/server/credentials.key"
cat >"$work/server/rows" <<'END'
[{"key":"integration.planetscale.accounts.third.service_token","value":"enc:v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXcu8wXc04QcaZgE+flPV0gv5k9x14Zv/YBp0uXdCbpbIyRQ=="}]
END
run_with "$work/server/rows" keyring import-kosmokrator --from-key-file "$work/server/credentials.key" --json
expect_ok
expect /added 1
run keyring get planetscale/third/service_token --reveal
[ "$(cat "$work/out")" = pscale_tkn_example ] || fail 'the second published value did not open'

# ---- A keyring of a passphrase alone, with a second way in
KK_HOME=$work/third
mkdir -m 700 "$KK_HOME"
pipe 'fourth horse' keyring init --new-passphrase --recovery --json
expect_ok
recovery=$(get /recovery_key | tr -d '"')
expect /key null
printf '%s' "$TOKEN" >"$work/server/value"
last='set with KK_PASSPHRASE'
KK_PASSPHRASE='fourth horse' "$KK_BIN/kk" keyring set planetscale/main/service_token <"$work/server/value" \
    >"$work/out" 2>"$work/err" || fail 'the passphrase does not serve for storing'
with KK_KEY="$recovery" keyring get planetscale/main/service_token
expect_ok
KK_HOME=$work/fourth
mkdir -m 700 "$KK_HOME"
with KK_PASSPHRASE='fifth horse' keyring init
expect_ok
with KK_PASSPHRASE='fifth horse' keyring slot list --json
expect /slots/0/kind '"passphrase"'
# Little memory: the derivation says so rather than being killed.
last='get with little memory'
if [ -z "${KK_SANITIZE_FLAGS:-}" ]; then
    (ulimit -v 200000 && KK_PASSPHRASE='fifth horse' "$KK_BIN/kk" keyring get a/b/c </dev/null >"$work/out" 2>"$work/err")
    grep -q '^kk: kdf_memory: ' "$work/err" || fail 'little memory is not said'
    # A new passphrase costs less then, which is said too; and nothing is said where there is memory enough.
    KK_HOME=$work/fifth
    mkdir -m 700 "$KK_HOME"
    last='init with little memory'
    printf 'sixth horse' >"$work/server/stdin"
    (ulimit -v 450000 && "$KK_BIN/kk" keyring init --new-passphrase <"$work/server/stdin" >"$work/out" 2>"$work/err")
    [ "$(grep -c '^kk: warning: .*64 MiB' "$work/err")" = 1 ] || fail 'a cheap derivation is not said'
    run keyring slot list --json
    expect /slots/0/memory_bytes 67108864
    KK_HOME=$work/sixth
    mkdir -m 700 "$KK_HOME"
    pipe 'sixth horse' keyring init --new-passphrase
    expect_ok
    [ ! -s "$work/err" ] || fail 'there is a warning without a reason'
    run keyring slot list --json
    expect /slots/0/memory_bytes 268435456
fi
: >"$work/out"
expect_no_canary
