#!/bin/sh
# Installs the distribution packages that kk needs, where they are missing.  Says nothing when nothing is.
#
#     packages.sh build      what building needs, and calling real services
#     packages.sh test       also what the tests need
#     packages.sh bench      also what the benchmarks need
#     packages.sh all        also what the slow checks need (sanitizers' compilers, valgrind, tidy)
set -eu
build='gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libcjson-dev libsodium-dev libseccomp-dev liblua5.4-dev libpcre2-dev
  ca-certificates'
tests="$build g++ libcmocka-dev libmicrohttpd-dev libgnutls28-dev nginx-light strace binutils bash zsh fish groff-base abigail-tools dpkg-dev lintian"
bench="$tests curl lua5.4"
all="$tests clang clang-tidy clang-format libclang-rt-14-dev valgrind iproute2 util-linux"

case "${1:-build}" in
build) wanted=$build ;;
test) wanted=$tests ;;
bench) wanted=$bench ;;
all) wanted=$all ;;
*) echo "packages.sh: '$1' is not build, test, bench or all" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root=
[ "$(id -u)" = 0 ] || root=sudo
if [ -n "$root" ] && ! command -v sudo >/dev/null; then
    echo "packages.sh: install these packages as root and run again:$missing" >&2
    exit 1
fi
echo "Installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq >&2
# shellcheck disable=SC2086
$root apt-get install -y -qq --no-install-recommends $missing >&2
