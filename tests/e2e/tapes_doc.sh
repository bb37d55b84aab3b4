#!/bin/sh
# Executes the walk of docs/tapes.md: every ```sh block runs, one after the other in one folder, and where a ```text block
# follows it, its output has to be that text.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server" "$work/walk" "$work/blocks"
awk -v dir="$work/blocks" '
    /^```[a-z]/ && !open { open = 1; file = sprintf("%s/%03d.%s", dir, ++n, substr($0, 4)); printf "" > file; next }
    /^```$/ { open = 0; close(file); next }
    open { print > file }' "$KK_SOURCE/host-sdk/docs/tapes.md"
count=0
for block in "$work/blocks"/*.sh; do
    grep -q 'poll\.har' "$block" || continue
    last="docs/tapes.md: $(head -1 "$block")"
    count=$((count + 1))
    (cd "$work/walk" && PATH=$KK_BIN:$PATH sh -eu "$block") >"$work/out" 2>"$work/err" </dev/null || fail 'the block failed'
    expected=$(printf '%s/%03d.text' "$work/blocks" $(($(basename "$block" .sh | sed 's/^0*//') + 1)))
    [ ! -e "$expected" ] || diff -u "$expected" "$work/out" >&2 || fail 'the block prints something else'
done
[ "$count" -ge 6 ] || fail "only $count blocks were found"
