#!/bin/sh
# kk tape: the tools on real files, their exit statuses, and both forms of their output.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
fixtures=$KK_SOURCE/fixtures/tapes
rm -rf "$KK_HOME"

# ---- import, and what is made of it goes through every other tool
for name in chrome firefox playwright mitmproxy charles slack; do
    tape="$work/$name.har"
    run tape import "$fixtures/har/$name.har" "$tape"
    expect_ok
    cmp -s "$tape" "$fixtures/har/$name.tape" || fail "the tape of $name is another"
    [ "$(stat -c %a "$tape")" = 600 ] || fail 'others may read the tape'
    run tape fmt --check "$tape"
    expect_ok
    run tape lint "$tape"
    expect_ok
    expect_no_output
done
run tape import "$fixtures/har/chrome.har" "$work/chrome.har"
expect_failure usage 2
expect_err '--yes'
run tape import "$fixtures/har/chrome.har" "$work/chrome.har" --yes --json
expect_ok
expect /written true
expect /notes/0/kind '"dropped"'
run tape import "$fixtures/har/chrome.har" "$work/other.har" --dry-run --json
expect_ok
expect /written false
[ ! -e "$work/other.har" ] || fail 'a dry run wrote a file'
run tape import "$fixtures/none.har" "$work/other.har" --json
expect_failure_json tape_invalid 1
expect /error/reason '"tape_missing"'
run tape import "$work/chrome.har" "$work/no/such/place.har"
expect_failure io 4

# ---- fmt
cp "$fixtures/har/chrome.tape" "$work/a.har"
chmod 640 "$work/a.har"
sed -i 's/^ *//' "$work/a.har"
cp "$work/a.har" "$work/ugly.har"
run tape fmt --check "$work/a.har" "$work/chrome.har" --json
[ "$status" = 1 ] || fail "exit status $status"
expect /success false
expect /files/0/changed true
expect /files/1/changed false
cmp -s "$work/a.har" "$work/ugly.har" || fail 'a check changed the file'
run tape fmt "$work/a.har" "$work/chrome.har"
expect_ok
[ "$(cat "$work/out")" = "$work/a.har" ] || fail 'not the one changed file is named'
cmp -s "$work/a.har" "$work/chrome.har" || fail 'the tape is not formatted'
[ "$(stat -c %a "$work/a.har")" = 640 ] || fail 'the mode is another'
run tape fmt "$work/a.har"
expect_ok
expect_no_output
echo '{"log":' >"$work/bad.har"
run tape fmt "$work/bad.har"
expect_failure tape_invalid 1
[ "$(cat "$work/bad.har")" = '{"log":' ] || fail 'a file that is no tape was changed'

# ---- lint
run tape lint "$work/a.har" "$work/bad.har"
expect_failure tape_invalid 1
grep -q "^'$work/bad.har' line 2: " "$work/out" || fail 'the line is not told'
sed 's/"name": "orders"/"name": "pscale_tkn_CANARYservicetokenAAAA1111"/' "$work/a.har" >"$work/server/leak.har"
run tape lint "$work/server/leak.har" --json
[ "$status" = 1 ] || fail "exit status $status"
expect /success false
expect /files/0/notes/0/kind '"error"'
expect /files/0/notes/0/pointer '"/log/entries/0/response/content/_json/data/0/name"'
sed 's/"_seq": 2/"_repaet": 2/' "$work/a.har" >"$work/slip.har"
run tape lint "$work/slip.har"
expect_ok
grep -q "slip.har:75: warning: entry #2 /_repaet is passed over: a tape knows '_repeat'" "$work/out" || fail 'the slip is not told'

# ---- show
run tape show "$work/chrome.har"
expect_ok
[ "$(wc -l <"$work/out")" = 3 ] || fail 'not two entries are listed'
run tape show "$work/chrome.har" --json
expect_ok
expect /entries/1/failure '"reset"'
run tape show "$work/chrome.har" '#1' --json
expect_ok
expect /entries/0/body/data/0/big 123456789012345678901
run tape show "$work/chrome.har" nobody
expect_failure usage 2

# ---- diff
run tape diff "$work/chrome.har" "$work/a.har" --json
expect_ok
expect /same true
sed 's/"current_page": 1/"current_page": 2/' "$work/a.har" >"$work/b.har"
run tape diff "$work/a.har" "$work/b.har"
expect_ok
grep -q 'changed: entry #1 /response/content/current_page 1, now 2' "$work/out" || fail 'the change is not told'

# ---- prune
cp "$work/a.har" "$work/c.har"
run tape prune "$work/c.har" --dry-run --json
expect_ok
expect /removed 0
run tape prune "$work/c.har" '#2' --json
expect_ok
expect /removed 1
expect /written true
run tape show "$work/c.har"
[ "$(wc -l <"$work/out")" = 2 ] || fail 'the entry is still there'
run tape prune "$work/c.har" '#2'
expect_failure usage 2

# ---- age
run tape age "$fixtures/planetscale.har"
expect_ok
grep -q 'oldest entry 2026-11-23' "$work/out" || fail 'the age is not told'
sed 's/2026-11-/2020-11-/' "$work/a.har" >"$work/old.har"
run tape age "$work/old.har" --fail-after 180d --json
[ "$status" = 1 ] || fail "exit status $status"
expect /files/0/expired true
expect_err 'tape_invalid: the oldest entry'
run tape age "$work/old.har" --fail-after soon
expect_failure usage 2

# ---- A disk that is full leaves the old file.
cp "$work/ugly.har" "$work/full.har"
(ulimit -f 1; run tape fmt "$work/full.har"; [ "$status" = 4 ]) || fail 'a full disk is no failure'
cmp -s "$work/full.har" "$work/ugly.har" || fail 'a full disk cost the tape'
[ -z "$(find "$work" -name '.kk-tape.*')" ] || fail 'a temporary file is left'
[ ! -e "$KK_HOME" ] || fail 'the tools made a home'
expect_no_canary
