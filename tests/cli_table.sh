#!/bin/sh
# The tables of docs/cli.md, compared with the program and the sources.
#
#     tests/cli_table.sh KK SOURCE_DIRECTORY
set -u
kk=$1
cd "$2" || exit 2
page=host-sdk/docs/cli.md
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

compare() { # compare WHAT: the files "page" and "code" hold one item a line
    sort -u "$work/page" >"$work/page.sorted"
    sort -u "$work/code" >"$work/code.sorted"
    if [ ! -s "$work/code.sorted" ] || ! diff -u "$work/code.sorted" "$work/page.sorted" >"$work/diff"; then
        echo "$1 in $page (+) are not those of the program (-):"
        sed -n '3,$p' "$work/diff"
        failed=1
    fi
}

# The rows of the table under a heading, without the table's head.
rows() { sed -n "/^## $1\$/,/^## /p" "$page" | grep '^|' | sed 1,2d; }

# ---- Commands: every one that `kk help` names, with its operands
rows Commands | sed 's/^| `kk \([^`]*\)`.*/\1/' | sed 's/ [[A-Z-].*//' >"$work/page"
listed() { "$kk" help "$@" | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }
walk() { # walk [WORD...]: the commands below these words, or the words themselves
    below=$(listed "$@")
    [ -n "$below" ] || echo "$*"
    for word in $below; do (walk "$@" "$word"); done
}
walk >"$work/code"
compare 'the commands'

# ---- Options: the help of every command holds its own and those of all
rows Options | sed 's/^| `\(--[a-z-]*\).*/\1/' >"$work/page"
while read -r command; do
    # shellcheck disable=SC2086
    "$kk" help $command
done <"$work/code.sorted" | sed -n 's/^  \(-., \)*\(--[a-z-]*\).*/\2/p' >"$work/code"
compare 'the options'

# ---- Environment: every variable that a source names
rows Environment | sed 's/^| `\([A-Z_]*\).*/\1/' | grep -vE '^(CI|KOSMO_[A-Z_]*|CREDENTIALS_DIRECTORY)$' >"$work/page"
grep -hoE '"KK_[A-Z_]+' host-sdk/src/*.c host-sdk/cli/*.c | tr -d '"' >"$work/code"
compare 'the environment variables'

# ---- Codes and exit statuses
rows 'Exit status' | sed 's/^| `\([a-z_]*\)` | \([0-9]\) | \(.*\) |$/\1 \2 \3/' >"$work/page"
sed -n 's/^    X([A-Z_]*, \([a-z_]*\), \([0-9]\), "\(.*\)").*/\1 \2 \3/p' \
    host-sdk/include/kk/error.h >"$work/code"
compare 'the codes'

[ "$failed" -eq 0 ] && echo "cli_table: $page is what the program is"
exit "$failed"
