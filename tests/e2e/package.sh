#!/bin/sh
# The Debian package: lintian finds no error in it, it holds what an installation gives, names what it needs, and what is
# unpacked from it works.
. "$KK_SOURCE/tests/e2e/lib.sh"
[ -z "${KK_SANITIZE_FLAGS:-}" ] || { echo 'skipped: nobody packs a build with a sanitizer'; exit 77; }
mkdir -p "$work/server"
build=$work/server/build
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
export HOME="$work/server"

# Packed by somebody with a strict umask, which must not show.
(
    umask 077
    cmake -G Ninja -S "$KK_SOURCE" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr -DBUILD_TESTING=OFF &&
        cmake --build "$build" && cd "$build" && cpack -G DEB
) >"$work/server/build.log" 2>&1 || { tail -n 20 "$work/server/build.log" >&2; fail 'the package is not made'; }
deb=$(find "$build" -maxdepth 1 -name 'kk_*.deb')
[ -f "$deb" ] || fail 'there is no package'

lintian --fail-on error "$deb" >"$work/out" 2>"$work/err" || fail 'lintian finds errors in the package'
# It would find one: of the loader, which has to be told of a new library, and of a licence that is not there.
dpkg-deb -R "$deb" "$work/server/spoilt" && rm "$work/server/spoilt/usr/share/doc/kk/copyright" "$work/server/spoilt/DEBIAN/triggers"
dpkg-deb --root-owner-group -b "$work/server/spoilt" "$work/server/spoilt.deb" >"$work/out"
lintian --fail-on error "$work/server/spoilt.deb" >"$work/out" 2>"$work/err" && fail 'lintian finds no error in a package that has one'

# ---- What is in it
root=$work/server/root
dpkg-deb -x "$deb" "$root" || fail 'the package does not unpack'
arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
libdir=$root/usr/lib/$arch
for file in "$root/usr/bin/kk" "$libdir/libkkhost.so.1" "$libdir/libkkhost.so" "$libdir/libkkhost.a" "$libdir/kk/kk_live.so" \
    "$libdir/kk/kk_live_http.so" "$libdir/kk/live_stubs/kk_live_stubs.so" "$libdir/kk/plugins/planetscale.so" "$libdir/pkgconfig/kkhost.pc" "$libdir/pkgconfig/kk-plugin.pc" \
    "$libdir/cmake/kkhost/kkhostConfig.cmake" "$root/usr/include/kk/plugin.h" "$root/usr/include/kk/host.h" \
    "$root/usr/share/man/man1/kk.1.gz" "$root/usr/share/doc/kk/copyright" "$root/usr/share/doc/kk/changelog.gz" \
    "$root/usr/share/bash-completion/completions/kk" "$root/usr/share/zsh/vendor-completions/_kk" \
    "$root/usr/share/fish/vendor_completions.d/kk.fish"; do
    [ -s "$file" ] || fail "the package has no ${file#"$root"}"
done
worker=$(find "$root" -name kk-worker)
[ -x "$worker" ] || fail 'the package has no kk-worker'
[ -z "$(find "$root" ! -type l -perm /022)" ] || fail "others may write: $(find "$root" ! -type l -perm /022)"
[ -z "$(find "$root" -type d ! -perm 755)" ] || fail "not everybody may enter: $(find "$root" -type d ! -perm 755)"
dpkg-deb -f "$deb" Depends >"$work/out"
for package in libc6 libcjson1 libcurl4 liblua5.4-0 libpcre2-8-0 libseccomp2 libsodium23; do
    grep -q "$package" "$work/out" || fail "the package does not depend on $package"
done

# ---- Names.  The library exports what its headers declare as public, and nothing else.
soname() { objdump -p "$1" | sed -n 's/^ *SONAME *//p'; }
[ "$(soname "$libdir/libkkhost.so.1")" = libkkhost.so.1 ] || fail "the library's SONAME is '$(soname "$libdir/libkkhost.so.1")'"
[ "$(readlink "$libdir/libkkhost.so")" = libkkhost.so.1 ] || fail 'libkkhost.so does not lead to libkkhost.so.1'
exports() { nm -D --defined-only "$1" | awk '{ print $3 }' | sort; }
[ "$(exports "$libdir/kk/kk_live.so")" = kk_live_open ] || fail 'the live module exports something else than its one function'
[ "$(exports "$libdir/kk/kk_live_http.so")" = kk_live_open ] || fail 'the module for HTTP exports something else than its one function'
{ exports "$libdir/libkkhost.so.1" && echo kk_live_open; } | sort >"$work/server/exported"
for header in "$root"/usr/include/kk/*.h; do
    cc -fpreprocessed -dD -E -P "$header" 2>/dev/null | grep -v '^#' | tr '\n' ' ' | tr ';' '\n' | grep 'KK_PUBLIC' |
        sed -nE 's/^[^(]*[ *](kk_[a-z0-9_]+)\(.*/\1/p'
done | sort -u >"$work/server/declared"
diff "$work/server/declared" "$work/server/exported" >"$work/out" || fail 'what is declared (<) is not what is exported (>)'
[ "$(wc -l <"$work/server/declared")" -gt 50 ] || fail 'the declarations were not found'
for file in "$root/usr/bin/kk" "$libdir/libkkhost.so.1" "$libdir/kk/kk_live.so" "$libdir/kk/plugins/planetscale.so" "$worker"; do
    objdump -p "$file" | grep -E 'RPATH|RUNPATH' && fail "${file#"$root"} has a path of its own for libraries"
done
path=$(objdump -p "$libdir/kk/kk_live_http.so" | awk '/RPATH|RUNPATH/ { print $1, $2 }')
[ "$path" = 'RPATH $ORIGIN/live_stubs' ] || fail "the module for HTTP has '$path', not the path to its stubs"

# ---- What is unpacked works, where the loader finds the library
KK_BIN=$root/usr/bin
export LD_LIBRARY_PATH="$libdir"
run --version
expect_ok
run list
expect_ok
grep -q planetscale.list_databases "$work/out" || fail 'the plugin in the package was not found'
run --replay "$tape" call planetscale.get_current_user '{}' --json
expect_ok
run plugin check --strict 3 "$libdir/kk/plugins/planetscale.so"
expect_ok
# The tests' server is not in the package.
KK_BIN=$KK_BUILD/bin
start_server
KK_BIN=$root/usr/bin
export KK_CRED__PLANETSCALE__URL="http://127.0.0.1:$port/v1"
export KK_CRED__PLANETSCALE__SERVICE_TOKEN_ID=$TOKEN_ID KK_CRED__PLANETSCALE__SERVICE_TOKEN=$TOKEN
run call planetscale.list_databases organization=acme --json
expect_ok
expect_no_canary
