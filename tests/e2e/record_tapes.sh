#!/bin/sh
# The committed tape is what a recording gives: recording into a copy of it changes no byte, and a tape recorded from nothing
# answers alike.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
cp "$KK_SOURCE/fixtures/tapes/planetscale.har" "$work/merged.har"
sh "$KK_SOURCE/tests/record_tapes.sh" "$KK_BIN" "$work/merged.har" || fail 'the recording failed'
cmp -s "$work/merged.har" "$KK_SOURCE/fixtures/tapes/planetscale.har" ||
    fail "the committed tape is not what the server answers: $(diff "$KK_SOURCE/fixtures/tapes/planetscale.har" "$work/merged.har" | head -40)"
sh "$KK_SOURCE/tests/record_tapes.sh" "$KK_BIN" "$work/fresh.har" || fail 'the recording failed'
[ "$(grep -c '"_id"' "$work/fresh.har")" -ge 20 ] || fail 'there are not all entries'
grep -q 'recordersecret' "$work/fresh.har" && fail 'a secret is on the tape'
run tape redact --check "$work/fresh.har"
expect_ok
for call in 'get_current_user' 'get_current_user --account staging' 'list_databases organization=acme' 'get_branch organization=acme database=shop branch=dev'; do
    # shellcheck disable=SC2086
    run --replay "$KK_SOURCE/fixtures/tapes/planetscale.har" call planetscale.$call --json
    expect_ok
    get /data >"$work/wanted"
    # shellcheck disable=SC2086
    run --replay "$work/fresh.har" call planetscale.$call --json
    expect_ok
    get /data | cmp -s - "$work/wanted" || fail "$call is answered otherwise by a new recording"
done
# An answer that is another one on the tape is noticed.
sed 's/"billing@acme.example"/"other@acme.example"/' "$KK_SOURCE/fixtures/tapes/planetscale.har" >"$work/changed.har"
sh "$KK_SOURCE/tests/record_tapes.sh" "$KK_BIN" "$work/changed.har" || fail 'the recording failed'
grep -q '"billing@acme.example"' "$work/changed.har" || fail 'a changed answer was not recorded'
