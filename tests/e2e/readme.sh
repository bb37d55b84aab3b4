#!/bin/sh
# Executes the blocks of README.md and docs/lua.md: every ```sh block runs, every ```lua block is run by kk lua against the
# tape, and where a ```text block follows, that has to be the output.  The blocks of the demo and of the tests are only looked
# up: they would run this test again.  Commands after $, also those of docs/cli.md, are typed by a user of the server, and the
# README's ```c blocks are compiled.
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

# The README's first script is one that the demo shows.
first_script() { # first_script FILE
    awk '/lua -e .$/ { found = 1; next } found { print } found && /^end.$/ { exit }' "$1"
}
first_script "$KK_SOURCE/README.md" >"$work/server/script"
[ -s "$work/server/script" ] || fail 'the README has no script'
first_script "$KK_SOURCE/host-sdk/demo.sh" | diff -u "$work/server/script" - >&2 || fail "the README's first script is not in the demo"

# With an account: as a user without any setting of kk, whose account leads to the server.
start_server
mkdir "$work/user"
printf '{"service_token_id":"%s","service_token":"%s","url":"http://127.0.0.1:%s/v1"}' "$TOKEN_ID" "$TOKEN" "$port" >"$work/user/fields.json"
type_commands() { # type_commands DOCUMENT COUNT
    extract "$KK_SOURCE/$1"
    count=0
    cat "$work/blocks"/*.console | sed -n 's/^\$ //p' >"$work/server/commands"
    while read -r command; do
        last="$1: $command"
        (cd "$work/user" && unset KK_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME &&
            HOME=$work/user PATH=$KK_BIN:$PATH TOKEN=$TOKEN sh -c "$command") >"$work/out" 2>"$work/err" </dev/null || fail 'the command failed'
        count=$((count + 1))
    done <"$work/server/commands"
    [ "$count" = "$2" ] || fail "$count commands, not $2"
}
type_commands README.md 3
get /data/11/name >/dev/null || fail 'the databases did not come'
last_header authorization "$TOKEN_ID:$TOKEN"
type_commands host-sdk/docs/cli.md 2
rm "$work/user/fields.json"

# In a host, and in a plugin, of one's own.
compile() { # compile ARGUMENT...: a program in C, with the headers of the tree
    # shellcheck disable=SC2086
    cc ${KK_SANITIZE_FLAGS:-} -std=c11 -Wall -Wextra -Werror -I "$KK_SOURCE/host-sdk/include" "$@" 2>"$work/err" || fail 'the block does not compile'
}
count=0
extract "$KK_SOURCE/README.md"
for block in "$work/blocks"/*.c; do
    last="README.md: $(head -1 "$block")"
    count=$((count + 1))
    if ! grep -q kk_host_open "$block"; then
        compile -fsyntax-only "$block"
        continue
    fi
    {
        printf '#include <kk/host.h>\n#include <stdio.h>\nint main(void)\n{\nkk_host *host = NULL;\nkk_result *result = NULL;\nkk_error err = {0};\n'
        cat "$block"
        printf 'kk_result_free(result);\nkk_host_close(host);\nreturn err.code;\n}\n'
    } >"$work/server/host.c"
    compile -Wno-unused-result "$work/server/host.c" -o "$work/server/host" -L "$KK_BUILD/lib" -Wl,-rpath,"$KK_BUILD/lib" -lkkhost
    KK_TRANSPORT=replay KK_TAPE=$KK_SOURCE/fixtures/tapes/planetscale.har "$work/server/host" >"$work/out" 2>"$work/err" || fail 'the program failed'
    get /data/0/name >/dev/null || fail 'the program printed something else'
done
[ "$count" = 2 ] || fail "$count blocks of C, not 2"
expect_no_canary
