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

cp "$defects/good.so" "$work/writable.so" && chmod 777 "$work/writable.so"
run list --plugin "$work/writable.so" --json
expect_failure_json plugin_refused 5
expect /error/reason '"trust"'
expect_err chmod
run list --plugin "$work/missing.so" --json
expect_failure_json plugin_refused 5
expect /error/reason '"path"'
