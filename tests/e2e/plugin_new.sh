#!/bin/sh
# `kk plugin new` writes a project that builds, passes its test and answers, in C and in C++, in an empty directory and against an
# installation alone; every block of its README is run.  What it refuses leaves everything as it was.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
prefix=$work/server/prefix
cmake --install "$KK_BUILD" --prefix "$prefix" >"$work/server/install.log" 2>&1 || fail 'the installation failed'
# From here on it is the installed kk.
ln -s "$KK_BIN/json_get" "$prefix/bin/json_get"
KK_BIN=$prefix/bin
libdir=$(dirname "$(find "$prefix" -name 'libkkhost.so.1' | head -1)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" CMAKE_PREFIX_PATH="$prefix" CMAKE_GENERATOR=Ninja
place="$work/some place"
mkdir "$place"

tree() { # tree DIRECTORY: its files, sorted
    (cd "$1" && find . -type f ! -path './build/*' | sed 's|^\./||' | LC_ALL=C sort)
}

blocks() { # blocks FILE: its blocks of ```sh and ```text, as $work/blocks/NUMBER.LANGUAGE
    rm -rf "$work/blocks"
    mkdir "$work/blocks"
    awk -v dir="$work/blocks" '
        /^```[a-z]/ { file = sprintf("%s/%d.%s", dir, ++n, substr($0, 4)); next }
        /^```$/ { file = ""; next }
        file { print >file }' "$1"
}

check_object() { # check_object FILE: what a plugin may show and need
    found=$(nm -D --defined-only "$1" | awk '{ print $3 }' | LC_ALL=C sort | tr '\n' ' ')
    [ "$found" = 'kk_plugin_describe kk_tool_acme_tools_greet kk_tool_acme_tools_show_user ' ] || fail "$1 exports $found"
    found=$(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | grep -vxE 'lib(cjson|stdc\+\+|gcc_s|c|m)\.so\.[0-9]+|ld-linux.*' || :)
    [ -z "$found" ] || fail "$1 needs $found"
    readelf -dW "$1" >"$work/dynamic"
    for flag in 'FLAGS).*SYMBOLIC' 'FLAGS_1).*NOW' 'FLAGS_1).*NODELETE'; do
        grep -q "$flag" "$work/dynamic" || fail "$1 lacks the flag $flag"
    done
    readelf -lW "$1" | grep -q GNU_RELRO || fail "$1 can be written where it was relocated"
}

check_calls() { # check_calls FILE: what its tools answer
    run --plugin "$1" --replay "$project/tapes/acme_tools.har" call acme_tools.greet 'name="Ada"' --json
    expect_ok
    expect /data/greeting '"Good day, \"Ada\"!"'
    run --plugin "$1" --replay "$project/tapes/acme_tools.har" call acme_tools.show_user id=7 fields=name --json
    expect_ok
    expect /data/name '"Ada Example"'
    run --plugin "$1" --replay "$project/tapes/acme_tools.har" call acme_tools.show_user id=8 --json
    expect_failure_json not_found 1
    expect /error/argument '"/id"'
    expect /error/http_status 404
    run --plugin "$1" --replay "$project/tapes/acme_tools.har" call acme_tools.greet name= --json
    expect_failure_json invalid_args 2
}

# A function without a credential needs no account, live and replayed; one with needs it, and a name is always looked up.
check_no_account() { # check_no_account FILE
    sed 's/"format": 1,/"format": 1, "accounts": [],/' "$project/tapes/acme_tools.har" >"$work/nobody.har"
    for tape in '' "--replay=$work/nobody.har"; do
        run --plugin "$1" ${tape:+"$tape"} call acme_tools.greet name=Ada --json
        expect_ok
        expect /meta/account '"none"'
    done
    run --plugin "$1" call acme_tools.show_user id=7 --json
    expect_failure_json no_keyring 4
    run --plugin "$1" "--replay=$work/nobody.har" call acme_tools.show_user id=7 --json
    expect_failure_json account_unknown 4
    run --plugin "$1" call acme_tools.greet name=Ada --account nobody --json
    expect_failure_json no_keyring 4
    run --plugin "$1" "--replay=$work/nobody.har" call acme_tools.greet name=Ada --account nobody --json
    expect_failure_json account_unknown 4
}

# check_project SOURCE [--cxx]: a whole project, from the command to the calls
check_project() {
    source=$1
    shift
    project=$place/${source##*.}
    run plugin new acme_tools "$project" --json "$@"
    expect_ok
    expect /success true
    expect /written true
    expect /directory "\"$project\""
    [ "$(get /files | tr -d '[]"' | tr ',' '\n' | LC_ALL=C sort)" = "$(tree "$project")" ] || fail 'the files are not those that are told'
    [ -s "$project/$source" ] || fail "there is no $source"
    if grep -riE 'hello' "$project" || tree "$project" | grep -i hello; then
        fail 'the name of the template is left'
    fi
    [ -z "$(find "$project" -perm /022)" ] || fail 'others may write to the project'
    run tape lint "$project/tapes/acme_tools.har"
    expect_ok
    expect_no_output

    # The sanitizers' own library has to come first in a program that loads the host.
    last="ci.sh of $source"
    tail -n 1 "$project/ci.sh" | grep -q ' plugin check --strict 3 ' || fail 'ci.sh does not end with the check'
    (cd / && KK=$KK_BIN/kk sh "$project/ci.sh" -DCMAKE_EXE_LINKER_FLAGS="${KK_SANITIZE_FLAGS:-}") >"$work/out" 2>"$work/err" </dev/null ||
        fail 'ci.sh failed'
    grep -q '100% tests passed, 0 tests failed out of 1' "$work/out" || fail 'ctest did not run the test'
    grep -q warning: "$work/out" "$work/err" && fail 'there is a warning'
    check_object "$project/build/acme_tools.so"
    check_calls "$project/build/acme_tools.so"
    check_no_account "$project/build/acme_tools.so"

    # The README's own blocks: CMake, pkg-config, the calls and what they print.
    blocks "$project/README.md"
    [ "$(ls "$work/blocks")" = "$(printf '1.sh\n2.sh\n3.sh\n4.text')" ] || fail 'the README has other blocks'
    for number in 1 2 3; do
        last="block $number of the README"
        (cd "$project" && PATH=$KK_BIN:$PATH sh -eu "$work/blocks/$number.sh") >"$work/out" 2>"$work/err" </dev/null || fail 'it failed'
    done
    diff -u "$work/blocks/4.text" "$work/out" >&2 || fail 'the calls print something else'
    check_object "$project/acme_tools.so"
    check_calls "$project/acme_tools.so"

    # The test notices what it is for.
    sed -i 's/Good day/Good bye/' "$project/$source"
    last='a broken plugin'
    cmake --build "$project/build" >"$work/out" 2>&1 || fail 'it does not build'
    ctest --test-dir "$project/build" >"$work/out" 2>&1 && fail 'its test passed'
    sed -i 's/Good bye/Good day/' "$project/$source"
}

# What C++ throws ends at the entry point: memory that ran out, and everything else.
check_throw() { # check_throw EXPRESSION
    cp "$place/cc/acme_tools.cc" "$work/kept.cc"
    sed -i "s/^    std::string greeting(/    throw $1;\n&/" "$place/cc/acme_tools.cc"
    last="a plugin that throws $1"
    cmake --build "$place/cc/build" >"$work/out" 2>&1 || fail 'it does not build'
    run --plugin "$place/cc/build/acme_tools.so" call acme_tools.greet name=Ada --json
    expect_failure_json internal 1
    mv "$work/kept.cc" "$place/cc/acme_tools.cc"
}
check_project acme_tools.c
check_project acme_tools.cc --cxx
check_throw 'std::bad_alloc()'
check_throw 1
[ ! -e "$place/cc/acme_tools.c" ] && [ ! -e "$place/c/acme_tools.cc" ] || fail 'there are sources of both variants'

# The sources hold in the oldest language that the headers take, and in newer ones, without a warning.
for compiler in 'cc -std=c99' 'cc -std=c17'; do
    last=$compiler
    $compiler -pedantic -Wall -Wextra -Werror -I "$prefix/include" -fsyntax-only "$place/c/acme_tools.c" 2>"$work/err" || fail 'the C source'
done
for compiler in 'c++ -std=c++11' 'c++ -std=c++20'; do
    last=$compiler
    $compiler -pedantic -Wall -Wextra -Werror -I "$prefix/include" -fsyntax-only "$place/cc/acme_tools.cc" 2>"$work/err" || fail 'the C++ source'
done

# ---- The example that ships is the same text
run plugin new hello "$place/same"
expect_ok
expect_err 'README.md says how'
[ "$(sed "s|^$place/same/||" "$work/out" | LC_ALL=C sort)" = "$(tree "$place/same")" ] || fail 'the files are not those that are told'
diff -r -x cxx -x build "$KK_SOURCE/host-sdk/examples/hello" "$place/same" >&2 || fail 'the example is another text'
run plugin new hello "$place/same_cxx" --cxx
expect_ok
for file in $(tree "$KK_SOURCE/host-sdk/examples/hello/cxx"); do
    cmp "$KK_SOURCE/host-sdk/examples/hello/cxx/$file" "$place/same_cxx/$file" || fail "$file is another text"
done

# ---- Where it goes
mkdir "$place/empty"
(cd "$place/empty" && umask 022 && "$KK_BIN/kk" plugin new a1_b2 . >/dev/null 2>&1) || fail 'the empty directory was not taken'
[ "$(stat -c %a "$place/empty/a1_b2.c" "$place/empty/tapes" | tr '\n' ' ')" = '644 755 ' ] || fail 'the permissions are not those of the umask'
(umask 077 && "$KK_BIN/kk" plugin new acme "$place/private" >/dev/null 2>&1) || fail 'it failed with umask 077'
[ "$(stat -c %a "$place/private/acme.c" "$place/private" | tr '\n' ' ')" = '600 700 ' ] || fail 'the permissions are not those of the umask'
long=$(printf '%063d' 0 | tr 0 x)
run plugin new "$long" "$place/dry" --dry-run --json
expect_ok
expect /written false
[ ! -e "$place/dry" ] || fail 'a dry run wrote something'

# ---- What is refused, and leaves nothing
refuse() { # refuse CODE STATUS WORD...: without and with --json
    code=$1
    exit_status=$2
    shift 2
    find "$place" | LC_ALL=C sort >"$work/server/before"
    run plugin new "$@"
    expect_failure "$code" "$exit_status"
    expect_no_output
    run plugin new "$@" --json
    expect_failure_json "$code" "$exit_status"
    find "$place" | LC_ALL=C sort | diff "$work/server/before" - >&2 || fail 'something was left or removed'
}
for name in '' Acme 'acme tools' 1acme _acme acme_ acme__tools acme-tools ../acme acme/x 'käse' "${long}x"; do
    refuse usage 2 "$name" "$place/refused"
done
expect_err 'at most 63 bytes'
refuse usage 2 end "$place/refused"
expect_err 'a word of Lua'
refuse usage 2 acme
refuse usage 2 acme "$place/refused" more
refuse usage 2 acme "$place/refused" --cx
refuse conflict 1 acme "$place/c"
expect_err 'already'
refuse conflict 1 acme "$place/c/acme_tools.c"
ln -s nowhere "$place/dangling"
refuse conflict 1 acme "$place/dangling"
refuse io 4 acme "$place/missing/acme"
expect_err 'make the directory above it first'
[ -z "$(find "$place/c" -name 'acme.*')" ] || fail 'something was written into a directory that was not empty'

# A directory that may not be written to: root is stopped by nothing but the lack of a capability.
mkdir "$place/shut" "$place/shut/empty"
chmod 555 "$place/shut" "$place/shut/empty"
[ "$(id -u)" != 0 ] || KK_WRAP='setpriv --bounding-set=-dac_override --inh-caps=-dac_override'
refuse io 4 acme "$place/shut/acme"
refuse io 4 acme "$place/shut/empty"
KK_WRAP=
chmod 755 "$place/shut" "$place/shut/empty"

# A disk that is full in the middle: what was written is taken back, and an empty directory stays.
small() { # small WORD...: no file may grow beyond 4 KiB
    last="plugin new $*"
    status=0
    (trap '' XFSZ && ulimit -f 8 && exec "$KK_BIN/kk" plugin new "$@") >"$work/out" 2>"$work/err" </dev/null || status=$?
}
small acme "$place/full"
expect_failure io 4
expect_err 'nothing of it was left behind'
[ ! -e "$place/full" ] || fail 'something was left behind'
# The source is the longest file and comes behind the tape, so that there was a directory to remove.
mkdir "$place/kept"
small acme "$place/kept"
expect_failure io 4
[ -d "$place/kept" ] && [ -z "$(ls -A "$place/kept")" ] || fail 'the directory is not as it was'
