#!/bin/sh
# The frozen layout and types hold for this machine, also with enums as short as they can be and for 32 bits, and with clang for
# every other kind of machine; they leave out no member and no constant; and the header is what 1.0 had, as long as it is 1.0.
#
#     layout.sh INCLUDE-DIRECTORY
set -eu
include=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}

compile() { # compile COMPILER FLAGS...
    "$@" -pedantic -Wall -Wextra -Wpadded -Werror -ffreestanding -I "$include" -I "$here" -fsyntax-only "$here/layout.c"
}

kinds=1
compile "$cc" -std=c11 -Wc++-compat
compile "$cc" -std=c11 -fshort-enums
if echo '#include <stdint.h>' | "$cc" -m32 -ffreestanding -fsyntax-only -x c - 2>/dev/null; then
    compile "$cc" -std=c11 -m32 || { echo 'the layout differs for 32 bits' >&2; exit 1; }
    kinds=$((kinds + 1))
fi
if command -v clang >/dev/null; then
    for target in x86_64-linux-gnu x86_64-linux-gnux32 i686-linux-gnu aarch64-linux-gnu armv7-linux-gnueabihf riscv64-linux-gnu \
        riscv32-linux-gnu s390x-linux-gnu powerpc-linux-gnu powerpc64le-linux-gnu mips-linux-gnu wasm32 arm64-apple-darwin \
        x86_64-pc-windows-msvc; do
        compile clang -std=c11 "--target=$target" || { echo "the layout differs on $target" >&2; exit 1; }
        kinds=$((kinds + 1))
    done
fi

# ---- Nothing is left out.
bare() { # bare HEADER: the header without its comments
    "$cc" -fpreprocessed -dD -E -P "$1" 2>/dev/null
}
bare "$include/kk/plugin.h" >"$work/bare"
awk -f "$here/members.awk" "$work/bare" >"$work/members"
members=$(wc -l <"$work/members")
[ "$members" -ge 125 ] || { echo "only $members members were found in kk/plugin.h" >&2; exit 1; }
bare "$here/v1.0/kk/plugin.h" | awk -f "$here/members.awk" | while IFS="$(printf '\t')" read -r type member _; do
    grep -q "^KK_FIELD_AT($type, $member, " "$here/layout_1_0.h" || echo "layout_1_0.h lacks the place of $type.$member"
    grep -q "^KK_MEMBER_IS($type, $member," "$here/types_1_0.h" || echo "types_1_0.h lacks the type of $type.$member"
    grep -qE "^KK_SIZE(_FROZEN)?\($type, " "$here/layout_1_0.h" || echo "layout_1_0.h lacks the size of $type"
done >"$work/missing"
bare "$here/v1.0/kk/plugin.h" | sed -n 's/^#define \(KK_[A-Z0-9_]*\) ..*/\1/p' | grep -vxE 'KK_EXPORT|KK_ABI_MINOR' | sort -u |
    while read -r name; do
        grep -qE "^KK_(VALUE|TEXT)\($name, " "$here/layout_1_0.h" || echo "layout_1_0.h lacks the value of $name"
    done >>"$work/missing"
[ ! -s "$work/missing" ] || { cat "$work/missing" >&2; exit 1; }
constants=$(grep -cE '^KK_(VALUE|TEXT)\(' "$here/layout_1_0.h")

# ---- As long as the header is 1.0, it says what 1.0 said; comments may be bettered.
if grep -q '^#define KK_ABI_MINOR 0$' "$include/kk/plugin.h"; then
    bare "$here/v1.0/kk/plugin.h" | diff - "$work/bare" >&2 || {
        echo 'kk/plugin.h is no longer what tests/abi/v1.0 has; a change needs a new minor version' >&2
        exit 1
    }
fi
echo "the layout of $members members and $constants constants is frozen on $kinds kinds of machines"
