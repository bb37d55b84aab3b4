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
KK_BIN_BUILD=$KK_BIN
KK_BIN=$prefix/bin
run --replay "$tape" call planetscale.get_current_user '{}' --json
expect_ok
run list
expect_ok
grep -q planetscale.list_databases "$work/out" || fail 'the installed plugin was not found'
KK_BIN=$KK_BIN_BUILD

cp "$KK_SOURCE/host-sdk/examples/embed.c" "$work/server/embed.c"
cat >"$work/server/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.21)
project(outside LANGUAGES C)
find_package(kkhost 1.0 REQUIRED)
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE kkhost::kkhost)
CMAKE
cmake -G Ninja -S "$work/server" -B "$work/server/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="${KK_SANITIZE_FLAGS:-}" >"$work/out" 2>&1 &&
    cmake --build "$work/server/build" >>"$work/out" 2>&1 || fail 'the outside program does not build with find_package'
"$work/server/build/embed" "$tape" >"$work/out" 2>"$work/err" || fail 'the outside program failed'
grep -q planetscale.list_databases "$work/out" || fail 'the outside program lists nothing'

flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs kkhost) || fail 'pkg-config does not find kkhost'
# shellcheck disable=SC2086
cc ${KK_SANITIZE_FLAGS:-} "$work/server/embed.c" -o "$work/server/embed" $flags -Wl,-rpath,"$libdir" 2>"$work/err" || fail 'it does not build with pkg-config'
"$work/server/embed" "$tape" >"$work/out" 2>"$work/err" || fail 'the program built with pkg-config failed'
