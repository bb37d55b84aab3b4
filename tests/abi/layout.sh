#!/bin/sh
# The frozen layout holds for this machine and, with clang, for every other kind that it can compile for; and the check can
# fail: a header with a field inserted, widened or renumbered is refused.
#
#     layout.sh INCLUDE-DIRECTORY
set -eu
include=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # compile INCLUDE COMPILER FLAGS...
    directory=$1
    shift
    "$@" -std=c11 -Wall -Wextra -Wno-padded -Werror -ffreestanding -I "$directory" -I "$here" -fsyntax-only "$here/layout.c"
}

compile "$include" "${CC:-cc}"
if command -v clang >/dev/null; then
    for target in x86_64-linux-gnu i686-linux-gnu aarch64-linux-gnu armv7-linux-gnueabihf riscv64-linux-gnu \
        riscv32-linux-gnu s390x-linux-gnu powerpc-linux-gnu; do
        compile "$include" clang "--target=$target" || { echo "the layout differs on $target" >&2; exit 1; }
    done
fi

mutate() { # mutate WHAT SED-EXPRESSION
    mkdir -p "$work/kk"
    sed "$2" "$include/kk/plugin.h" >"$work/kk/plugin.h"
    cmp -s "$include/kk/plugin.h" "$work/kk/plugin.h" && { echo "$1: the header was not changed" >&2; exit 1; }
    if compile "$work" "${CC:-cc}" 2>/dev/null; then
        echo "$1: the layout check did not notice" >&2
        exit 1
    fi
}
mutate 'a field inserted' 's|^    const char \*title; *// "PlanetScale"|    const char *extra;\n&|'
mutate 'a field widened' 's|^    uint32_t timeout_ms; *// the time|    uint64_t timeout_ms; // the time|'
mutate 'two fields swapped' '/^typedef struct kk_header {/,/^}/{s/name;/swapped;/;s/value;/name;/;s/swapped;/value;/}'
mutate 'a constant renumbered' 's|^#define KK_E_CONFLICT 3|#define KK_E_CONFLICT 30|'
mutate 'a flag renumbered' 's|^#define KK_TOOL_IDEMPOTENT UINT32_C(4)|#define KK_TOOL_IDEMPOTENT UINT32_C(32)|'
mutate 'a function inserted' 's|^    void (\*release)|    void (*before)(void);\n&|'
echo "the layout is frozen, and six changes were caught"
