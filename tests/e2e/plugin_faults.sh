#!/bin/sh
# Files that are no good plugin: each is refused with its stage, and the good plugin beside it goes on working.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server" "$work/plugins" && chmod 755 "$work/plugins"
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
defects=$KK_PLUGINS

refuse() { # refuse FILE STAGE: named on the command line, and found beside good ones
    run list --plugin "$1" --json
    expect_failure_json plugin_refused 5
    expect /error/reason "\"$2\""
    expect_err "$1"
    install -m 755 "$1" "$work/plugins/0_bad.so"
    KK_PLUGIN_PATH=$work/plugins run --replay "$tape" call planetscale.get_current_user '{}' --json
    expect_ok
    KK_PLUGIN_PATH=$work/plugins run list
    expect_ok
    expect_err 0_bad.so
    expect_err "$2"
    grep -q planetscale.list_databases "$work/out" || fail 'the good plugin is not listed'
    rm "$work/plugins/0_bad.so"
}

echo 'this is not an ELF file' >"$work/not_elf.so" && chmod 755 "$work/not_elf.so"
refuse "$work/not_elf.so" elf
refuse "$defects/no_describe.so" elf
refuse "$defects/major_2.so" version

# What a plugin does when it is looked at, it does to the worker: kk goes on, says what it was, and serves the others.
refuse "$defects/describe_crash.so" describe
refuse "$defects/describe_exit.so" describe
expect_err 'ended the process, with status 0, when it was asked what it is'
refuse "$defects/constructor_exit.so" dlopen
expect_err 'ended the process, with status 3, when it was loaded'
run list --plugin "$defects/describe_spin.so" --json
expect_failure_json plugin_refused 5
# On a machine that is busy enough the one limit is reached before the other.
grep -qE 'CPU time|did not come to an end' "$work/err" || fail 'it was not stopped for its time'

# A second process finds what the first one found out, and starts no worker for it.
rm -r "$KK_HOME/cache"
run --replay "$tape" call planetscale.get_current_user '{}' --json
expect_ok
[ "$(stat -c %a "$KK_HOME/cache/scan.cache")" = 600 ] || fail 'the cache can be read by others'
# The leak detector cannot run in a traced process.
ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=execve -o "$work/trace" "$KK_BIN/kk" --replay "$tape" list >"$work/out" 2>"$work/err" </dev/null || status=$?
expect_ok
[ "$(grep -c 'execve(' "$work/trace")" = 1 ] || fail 'a plugin that is known was looked at again'
printf damaged >"$KK_HOME/cache/scan.cache"
run -v --replay "$tape" call planetscale.get_current_user '{}' --json
expect_ok
expect_err 'is passed over: it is cut short'

# Without the worker nothing that is not known can be looked at, and that is said.
rm -r "$KK_HOME/cache"
mkdir -p "$work/moved/lib" "$work/moved/bin"
cp "$KK_BIN/kk" "$work/moved/bin"
chmod -R go-w "$work/moved"
kept=$KK_BIN
KK_BIN=$work/moved/bin
run list --plugin "$defects/good.so" --json
KK_BIN=$kept
expect_failure_json internal 1
expect_err 'kk-worker'
expect_err 'is not installed'

cp "$defects/good.so" "$work/writable.so" && chmod 777 "$work/writable.so"
run list --plugin "$work/writable.so" --json
expect_failure_json plugin_refused 5
expect /error/reason '"trust"'
expect_err chmod
run list --plugin "$work/missing.so" --json
expect_failure_json plugin_refused 5
expect /error/reason '"path"'

# What a plugin writes is bounded, and what it leaves for the end of the process finds its code.
export KK_CRED__BEHAVE__TOKEN=token-of-a-test
# The leak detector guesses where the thread-local memory of libraries lies that were loaded later.  After a GiB of output it
# now and then looked where nothing is, and broke: all threads had ended by then.
odd() { # odd FIXTURE: called, with the good plugin beside it
    ASAN_OPTIONS=detect_leaks=0 run --plugin "$defects/$1.so" call behave.tool word=x --json
}
odd behave_output_huge
expect_failure_json too_large 1
odd behave_output_deep
expect_failure_json bad_output 1
odd behave_atexit
expect_ok
expect /data '{}'
odd behave_open_null
expect_ok
odd behave_open_fails
expect_failure_json internal 1
expect_err "did not open for account 'environment': status 7"
for name in behave_output_huge behave_output_deep behave_atexit behave_open_null behave_open_fails; do
    run --plugin "$defects/$name.so" --replay "$tape" call planetscale.get_current_user '{}' --json
    expect_ok
done
