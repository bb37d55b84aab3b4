#!/bin/sh
# Executes the blocks of README.md and docs/lua.md: every ```sh block runs, every ```lua block is run by kk lua against the
# tape, and where a ```text block follows, that has to be the output.  The blocks of the demo and of the tests are only looked up: they would run this test again.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"

# Writes each block of a Markdown file to $work/blocks/NUMBER.LANGUAGE.
extract() {
    rm -rf "$work/blocks" && mkdir "$work/blocks"
    awk -v dir="$work/blocks" '
        /^```[a-z]/ && !open { open = 1; language = substr($0, 4); file = sprintf("%s/%03d.%s", dir, ++n, language); printf "" > file; next }
        /^```$/ { open = 0; close(file); next }
        open { print > file }' "$1"
}

run_block() { # run_block FILE: with kk on the path, in a copy of the tree's root
    (
        cd "$KK_SOURCE" || exit 1
        PATH=$KK_BIN:$PATH
        case $1 in
        *.lua) kk --replay fixtures/tapes/planetscale.har lua "$1" ;;
        *) sh -eu "$1" ;;
        esac
    ) >"$work/out" 2>"$work/err" </dev/null
}

count=0
for document in README.md host-sdk/docs/lua.md; do
    extract "$KK_SOURCE/$document"
    for block in "$work/blocks"/*.sh "$work/blocks"/*.lua; do
        [ -e "$block" ] || continue
        if [ "$KK_HAS_LUA" = 0 ] && { [ "${block##*.}" = lua ] || grep -qE '^kk .*lua ' "$block"; }; then
            continue
        fi
        last="$document: $(head -1 "$block")"
        count=$((count + 1))
        if grep -qE '^sh (host-sdk/demo|tests/run)\.sh' "$block"; then
            sed -n 's/^sh \([^ ]*\).*/\1/p' "$block" | while read -r script; do
                [ -f "$KK_SOURCE/$script" ] || exit 1
            done || fail 'the block names a script that is not there'
            continue
        fi
        run_block "$block" || fail "the block failed"
        expected=$(printf '%s/%03d.text' "$work/blocks" $(($(basename "$block" | sed 's/^0*//; s/\..*//') + 1)))
        [ ! -e "$expected" ] || diff -u "$expected" "$work/out" >&2 || fail 'the block prints something else'
    done
done
least=12
[ "$KK_HAS_LUA" = 1 ] || least=1
[ "$count" -ge $least ] || fail "only $count blocks were found"
