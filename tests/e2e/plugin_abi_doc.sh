#!/bin/sh
# host-sdk/docs/plugin-abi.md says what the header says.  Blocks of ```c from plugin.h are declarations of it; every other ```c
# block compiles as C and as C++; the first is a plugin, which its ```sh block builds and calls, and its ```text block is what
# comes out.  Every member, constant and helper of the headers is on the page, and the page names no other.
. "$KK_SOURCE/tests/e2e/lib.sh"
page=$KK_SOURCE/host-sdk/docs/plugin-abi.md
include=$KK_SOURCE/host-sdk/include
last='plugin-abi.md'
mkdir "$work/blocks" "$work/bin"

# Each block as NUMBER.LANGUAGE; declarations as NUMBER.declarations.
awk -v dir="$work/blocks" '
    /^```[a-z]/ && !open {
        open = 1
        language = $0 == "```c from plugin.h" ? "declarations" : substr($0, 4)
        file = sprintf("%s/%03d.%s", dir, ++n, language)
        printf "" >file
        next
    }
    /^```$/ && open { open = 0; close(file); next }
    /^```$/ { open = 1; file = "/dev/null"; next }
    open { print >file }' "$page"

# ---- Declarations
bare() { # bare HEADER: without comments
    "${CC:-cc}" -fpreprocessed -dD -E -P "$1" 2>/dev/null
}
one_line() {
    tr '\n\t' '  ' | sed 's/  */ /g; s/( /(/g'
}
bare "$include/kk/plugin.h" >"$work/header"
one_line <"$work/header" >"$work/header.line"
count=0
for block in "$work/blocks"/*.declarations; do
    one_line <"$block" | tr ';' '\n' | sed 's/^ *//; s/ *$//' | grep . >"$work/statements"
    while read -r statement; do
        grep -qF -- "$statement;" "$work/header.line" || fail "kk/plugin.h does not say: $statement;"
        count=$((count + 1))
    done <"$work/statements"
done
[ "$count" -ge 14 ] || fail "only $count declarations were found"

# ---- Examples
examples=0
for block in "$work/blocks"/*.c; do
    { printf '#include <kk/plugin_util.h>\n#include <stdlib.h>\n' && cat "$block"; } >"$work/example"
    for compiler in "cc -x c -std=c99 -pedantic" "c++ -x c++ -std=c++20"; do
        # shellcheck disable=SC2086
        $compiler -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-const-variable -Wno-unused-variable \
            -Wno-missing-field-initializers -I "$include" -fsyntax-only "$work/example" 2>"$work/err" ||
            fail "this example does not compile with $compiler: $(head -3 "$block")"
    done
    examples=$((examples + 1))
done
[ "$examples" -ge 6 ] || fail "only $examples examples were found"

# ---- The first plugin, by the page's own commands
printf '#!/bin/sh\n[ "$*" = "--cflags kk-plugin" ] || exit 1\necho "-I %s"\n' "$work/include" >"$work/bin/pkg-config"
chmod 755 "$work/bin/pkg-config"
ln -s "$include" "$work/include"
first=$(ls "$work/blocks"/*.c | head -1)
head -1 "$first" | grep -qx '// hello.c' || fail 'the first example is not hello.c'
cp "$first" "$work/hello.c"
(cd "$work" && PATH=$work/bin:$KK_BIN:$PATH sh -eu "$(ls "$work/blocks"/*.sh | head -1)") >"$work/out" 2>"$work/err" </dev/null ||
    fail 'the commands of the quick start failed'
diff -u "$(ls "$work/blocks"/*.text | head -1)" "$work/out" >&2 || fail 'the quick start prints something else'
found=$(nm -D --defined-only "$work/hello.so" | awk '{ print $3 }' | LC_ALL=C sort | tr '\n' ' ')
[ "$found" = 'kk_plugin_describe kk_tool_hello_greet ' ] || fail "hello.so exports $found"

# ---- Names
awk -f "$KK_SOURCE/tests/abi/members.awk" "$work/header" | awk -F'\t' '{ print $1 "." $2 }' | LC_ALL=C sort -u >"$work/members"
[ "$(wc -l <"$work/members")" -ge 125 ] || fail 'the members were not found'
grep -oE '`kk_[a-z_]+\.[a-z_0-9]+`' "$page" | tr -d '`' | LC_ALL=C sort -u >"$work/named"
# Every structure begins so, and the page says it once.
grep -vE '^kk_(tool)\.struct_size$' "$work/members" | LC_ALL=C comm -23 - "$work/named" >"$work/missing"
[ ! -s "$work/missing" ] || fail "the page does not name $(tr '\n' ' ' <"$work/missing")"
LC_ALL=C comm -13 "$work/members" "$work/named" >"$work/strange"
[ ! -s "$work/strange" ] || fail "kk/plugin.h does not have $(tr '\n' ' ' <"$work/strange")"

{ bare "$include/kk/plugin.h" && bare "$include/kk/plugin_util.h"; } | sed -n 's/^#define \(KK_[A-Z0-9_]*\).*/\1/p' |
    grep -vxE 'KK_PLUGIN_H|KK_PLUGIN_UTIL_H' | LC_ALL=C sort -u >"$work/constants"
grep -oE '\bKK_[A-Z0-9_]+\b' "$page" | LC_ALL=C sort -u | grep -vx 'KK_E_' >"$work/named"
LC_ALL=C comm -23 "$work/constants" "$work/named" >"$work/missing"
[ ! -s "$work/missing" ] || fail "the page does not name $(tr '\n' ' ' <"$work/missing")"
LC_ALL=C comm -13 "$work/constants" "$work/named" >"$work/strange"
[ ! -s "$work/strange" ] || fail "no header has $(tr '\n' ' ' <"$work/strange")"
for helper in $(sed -n 's/^static inline .*\(kk_call_[a-z]*\)(.*/\1/p' "$include/kk/plugin_util.h"); do
    grep -q "\`$helper(" "$page" || fail "the page does not name $helper()"
done

# The stages are those of the loader's own page.
for stage in $(sed -n 's|^// - "\([a-z]*\)".*|\1|p' "$KK_SOURCE/host-sdk/src/loader.h"); do
    grep -q "^| \`$stage\` |" "$page" || fail "the page does not explain the stage '$stage'"
done
# A status shows to the caller as the host translates it.
sed -n 's/^    {\(KK_E_[A-Z_]*\), KK_ERR_\([A-Z_]*\)},$/\1 \2/p' "$KK_SOURCE/host-sdk/src/outcome.c" |
    grep -vE 'KK_E_(BAD_OUTPUT|CONTRACT|NOT_GRANTED|ORIGIN_DENIED) ' | tr 'A-Z' 'a-z' >"$work/codes"
[ "$(wc -l <"$work/codes")" -ge 16 ] || fail 'the codes were not found'
while read -r status code; do
    grep -qi "^| \`$status\` .*| \`$code\` |$" "$page" || fail "the page does not translate $status to $code"
done <"$work/codes"
