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

knows() { # knows COMPILER LANGUAGE STANDARD
    "$1" -x "$2" "-std=$3" -fsyntax-only /dev/null 2>/dev/null
}

# Words that other headers make macros of (cmocka's, X11's, Windows' and the system's own), before ours are included.
printf '#define %s\n' 'interface struct' 'near' 'far' 'IN' 'OUT' 'small char' 'CONST const' 'ERROR 0' 'DELETE 1' 'None 0L' 'Status int' \
    'TRUE 1' 'FALSE 0' 'Bool int' 'min(a, b) ((a) < (b) ? (a) : (b))' 'max(a, b) ((a) > (b) ? (a) : (b))' 'major(d) (d)' 'minor(d) (d)' \
    'linux 1' 'unix 1' 'fail() abort()' 'skip() abort()' 'log(x) (x)' 'write(x) (x)' 'open(x) (x)' 'close(x) (x)' 'send(x) (x)' \
    'stopped(x) (x)' 'release(x) (x)' 'KK_E 1' 'I _Imaginary_I' 'PAGE_SIZE 4096' >"$work/pollution"

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || continue
    for header in plugin.h plugin_util.h; do
        for standard in c99 c11 c17 c2x; do
            knows "$compiler" c "$standard" || continue
            compile "$compiler" c "$standard" '-Wstrict-prototypes -Wc++-compat' "$header"
        done
        compile "$compiler" c c99 "-include $work/pollution" "$header"
        compile "$compiler" c c11 '-fshort-enums -Wpadded' "$header"
    done
    for header in error.h host.h keyring.h lua.h tape.h; do
        compile "$compiler" c c11 '-Wstrict-prototypes' "$header"
    done
done
for compiler in g++ clang++; do
    command -v "$compiler" >/dev/null || continue
    for header in plugin.h plugin_util.h error.h host.h keyring.h lua.h tape.h; do
        for standard in c++11 c++14 c++17 c++20 c++2b; do
            knows "$compiler" c++ "$standard" || continue
            compile "$compiler" c++ "$standard" '' "$header"
        done
    done
done
if command -v tcc >/dev/null; then
    printf '#include <kk/plugin_util.h>\n#include <kk/plugin.h>\n' >"$work/source.c"
    tcc -Wall -Werror -I "$include" -c -o "$work/object" "$work/source.c" || { echo 'tcc does not compile kk/plugin.h' >&2; exit 1; }
    count=$((count + 1))
fi
[ "$count" -ge 20 ] || { echo "only $count compilations: no compiler was found" >&2; exit 1; }
echo "$count compilations"
