#!/bin/sh
# What `cmake --install` gives is enough: kk finds its plugin and its live module from there, and an outside program builds
# against it with find_package and with pkg-config.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
prefix=$work/prefix
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
cmake --install "$KK_BUILD" --prefix "$prefix" >"$work/server/install.log" 2>&1 || fail 'the installation failed'
libdir=$(dirname "$(find "$prefix" -name 'libkkhost.so.1' | head -1)")
for file in "$prefix/bin/kk" "$libdir/libkkhost.so" "$libdir/libkkhost.a" "$libdir/kk/kk_live.so" "$libdir/kk/plugins/planetscale.so" \
    "$prefix/include/kk/plugin.h" "$prefix/include/kk/host.h" "$libdir/pkgconfig/kkhost.pc"; do
    [ -e "$file" ] || fail "$file was not installed"
done
if [ -e "$KK_BUILD/lib/kk/kk_live_http.so" ]; then
    (cd "$KK_BUILD/lib/kk" && find kk_live_http.so live_stubs -printf '%p %l\n') | sort >"$work/server/built"
    (cd "$libdir/kk" && find kk_live_http.so live_stubs -printf '%p %l\n') | sort | diff "$work/server/built" - >"$work/out" ||
        fail 'the stubs were not installed as they were built'
fi
for file in man/man1/kk.1 bash-completion/completions/kk zsh/site-functions/_kk fish/vendor_completions.d/kk.fish; do
    [ -s "$prefix/share/$file" ] || fail "share/$file was not installed"
done
groff -ww -man -Tutf8 -z "$prefix/share/man/man1/kk.1" 2>"$work/err" && [ ! -s "$work/err" ] || fail 'the manual page has mistakes'
worker=$(find "$prefix" -name kk-worker)
[ -x "$worker" ] || fail 'kk-worker was not installed'
KK_BIN_BUILD=$KK_BIN
KK_BIN=$prefix/bin
run --replay "$tape" call planetscale.get_current_user '{}' --json
expect_ok
run list
expect_ok
grep -q planetscale.list_databases "$work/out" || fail 'the installed plugin was not found'
expect_no_library_from_here
KK_BIN=$KK_BIN_BUILD

cp "$KK_SOURCE/host-sdk/examples/embed.c" "$work/server/embed.c"
cat >"$work/server/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.21)
project(outside LANGUAGES C)
find_package(kkhost 1.0 REQUIRED COMPONENTS static)
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE kkhost::kkhost)
add_executable(embed_static embed_static.c)
target_link_libraries(embed_static PRIVATE kkhost::static)
add_executable(embed_live embed_live.c)
target_link_libraries(embed_live PRIVATE kkhost::static kkhost::live)
CMAKE
# A program with the host linked into it is no installation, so that it names the worker.
sed "s|sizeof options, |&.worker = \"$worker\", |" "$work/server/embed.c" >"$work/server/embed_static.c"
sed 's/sizeof options, /&.live = kk_live_open, /' "$work/server/embed_static.c" >"$work/server/embed_live.c"
cmake -G Ninja -S "$work/server" -B "$work/server/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="${KK_SANITIZE_FLAGS:-}" >"$work/out" 2>&1 &&
    cmake --build "$work/server/build" >>"$work/out" 2>&1 || fail 'the outside program does not build with find_package'
"$work/server/build/embed" "$tape" >"$work/out" 2>"$work/err" || fail 'the outside program failed'
grep -q planetscale.list_databases "$work/out" || fail 'the outside program lists nothing'

# The static libraries look for plugins beside the program, so that these are named; `live` needs no module.
export KK_PLUGIN_PATH=$libdir/kk/plugins
rm -r "$KK_HOME/cache"
"$work/server/build/embed_static" "$tape" >"$work/out" 2>"$work/err" || fail 'the static program failed'
grep -q '"name":"shop"' "$work/out" || fail 'the static program called nothing'
start_server
export KK_CRED__PLANETSCALE__URL="http://127.0.0.1:$port/v1"
export KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID=$TOKEN_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN=$TOKEN
"$work/server/build/embed_live" >"$work/out" 2>"$work/err" || fail 'the program with the live transport in it failed'
grep -q '"name":' "$work/out" || fail 'the program with the live transport in it called nothing'
[ "$(requests)" = 1 ] || fail "$(requests) requests, not 1"
unset KK_PLUGIN_PATH

flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs kkhost) || fail 'pkg-config does not find kkhost'
# shellcheck disable=SC2086
cc ${KK_SANITIZE_FLAGS:-} "$work/server/embed.c" -o "$work/server/embed" $flags -Wl,-rpath,"$libdir" 2>"$work/err" || fail 'it does not build with pkg-config'
"$work/server/embed" "$tape" >"$work/out" 2>"$work/err" || fail 'the program built with pkg-config failed'
