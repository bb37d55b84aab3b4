#!/bin/sh
# Makes the plugins that bench_scan looks at, which takes a minute, and runs it: sh tests/bench/scan.sh
set -eu
cd "$(dirname "$0")/../.."
[ -x build/release/bin/bench_scan ] || { echo 'scan.sh: run tests/bench/run.sh, which builds it' >&2; exit 1; }
umask go-w
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/1" "$work/100" "$work/1000"
i=0
while [ $i -lt 1000 ]; do
    echo "$i"
    i=$((i + 1))
done | xargs -P "$(nproc)" -I '{}' cc -O1 -fPIC -shared -fvisibility=hidden -Ihost-sdk/include -DSCAN_ID='scan_{}' \
    -Wl,-z,nodelete -Wl,-Bsymbolic -o "$work/1000/scan_{}.so" tests/bench/scan_plugin.c
cp "$work/1000/scan_0.so" "$work/1"
i=0
while [ $i -lt 100 ]; do
    cp "$work/1000/scan_$i.so" "$work/100"
    i=$((i + 1))
done
build/release/bin/bench_scan "$work" "$PWD/build/release/lib/kk/plugins/planetscale.so"
