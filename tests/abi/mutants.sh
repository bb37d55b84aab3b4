#!/bin/sh
# The gates of the interface, tested: kk/plugin.h is changed in one place after the other, and every change has to be refused by
# layout.c.  Before each member of each structure another is inserted; each is made wider, and changes places with the next;
# each constant gets another value, each function another parameter.  One that is accepted is named, and fails.
#
#     mutants.sh INCLUDE-DIRECTORY
set -eu
include=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}
export here work cc

# One declaration a line, without comments.
"$cc" -fpreprocessed -dD -E -P "$include/kk/plugin.h" 2>/dev/null | awk '
    /^#/ { print; next }
    { text = text (text == "" ? "" : " ") $0 }
    /[;{]$/ { gsub(/[ \t]+/, " ", text); print text; text = "" }
    /^}$/ { print text; text = "" }' >"$work/header"

awk -v dir="$work/mutants" '
    { line[NR] = $0 }
    function emit(what, at, instead,   file, i) {
        file = sprintf("%s/%04d", dir, ++count)
        print what >(file ".what")
        close(file ".what")
        for (i = 1; i <= NR; i++) print (i == at ? instead : line[i]) >(file ".h")
        close(file ".h")
    }
    function wider(text) {
        if (text ~ /\(\*/) { sub(/\(\*[a-z_0-9]+\)\(/, "&int more, ", text); return text }
        if (text ~ /\*[a-z_0-9]+;/) { sub(/;/, "[2];", text); return text }
        if (text ~ /uint32_t/) { sub(/uint32_t/, "uint64_t", text); return text }
        if (text ~ /uint64_t/) { sub(/uint64_t/, "uint32_t", text); return text }
        if (text ~ /kk_status/) { sub(/kk_status/, "int64_t", text); return text }
        if (text ~ /size_t/) { sub(/size_t/, "uint8_t", text); return text }
        sub(/;/, "[2];", text)
        return text
    }
    END {
        system("mkdir -p \"" dir "\"")
        for (i = 1; i <= NR; i++) {
            if (line[i] ~ /^#define KK_[A-Z0-9_]+ .*[0-9]/ && line[i] !~ /KK_ABI_(VERSION|MINOR)/) {
                text = line[i]
                if (text ~ /"/) sub(/\/1"/, "/2\"", text)
                else if (text ~ /UINT32_C/) sub(/UINT32_C\(/, "&0x4000 + ", text)
                else sub(/[0-9A-Fa-fx]+$/, "(& + 1)", text)
                emit("renumber: " line[i], i, text)
            }
            if (line[i] ~ /^typedef kk_status \(\*|^KK_EXPORT/ || line[i] ~ /^typedef int32_t/) {
                text = line[i]
                if (text ~ /int32_t kk_status/) sub(/int32_t/, "int64_t", text)
                else if (text ~ /^KK_EXPORT/) sub(/uint32_t/, "uint64_t", text)
                else sub(/kk_instance \*/, "int more, &", text)
                emit("widen: " line[i], i, text)
            }
            if (line[i] ~ /^(typedef )?struct .*{$/) { name = line[i]; sub(/ {$/, "", name); continue }
            if (line[i] ~ /^}/) { name = ""; continue }
            if (name == "") continue
            emit("insert before " name ": " line[i], i, "const char *inserted; const void *inserted_too;\n" line[i])
            emit("widen " name ": " line[i], i, wider(line[i]))
            if (line[i + 1] !~ /^}/) {
                swapped = line[i]
                line_next = line[i + 1]
                line[i + 1] = ""
                emit("reorder " name ": " swapped, i, line_next "\n" swapped)
                line[i + 1] = line_next
            }
        }
    }' "$work/header"

# shellcheck disable=SC2016
ls "$work/mutants" | sed -n 's/\.what$//p' >"$work/list"
try='mkdir -p "$work/$0/kk" && cp "$work/mutants/$0.h" "$work/$0/kk/plugin.h"
    cmp -s "$work/header" "$work/$0/kk/plugin.h" && { printf "was not changed: " && cat "$work/mutants/$0.what"; exit 0; }
    if "$cc" -std=c11 -ffreestanding -I "$work/$0" -I "$here" -fsyntax-only "$here/layout.c" 2>/dev/null; then
        printf "was accepted: " && cat "$work/mutants/$0.what"
    elif ! "$cc" -std=c11 -ffreestanding -fsyntax-only "$work/$0/kk/plugin.h" 2>/dev/null; then
        printf "is no header: " && cat "$work/mutants/$0.what"
    fi
    rm -r "$work/$0"'
mkdir -p "$work/same/kk" && cp "$work/header" "$work/same/kk/plugin.h"
"$cc" -std=c11 -ffreestanding -I "$work/same" -I "$here" -fsyntax-only "$here/layout.c" || {
    echo 'the header is refused without a change' >&2
    exit 1
}
xargs -P 2 -n 1 sh -c "$try" <"$work/list" >"$work/survivors"
[ ! -s "$work/survivors" ] || { cat "$work/survivors" >&2; exit 1; }
count=$(wc -l <"$work/list")
[ "$count" -ge 400 ] || { echo "only $count changes were made" >&2; exit 1; }
echo "$count changes of kk/plugin.h, and all were caught"
