#!/bin/sh
# boundaries.sh notices what it is for: each breach here is made in a copy of the tree, and has to be reported.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
cp -r "$here/host-sdk" "$here/plugin" "$here/tests" "$here/CMakeLists.txt" "$here/README.md" "$work/tree"
sh "$here/tests/boundaries.sh" "$work/tree" >"$work/out" || { cat "$work/out" >&2; exit 1; }

breach() { # breach WORDS FILE LINE: the line added to the file gives a report that holds the words
    cp "$work/tree/$2" "$work/kept" 2>/dev/null || : >"$work/kept"
    printf '%b\n' "$3" >>"$work/tree/$2"
    if sh "$here/tests/boundaries.sh" "$work/tree" >"$work/out"; then
        echo "'$3' in $2 was not noticed" >&2
        exit 1
    fi
    grep -qF "$1" "$work/out" || { echo "'$3' in $2 was reported as:" >&2; cat "$work/out" >&2; exit 1; }
    if [ -s "$work/kept" ]; then cp "$work/kept" "$work/tree/$2"; else rm "$work/tree/$2"; fi
}
breach 'top level' notes.txt 'a note'
breach 'a floor above' host-sdk/src/json_text.c '#include "host_private.h"'
breach 'stands on no floor' host-sdk/src/newcomer.c '#include "buf.h"'
breach 'libcurl outside' host-sdk/src/call.c '#include <curl/curl.h>'
breach 'libsodium outside' host-sdk/src/account.c '#include <sodium.h>'
breach 'cJSON outside' host-sdk/cli/main.c '#include <cjson/cJSON.h>'
breach 'dlopen outside' host-sdk/src/call.c 'void *p(void) { return dlopen("x", 1); }'
breach 'the plugin includes' plugin/api.c '#include "tape.h"'
breach 'from inside' host-sdk/cli/main.c '#include "registry.h"'
breach 'a banned call' host-sdk/src/call.c 'int n(const char *s) { return atoi(s); }'
breach 'getenv in the library' host-sdk/src/call.c 'const char *e(void) { return getenv("X"); }'
breach 'past json.h' host-sdk/src/call.c 'void *q(const char *s) { return cJSON_Parse(s); }'
breach 'prints or exits' host-sdk/src/call.c 'void r(void) { exit(1); }'
breach 'unfinished' host-sdk/src/call.c '// TO''DO'
breach 'some machine' README.md '/wor''k/main'
breach 'too long' host-sdk/src/call.c "void t(void)\n{\n$(printf '%0.s    ;\\n' $(seq 70))}"
breach 'too long' host-sdk/src/call.c "$(printf '%0.s//\\n' $(seq 600))"
breach 'too wide' host-sdk/src/call.c "// $(printf '%0.sx' $(seq 98))"
breach 'more than stddef.h' host-sdk/include/kk/plugin.h '#include <stdio.h>'
echo 'every breach was noticed'
