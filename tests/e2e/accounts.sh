#!/bin/sh
# Which account a call uses: every rule, in its order.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
url="http://127.0.0.1:$port/v1"

used() { # used ACCOUNT AUTHORIZATION [OPTION...]: whom the call was made as
    account=$1
    authorization=$2
    shift 2
    run call planetscale.get_current_user --json "$@"
    expect_ok
    expect /meta/account "\"$account\""
    last_header authorization "$authorization"
}

# The vendor's own variables serve where nothing is stored.
export PLANETSCALE_SERVICE_TOKEN_ID=$TOKEN_ID
run call planetscale.get_current_user --json
expect_failure_json partial 4
expect_err PLANETSCALE_SERVICE_TOKEN
export PLANETSCALE_SERVICE_TOKEN=$TOKEN
run keyring which planetscale --json
expect_ok
grep -q '"environment"' "$work/out" || fail 'the account is not shown as environment'

# Without a keyring, everything from the environment.
export KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID=$STAGING_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN=$STAGING_TOKEN
export KK_CRED__PLANETSCALE__URL=$url
used environment "$STAGING_ID:$STAGING_TOKEN"
unset KK_CRED__PLANETSCALE__SERVICE_TOKEN
run call planetscale.get_current_user --json
expect_failure_json partial 4
printf '%s\n' "$STAGING_TOKEN" >"$work/server/token-file"
export KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE="$work/server/token-file"
used environment "$STAGING_ID:$STAGING_TOKEN"

# A file that is empty, that others may write, or that is none is an error of its own, and nothing waits for a FIFO.
refused() { # refused CODE TEXT
    run call planetscale.get_current_user --json
    expect_failure_json "$1" 4
    expect_err "$2"
}
chmod 666 "$work/server/token-file"
refused perms "$KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE"
: >"$work/server/empty"
KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE="$work/server/empty"
refused io KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE
echo >"$work/server/empty"
refused io KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE
mkfifo "$work/server/fifo"
KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE="$work/server/fifo"
refused perms "$KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE"
KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE="$work/server/absent"
# What cannot be opened may be a token in the place of a path.
run call planetscale.get_current_user --json
expect_failure_json io 4
expect_err KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE
! grep -q absent "$work/err" || fail 'the path is repeated'
unset KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN__FILE KK_CRED__PLANETSCALE__URL

export KK_CRED__PLANETSCALE__CI__SERVICE_TOKEN_ID=$STAGING_ID KK_CRED__PLANETSCALE__CI__SERVICE_TOKEN=$STAGING_TOKEN
export KK_CRED__PLANETSCALE__CI__URL=$url
used ci "$STAGING_ID:$STAGING_TOKEN"
used ci "$STAGING_ID:$STAGING_TOKEN" --account ci
unset KK_CRED__PLANETSCALE__CI__SERVICE_TOKEN_ID KK_CRED__PLANETSCALE__CI__SERVICE_TOKEN KK_CRED__PLANETSCALE__CI__URL

# Without a keyring there is no account that a page could be about.
run docs planetscale.production.list_databases
expect_failure unknown_page 2
run docs planetscale
expect_ok
grep -q 'There is no account yet' "$work/out" || fail 'the page does not say that there is no account'

# Stored accounts go before the vendor's variables.
init_keyring
store production "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"$url\"}"
used production "$TOKEN_ID:$TOKEN"
unset PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN
store staging "{\"access_token\":\"$ACCESS_TOKEN\",\"url\":\"$url\"}"
used production "$TOKEN_ID:$TOKEN"
used staging "Bearer $ACCESS_TOKEN" --account staging
used production "$TOKEN_ID:$TOKEN" --account default

run keyring default planetscale --unset
expect_ok
run call planetscale.get_current_user --json
expect_failure_json ambiguous 4
expect_err staging
run keyring default planetscale staging
expect_ok
used staging "Bearer $ACCESS_TOKEN"

# The environment alone cannot send what is stored to a place of its choice.
seen=$(requests)
for name in KK_CRED__PLANETSCALE__STAGING__URL KK_CRED__PLANETSCALE__URL; do
    export "$name=$url/elsewhere"
    run call planetscale.get_current_user --json
    expect_failure_json partial 4
    expect_err "$name"
    unset "$name"
done
printf '%s\n' "$url" >"$work/server/url-file"
export KK_CRED__PLANETSCALE__STAGING__URL__FILE="$work/server/url-file"
run call planetscale.get_current_user --account staging --json
expect_failure_json partial 4
unset KK_CRED__PLANETSCALE__STAGING__URL__FILE
[ "$(requests)" = "$seen" ] || fail 'a stored credential was sent where the environment said'
KK_CRED__PLANETSCALE__STAGING__URL=https://api.planetscale.com/v1 run keyring which planetscale
expect_ok
KK_ACCOUNT_PLANETSCALE=production used production "$TOKEN_ID:$TOKEN"
mkdir "$work/project" && cd "$work/project" || exit 1
printf '{"accounts":{"planetscale":"production"}}' >.kk.json
used production "$TOKEN_ID:$TOKEN"
printf '{"accounts":{"planetscale":"production"},"url":"http://127.0.0.1:1/"}' >.kk.json
run call planetscale.get_current_user --json
[ "$status" = 2 ] || fail 'a project file that sets a URL was accepted'
cd / && rm -r "$work/project"

run call planetscale.get_current_user --account prodution --json
expect_failure_json account_unknown 4
expect_err production
for name in default list_databases; do
    printf '{"url":"%s"}' "$url" >"$work/server/fields.json"
    run_with "$work/server/fields.json" keyring set "planetscale/$name" --json
    expect_failure invalid_args 2
done
# Documentation knows the accounts, by name alone; without the key too, and whatever the keyring is.
run docs planetscale
expect_ok
grep -q 'The accounts are `production`, `staging`\.' "$work/out" || fail 'the accounts are not listed'
run docs integrations.planetscale.staging.list_databases
expect_ok
run docs planetscale.prodution.list_databases --json
expect_failure unknown_page 2
expect_err "'production'"
# A search reads parameters in a process that has done nothing else with them.
run docs --search notes --json
expect /pages/0/page '"integrations.planetscale.create_database"'
expect /pages/0/matched '"parameter"'
run docs planetscale.zzz
expect_failure unknown_page 2
expect_err 'production, staging'
KK_CRED__PLANETSCALE__CI__ACCESS_TOKEN=$ACCESS_TOKEN run docs planetscale.ci.list_databases
expect_ok
mv "$work/key" "$work/server/key"
run docs planetscale.zzz.list_databases
expect_ok
run docs planetscale
expect_ok
! grep -q 'The accounts are' "$work/out" || fail 'accounts are listed that cannot be known'
mv "$work/server/key" "$work/key"
KK_TRANSPORT=replay KK_TAPE="$KK_SOURCE/fixtures/tapes/planetscale.har" run docs planetscale.production
expect_failure unknown_page 2
KK_TRANSPORT=replay KK_TAPE="$KK_SOURCE/fixtures/tapes/planetscale.har" run docs planetscale.main
expect_ok

# What is stored and has no effect is said to have none.
export KK_ACCOUNT_PLANETSCALE=staging
run keyring default planetscale production
expect_ok
expect_err "KK_ACCOUNT_PLANETSCALE is set to 'staging'"
unset KK_ACCOUNT_PLANETSCALE
printf '{"url":"%s"}' "$url" >"$work/server/fields.json"
for name in KK_CRED__PLANETSCALE__MY_OWN__URL KK_CRED__PLANETSCALE__MY_OWN__URL__FILE; do
    export "$name=$url"
    run_with "$work/server/fields.json" keyring set planetscale/my-own --json
    expect_ok
    expect_err "$name is set"
    unset "$name"
done
run keyring rm planetscale/my-own --yes
expect_ok

run keyring rm planetscale/staging --yes
expect_ok
used production "$TOKEN_ID:$TOKEN"
expect_no_canary
