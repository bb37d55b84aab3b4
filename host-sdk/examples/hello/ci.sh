#!/bin/sh
# All that a change has to pass, on any machine that has kk and its SDK: what a CI job runs.
#
#     sh ci.sh                                      the kk of PATH
#     KK=/opt/kk/bin/kk sh ci.sh -DCMAKE_PREFIX_PATH=/opt/kk
#
# Arguments go to CMake as they are.
set -eu
cd "$(dirname "$0")"
kk=${KK:-kk}
cmake -B build "$@"
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error
"$kk" tape lint tapes/hello.har
"$kk" plugin check --strict 3 "$PWD/build/hello.so"
