#!/bin/sh
# A second opinion on the interface: abidiff compares, by their debugging information, an object built with the header of 1.0
# (v1.0, which is never edited) with one built with today's.  Constants are not in it; layout.c has those.
#
#     abidiff.sh INCLUDE-DIRECTORY
set -eu
include=$1
here=$(dirname "$0")
frozen=$here/v1.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A function for each structure of 1.0, so that none is out of reach.
{
    echo '#include <kk/plugin.h>'
    sed -nE 's/^(typedef )?struct (kk_[a-z_]+) \{.*/void anchor_\2(struct \2 *it);\nvoid anchor_\2(struct \2 *it) { (void)it; }/p' "$frozen/kk/plugin.h"
} >"$work/anchor.c"
count=$(grep -c '(void)it' "$work/anchor.c")
[ "$count" -ge 15 ] || { echo "only $count structures were found" >&2; exit 1; }

object() { # object INCLUDE-DIRECTORY NAME
    "${CC:-cc}" -std=c11 -g -O0 -fPIC -shared -I "$1" "$work/anchor.c" -o "$work/$2.so"
    readelf -S "$work/$2.so" | grep -q '\.debug_info' || { echo "$2 has no debugging information" >&2; exit 1; }
}
object "$frozen" frozen
object "$include" today
abidiff "$work/frozen.so" "$work/today.so" || { echo 'kk/plugin.h is another interface than that of 1.0' >&2; exit 1; }

# It sees what it is there to see.
changed() { # changed NAME AWK-PROGRAM: of today's header
    mkdir -p "$work/$1/kk"
    awk "$2" "$include/kk/plugin.h" >"$work/$1/kk/plugin.h"
    cmp -s "$include/kk/plugin.h" "$work/$1/kk/plugin.h" && { echo "$1: nothing was changed" >&2; exit 1; }
    object "$work/$1" "$1"
    if abidiff "$work/frozen.so" "$work/$1.so" >"$work/said"; then
        echo "$1: abidiff sees no difference" >&2
        exit 1
    fi
}
inside='/^(typedef )?struct kk_tool \{/ { inside = 1 } /^}/ { inside = 0 }'
changed insert "$inside inside && /const char \*symbol;/ { print \"    const void *inserted;\" } { print }"
changed widen "$inside inside { sub(/uint32_t flags;/, \"uint64_t flags;\") } { print }"
changed remove "$inside inside && /const char \*symbol;/ { next } { print }"
changed reorder "$inside inside && /const char \*name;/ { held = \$0; next } { print } inside && /const char \*symbol;/ { print held }"
changed parameter '{ sub(/size_t args_len/, "size_t args_len, int more") } { print }'
echo "$count structures are those of 1.0, and five kinds of change were seen"
