#!/bin/sh
# Keyrings that cannot be used: each gives its own code, and the keyring is as it was.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
keyring=$KK_HOME/keyring.kkr

run call planetscale.get_current_user --json
expect_failure_json no_keyring 4
expect_err 'kk keyring init'

init_keyring
[ "$(stat -c %a "$work/key")" = 600 ] || fail 'the key file is not private'
[ "$(stat -c %a "$keyring")" = 600 ] || fail 'the keyring is not private'
run keyring init --key-file "$work/key"
[ "$status" != 0 ] || fail 'a second init was accepted'

run call planetscale.get_current_user --json
expect_failure_json account_unknown 4

printf '%s' "$TOKEN_ID" >"$work/server/id"
run_with "$work/server/id" keyring set planetscale/main/service_token_id
expect_ok
run call planetscale.get_current_user --json
expect_failure_json credential_incomplete 4
expect_err service_token

printf '{"servce_token":"%s"}' "$TOKEN" >"$work/server/typo"
run_with "$work/server/typo" keyring set planetscale/main --json
expect_failure invalid_args 2
expect_err service_token
printf '%s' "$TOKEN" >"$work/server/token"
run_with "$work/server/token" keyring set planetscale/main/access_token
expect_failure invalid_args 2
expect_err service_token
run_with "$work/server/token" keyring set planetscale/main/service_token
expect_ok
run keyring set planetscale/main/service_token "$TOKEN"
expect_failure usage 2
cp "$keyring" "$work/server/good"

refuse() { # refuse CODE: every verb that reads; the file stays as it is
    cp "$keyring" "$work/server/before"
    run call planetscale.get_current_user --json "$@"
    expect_failure_json "$code" 4
    run_with "$work/server/token" keyring set planetscale/other/service_token "$@"
    expect_failure "$code" 4
    cmp -s "$keyring" "$work/server/before" || fail "$code: the keyring was changed"
}

flip() { # flip OFFSET: one bit of the keyring
    cp "$work/server/good" "$keyring"
    byte=$(od -An -tu1 -j "$1" -N 1 "$keyring" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 1)))" | dd of="$keyring" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

code=corrupt
flip 300
refuse
code=format
head -c 100 "$work/server/good" >"$keyring"
refuse
code=version
flip 8
refuse
cp "$work/server/good" "$keyring"

code=perms
chmod 644 "$keyring"
refuse
expect_err chmod
chmod 600 "$keyring"
chmod 644 "$work/key"
refuse
chmod 600 "$work/key"

# A link whose target is gone, as on a disk that is not mounted, is not the absence of a keyring.
export PLANETSCALE_SERVICE_TOKEN_ID=$TOKEN_ID PLANETSCALE_SERVICE_TOKEN=$TOKEN
mv "$keyring" "$work/server/elsewhere" && ln -s "$work/server/unmounted" "$keyring"
for verb in 'call planetscale.get_current_user --json' 'keyring list --json' 'keyring rm planetscale/main --yes --json'; do
    # shellcheck disable=SC2086
    run $verb
    expect_failure_json io 4
done
run keyring init --key-file "$work/key"
expect_failure io 4
[ ! -e "$work/server/unmounted" ] || fail 'a keyring was made through the link'
rm "$keyring" && mv "$work/server/elsewhere" "$keyring"
unset PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN

code=wrong_key
head -c 32 /dev/urandom >"$work/wrong" && chmod 600 "$work/wrong"
refuse --key-file "$work/wrong"
code=key_syntax
head -c 31 /dev/urandom >"$work/short" && chmod 600 "$work/short"
refuse --key-file "$work/short"
code=need_key
mv "$work/key" "$work/hidden"
run call planetscale.get_current_user --json
[ "$status" = 4 ] || fail 'a missing key file was not noticed'
mv "$work/hidden" "$work/key"
export KK_KEY=KRKEY1-x KK_KEY_FILE="$work/key"
code=key_ambiguous
refuse
unset KK_KEY_FILE
code=key_syntax
refuse
unset KK_KEY

run keyring list
expect_ok
grep -q service_token "$work/out" || fail 'the fields are not listed'
run keyring rm planetscale/main
expect_failure approval_required 3
run keyring rm planetscale/main --yes
expect_ok
run keyring list
expect_ok
grep -q service_token "$work/out" && fail 'the account is still there'
rm -f "$work/wrong" "$work/short"
expect_no_canary
