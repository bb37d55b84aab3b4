#!/bin/sh
# The one test command: installs what is missing, builds, and runs every test.
#
#     tests/run.sh          debug, and everything again with address and undefined-behaviour sanitizers; under ten minutes
#     tests/run.sh --all    also thread sanitizer, valgrind, clang-tidy, the libFuzzer targets, and a run without a network
#
# Ends with ctest's own summary.  Recording and replaying follow the tests' own settings, so variables that would change what
# kk does are cleared.
set -eu
cd "$(dirname "$0")/.."
for name in $(env | sed -n 's/^\(KK_[A-Za-z0-9_]*\)=.*/\1/p' | grep -v '^KK_OPENAPI$'); do
    unset "$name"
done
unset CI PLANETSCALE_SERVICE_TOKEN_ID PLANETSCALE_SERVICE_TOKEN
export LC_ALL=C.UTF-8

all=no
case "${1:-}" in
'') ;;
--all) all=yes ;;
*) echo "usage: tests/run.sh [--all]" >&2; exit 2 ;;
esac

# kk loads nothing that others could change, and with umask 002 that would be all that is built here.
umask go-w
mkdir -p build
find . -prune -perm /022 -exec chmod go-w {} +
find build ! -type l -perm /022 -exec chmod go-w {} +

jobs=$(nproc)
step() { printf '\n== %s\n' "$*"; }
build() { # build PRESET
    step "$1: build"
    cmake --preset "$1" -G Ninja >build/"$1".log 2>&1 && cmake --build --preset "$1" -j "$jobs" >>build/"$1".log 2>&1 || {
        cat build/"$1".log >&2
        exit 1
    }
}
check() { # check PRESET [CTEST-OPTION...]
    preset=$1
    shift
    build "$preset"
    step "$preset: test"
    ctest --preset "$preset" -j "$jobs" "$@"
}

if [ $all = yes ]; then
    sh host-sdk/packages.sh all
    build tidy
    check tsan
    check fuzz -R fuzz
    build debug
    step 'debug: valgrind'
    ctest --preset debug -C valgrind -L valgrind
    step 'debug: test without a network'
    unshare -rn sh -c 'ip link set lo up && exec ctest --preset debug -j "$0"' "$jobs"
else
    sh host-sdk/packages.sh test
fi
check asan
check debug
