# KkStubs.cmake, in a project of its own: it makes stubs for what a libcurl is linked with, and none where there is nothing to stand for.
. "$KK_SOURCE/tests/e2e/lib.sh"
export HOME="$work"
project=$work/project
mkdir -p "$project"
ln -s "$KK_SOURCE/host-sdk/src" "$project/src"
cat >"$project/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.21)
project(stubs C)
include(GNUInstallDirs)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(KK_CURL_LINK_LIBRARIES ${CURL} ${MORE})
function(kk_configure target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()
file(WRITE ${CMAKE_BINARY_DIR}/empty.c "int kk_empty(void); int kk_empty(void) { return 0; }\n")
add_library(kk_live_objects OBJECT ${CMAKE_BINARY_DIR}/empty.c)
kk_configure(kk_live_objects)
add_library(kk STATIC ${CMAKE_BINARY_DIR}/empty.c)
include($ENV{KK_SOURCE}/host-sdk/cmake/KkStubs.cmake)
EOF

build() { # build LIBCURL: in a directory whose name is none of the usual
    last="a build with $1"
    tree="$work/a (tree)+, [1]"
    rm -rf "$tree"
    cmake -G Ninja -S "$project" -B "$tree" -DCURL="$1" -DMORE=/nowhere/libmore.so >"$work/out" 2>"$work/err" || fail 'it is not configured'
    cmake --build "$tree" >"$work/out" 2>"$work/err" || fail 'it is not built'
}

library() { # library NAME OPTION...: a library of the C on standard input
    last="the library $1"
    file=$work/$1
    shift
    cc -shared -fPIC -x c - -x none -o "$file" "-Wl,-soname,$(basename "$file")" "$@" 2>"$work/err" || fail 'it does not build'
}

# One with versions and data, one without, and one that is no business of the stubs.
printf 'V_1.0 { global: *; };\n' >"$work/map"
echo 'void ldap_one(void) {} int *ldap_data;' | library libldap-9.9.so.7 "-Wl,--version-script=$work/map"
echo 'int libssh2_init(int f) { return f; } void libssh2_other(void) {}' | library libssh2.so.1
echo 'void deflate(void) {}' | library libz.so.1
echo 'void ldap_one(void); extern int *ldap_data; int libssh2_init(int); void deflate(void); int *all(void);
int *all(void) { ldap_one(); deflate(); return libssh2_init(0) ? ldap_data : 0; }' | library libcurl.so.4 "$work/libldap-9.9.so.7" "$work/libssh2.so.1" "$work/libz.so.1"
build "$work/libcurl.so.4"
stubs=$tree/lib/kk/live_stubs
[ "$(cd "$stubs" && echo *)" = 'kk_live_stubs.so libldap-9.9.so.7 libssh2.so.1' ] || fail "the stubs are $(cd "$stubs" && echo *)"
[ -e "$tree/lib/kk/kk_live_http.so" ] || fail 'there is no module for HTTP'
nm -D --defined-only "$stubs/libldap-9.9.so.7" >"$work/out"
for name in 'B ldap_data@@V_1.0' 'T ldap_one@@V_1.0' 'T libssh2_init' 'T libssh2_version'; do
    grep -q " $name\$" "$work/out" || fail "the stub has no '$name'"
done

# No versions at all.
echo 'void libssh2_other(void); void all(void); void all(void) { libssh2_other(); }' | library libcurl.so.4 "$work/libssh2.so.1"
build "$work/libcurl.so.4"
nm -D --defined-only "$stubs/libssh2.so.1" >"$work/out"
grep -q ' T libssh2_other$' "$work/out" || fail "the stub has no 'libssh2_other'"

# Nothing to stand for, a library that needs one of the others, a static library, and what cannot be read.
echo 'void ssh_one(void) {}' | library libssh.so.4
echo 'void ldap_one(void); void ssh_one(void); void all(void); void all(void) { ldap_one(); ssh_one(); }' |
    library libcurl-ssh.so.4 "$work/libldap-9.9.so.7" "$work/libssh.so.4"
echo 'void deflate(void); void all(void); void all(void) { deflate(); }' | library libcurl.so.4 "$work/libz.so.1"
echo 'void ldap_one(void); void all(void); void all(void) { ldap_one(); }' | cc -c -x c - -o "$work/curl.o" && ar rc "$work/libcurl.a" "$work/curl.o"
echo 'INPUT(libcurl.so.4)' >"$work/libcurl.so"
for curl in libcurl.so.4 libcurl-ssh.so.4 libcurl.a libcurl.so; do
    build "$work/$curl"
    [ ! -e "$tree/lib/kk" ] || fail 'there is a module for HTTP'
done
