#!/bin/sh
# The tape of the tree: every function and the documentation's own arguments, without a keyring, a network or a home.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
rm -rf "$KK_HOME"

replay() { # replay FUNCTION ARGUMENTS [OPTION...]
    function=$1
    arguments=$2
    shift 2
    run --replay "$tape" call "planetscale.$function" "$arguments" --json "$@"
    expect_ok
    expect /meta/transport '"replay"'
}

replay list_databases '{"organization":"acme"}'
replay list_databases '{"organization":"acme","all":true}'
expect /data/complete true
grep -q '"kind":"mysql"' "$work/out" || fail 'no MySQL database'
grep -q '"kind":"postgresql"' "$work/out" || fail 'no PostgreSQL database'
replay list_databases '{"organization":"my-org","page":1,"limit":10}'
replay list_databases '{"organization":"example_organization","page":1,"limit":1}'
replay get_database '{"organization":"my-org","database":"my-database"}'
expect /data/name '"my-database"'
get /data/branches | grep -qE '^[0-9]+$' || fail 'branches is no number'
replay create_database '{"organization":"my-org","name":"my-new-database","region":"us-east-1","notes":"Production database for project X"}' --yes
expect /data/name '"my-new-database"'
replay list_branches '{"organization":"my-org","database":"my-database"}'
replay get_branch '{"organization":"my-org","database":"my-database","branch":"main"}'
expect /data/role '"production"'
replay list_organizations '{}'
replay get_current_user '{}'
expect /meta/account '"main"'
replay get_current_user '{}' --account staging
expect /meta/account '"staging"'

run --replay "$tape" call planetscale.get_current_user --account nobody --json
expect_failure_json account_unknown 4
expect_err staging
run --replay "$tape" call planetscale.get_database organization=acme database=no-such-thing-here --json
expect_failure_json replay_miss 1
get /error/reason >/dev/null || fail 'the miss has no reason'
run --replay "$work/none.har" call planetscale.get_current_user --json
expect_failure_json tape_invalid 1
head -c 5000 "$tape" >"$work/cut.har"
run --replay "$work/cut.har" call planetscale.get_current_user --json
expect_failure_json tape_invalid 1

# The environment's credentials are not looked at, and a write can be rehearsed.
PLANETSCALE_SERVICE_TOKEN_ID=$TOKEN_ID replay get_current_user '{}'
replay create_database '{"organization":"my-org","name":"x"}' --dry-run
expect /data null
expect /meta/dry_run true
expect /meta/policy '"ask"'
[ ! -e "$KK_HOME" ] || fail 'a replay made a home'

# What is left of a tape is told where it was asked for, and only after a call that went well.
cat >"$work/two.har" <<'EOF'
{"log": {"version": "1.2", "creator": {"name": "kk", "version": "1"}, "_tape": {"format": 1}, "entries": [
 {"_id": "user", "time": 45000, "request": {"method": "GET", "url": "https://api.planetscale.com/v1/user"},
  "response": {"status": 200, "content": {"_json": {"id": "u1", "name": "Robin Example"}}}},
 {"_id": "later", "request": {"method": "GET", "url": "https://api.planetscale.com/v1/organizations"},
  "response": {"status": 200, "content": {"_json": {}}}}]}}
EOF
run --replay "$work/two.har" call planetscale.get_current_user --json
expect_ok
run --replay "$work/two.har" --replay-all-used call planetscale.get_current_user --json
expect_failure_json replay_miss 1
expect /error/reason '"unused"'
expect_err "1 entry of '$work/two.har' was not used: later"
run --replay "$work/two.har" --replay-all-used call planetscale.get_database organization=a database=b
expect_failure replay_miss 1
expect_err 'no entry for'
run --replay-all-used call planetscale.get_current_user --dry-run
[ "$status" != 0 ] || fail 'nothing is replayed, and all of it is used'
replay get_current_user '{}'
run --replay "$work/two.har" --replay-delay recorded --timeout 60 call planetscale.get_current_user --json
expect_ok
run --replay "$work/two.har" --replay-delay recorded --timeout 40 call planetscale.get_current_user --json
expect_failure_json timeout 7
run --replay "$work/two.har" --replay-delay soon call planetscale.get_current_user
expect_failure usage 2

# Neither the live module nor libcurl is loaded.
if [ -z "${KK_WRAP:-}" ]; then
    ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat,open -o "$work/server/trace" "$KK_BIN/kk" --replay "$tape" call planetscale.get_current_user '{}' \
        >/dev/null || fail 'the traced run failed'
    grep -q 'planetscale.so' "$work/server/trace" || fail 'the trace shows nothing'
    grep -E 'kk_live|libcurl|libssl' "$work/server/trace" && fail 'the live transport was loaded'
    ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=socket -o "$work/server/trace" "$KK_BIN/kk" --replay "$tape" call planetscale.get_current_user '{}' >/dev/null
    grep -q 'socket(' "$work/server/trace" && fail 'a socket was made'
fi
# Nor are they what the program or its library is linked with; the module is.
ldd "$KK_BIN/../lib/kk/kk_live.so" 2>/dev/null | grep -q libcurl || fail 'the module shows no libcurl, so that this proves nothing'
for file in "$KK_BIN/kk" "$KK_BIN"/../lib/libkkhost.so* "$KK_BIN/../lib/kk/plugins/planetscale.so"; do
    ldd "$file" >"$work/libraries" || fail "ldd does not read $file"
    grep -qE 'libcurl|libssl|libgnutls|libnghttp2' "$work/libraries" && fail "$file is linked with a library of the network"
done
expect_no_canary
