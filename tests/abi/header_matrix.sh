#!/bin/sh
# kk/plugin.h and the other public headers compile alone, twice, in every language version that they promise.
#
#     header_matrix.sh INCLUDE-DIRECTORY
set -eu
include=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings='-pedantic -Wall -Wextra -Werror -Wundef'
count=0

compile() { # compile COMPILER LANGUAGE STANDARD FLAGS HEADER
    printf '#include <kk/%s>\n#include <kk/%s>\nint unused_%s;\n' "$5" "$5" "$count" >"$work/source"
    # shellcheck disable=SC2086
    "$1" -x "$2" "-std=$3" $warnings $4 -I "$include" -fsyntax-only "$work/source" || {
        echo "kk/$5 does not compile with $1 -std=$3 $4" >&2
        exit 1
    }
    count=$((count + 1))
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for header in plugin.h plugin_util.h; do
        for standard in c99 c11 c17; do
            compile "$compiler" c "$standard" '-Wstrict-prototypes -Wc++-compat' "$header"
        done
        compile "$compiler" c c11 '-fshort-enums -Wpadded' "$header"
    done
    for header in error.h host.h keyring.h tape.h; do
        compile "$compiler" c c11 '-Wstrict-prototypes' "$header"
    done
done
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null || continue
    for header in plugin.h plugin_util.h error.h host.h keyring.h tape.h; do
        for standard in c++11 c++14 c++17 c++20; do
            compile "$compiler" c++ "$standard" '' "$header"
        done
    done
done
[ "$count" -ge 20 ] || { echo "only $count compilations: no compiler was found" >&2; exit 1; }
echo "$count compilations"
