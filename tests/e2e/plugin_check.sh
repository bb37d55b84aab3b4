#!/bin/sh
# kk plugin check: our plugin and a good one pass at the strictest level, and every defect trips its own rule and no other.
. "$KK_SOURCE/tests/e2e/lib.sh"
case ${KK_SANITIZE_FLAGS:-} in
*thread*) echo 'skipped: the thread sanitizer has a thread of its own, which is what a rule looks for'; exit 77 ;;
esac
planetscale=$KK_BIN/../lib/kk/plugins/planetscale.so

passes() { # passes FILE [OPTION...]
    file=$1
    shift
    run plugin check --strict 3 "$@" "$file"
    expect_ok
    grep -q ': passed at strictness 3: 0 errors, 0 warnings, 0 advice, ' "$work/out" || fail "$file does not pass"
}
for seed in 1 2 3; do
    passes "$planetscale" --seed $seed
    passes "$KK_PLUGINS/behave_good.so" --seed $seed
done
grep -q '0 not run' "$work/out" || [ -n "${KK_SANITIZE_FLAGS:-}" ] || fail 'a rule was not run'

trips() { # trips FIXTURE RULE [OPTION...]
    fixture=$1
    rule=$2
    shift 2
    run plugin check --strict 3 --seed 1 "$@" "$KK_PLUGINS/$fixture.so"
    expect_failure check_failed 1
    sed -nE 's/^(error|warning|advice): KKP-([0-9]+) .*/\2/p' "$work/out" | sort -u >"$work/rules"
    [ "$(cat "$work/rules")" = "$rule" ] || fail "$fixture trips '$(tr '\n' ' ' <"$work/rules")' and not $rule"
}

# ---- Stages
all_trip() { # all_trip RULE FIXTURE...
    stage_rule=$1
    shift
    for stage_fixture in "$@"; do
        trips "$stage_fixture" "$stage_rule"
    done
}
all_trip 003 no_describe
all_trip 004 constructor_crash constructor_exit constructor_hang dependency_missing
all_trip 040 describe_abort describe_crash describe_differs describe_exit describe_exit_at_once describe_misaligned describe_null
all_trip 041 abi_min_future magic_wrong major_2 size_huge size_tiny size_zero skew_next_only
all_trip 042 format_undeclared_field id_bad origin_http schema_not_json schema_not_object schema_unknown_keyword title_not_utf8 tool_dup \
    tool_name_space tools_long tools_short
all_trip 020 entry_elsewhere entry_other symbol_missing symbol_wrong
all_trip 043 needs_unknown
# The worker of a build with sanitizers is not confined.
[ -n "${KK_SANITIZE_FLAGS:-}" ] || all_trip 004 constructor_fork constructor_write
[ -n "${KK_SANITIZE_FLAGS:-}" ] || all_trip 040 describe_allocate describe_close describe_exec describe_forge describe_fork describe_garbage \
    describe_hang describe_open describe_overflow describe_print describe_signal describe_socket describe_spin describe_thread describe_umask \
    describe_write

# ---- How it is linked.  A sanitizer's run-time is linked in other ways.
trips behave_export 021
trips behave_hidden_tool 021
# The twins, which work side by side nevertheless, show all of their names.
run plugin check --only extra_export "$KK_PLUGINS/twin_a.so"
expect_failure check_failed 1
for name in twin_counter twin_library_count twin_name; do
    grep -q "$name" "$work/out" || fail "twin_a hides $name"
done
trips linked_deletable 025
trips linked_open 029
trips linked_run_path 027
if [ -z "${KK_SANITIZE_FLAGS:-}" ]; then
    trips linked_lazy 024
    trips linked_norelro 030
    trips linked_stack 028
    trips behave_text_relocation 026
    trips linked_curl 022
    trips linked_other 023
fi

# ---- What it says
trips behave_slow_describe 044
trips behave_version 050
trips behave_long_summary 051
trips behave_no_http 052
trips behave_flags 053
trips behave_open_arguments 070
trips behave_undescribed 071
trips behave_no_example 080
trips behave_example_args 081
trips behave_example_lua 082
trips behave_no_output 083

# ---- What it does
trips behave_crash 100
grep -q 'ended the process: Segmentation fault' "$work/out" || [ -n "${KK_SANITIZE_FLAGS:-}" ] || fail 'the crash is not told'
trips behave_open_fails 100
trips behave_exit 100
grep -q 'exit status 0' "$work/out" || fail 'the exit is not told'
trips behave_hang 100 --timeout 5
grep -q 'did not come back within 5000 ms' "$work/out" || fail 'the hang is not told'
grep -q 'not run: KKP-149 leaks: KKP-100 comes first' "$work/out" || fail 'what was not run is not told'
if [ -z "${KK_SANITIZE_FLAGS:-}" ]; then
    trips behave_longjmp 100
    grep -q 'ended the process: Aborted' "$work/out" || fail 'the jump is not told'
    # An exception of C++ that leaves a function meets nobody who could catch it.
    mkdir -p "$work/server"
    echo 'extern "C" void throw_something(); void throw_something() { throw 1; }' >"$work/server/throw.cc"
    cc -fPIC -fvisibility=hidden -I "$KK_SOURCE/host-sdk/include" -c "$KK_SOURCE/tests/plugins/behave_throws.c" -o "$work/server/throws.o" &&
        g++ -fPIC -shared -fvisibility=hidden "$work/server/throws.o" "$work/server/throw.cc" -o "$work/behave_throws.so" -static-libstdc++ \
            -static-libgcc -Wl,--exclude-libs,ALL -Wl,-z,nodelete -Wl,-Bsymbolic -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now -Wl,-z,defs ||
        fail 'the plugin that throws is not built'
    KK_PLUGINS=$work trips behave_throws 100
    grep -q 'ended the process: Aborted' "$work/out" || fail 'the exception is not told'
fi
trips behave_two_values 101
trips behave_not_json 101
trips behave_no_output_value 101
trips behave_fail_then_ok 102
trips behave_status 102
trips behave_post_in_read 103
trips behave_off_origin 104
trips behave_plain_http 104
trips behave_auth_header 104
trips behave_ignores_cancel 105
trips behave_ignores_deadline 106
trips behave_ignores_write 107
trips behave_write_after_fail 108
trips behave_fail_without_size 108
trips behave_undeclared 109
trips behave_late 110
trips behave_one_instance 111
trips behave_directory 140
trips behave_umask 141
trips behave_locale 142
trips behave_environment 143
trips behave_signals 144
trips behave_signal_mask 144
trips behave_descriptor 145
trips behave_thread 146
trips behave_print 147
trips behave_child 148
[ -n "${KK_SANITIZE_FLAGS:-}" ] || trips behave_leak 149
trips behave_random 150

# Every rule that a fixture can break is broken by one; the others are said here.
"$KK_BIN/kk" plugin check --rules | sed -n 's/^### KKP-//p' | sort >"$work/all"
sed -nE -e 's/^.*trips [a-z_0-9]+ ([0-9]{3}).*/\1/p' -e 's/^all_trip ([0-9]{3}) .*/\1/p' "$0" | sort -u >"$work/tried"
printf '%s\n' 001 002 | sort >"$work/else" # below: a path, and trust
sort -u "$work/tried" "$work/else" | cmp -s - "$work/all" || fail "rules without a fixture: $(sort -u "$work/tried" "$work/else" | comm -13 - "$work/all" | tr '\n' ' ')"

# ---- Paths, trust, and what cannot be checked
run plugin check --strict 1 /dev/null
expect_failure check_failed 1
grep -q '^error: KKP-001' "$work/out" || fail 'a device passes as a path'
cp "$KK_PLUGINS/behave_good.so" "$work/writable.so"
chmod 666 "$work/writable.so"
run plugin check "$work/writable.so"
expect_failure check_failed 1
grep -q '^error: KKP-002' "$work/out" || fail 'a file that everybody writes is trusted'
run plugin check "$work/nosuch.so"
expect_failure usage 2
run plugin check
expect_failure usage 2
run plugin check --strict 4 "$planetscale"
expect_failure usage 2
run plugin check --only '(' "$planetscale"
expect_failure usage 2
run plugin check --only nosuchrule "$planetscale"
expect_failure usage 2

# ---- Strictness, one rule, the same seed, JSON
run plugin check --strict 2 "$KK_PLUGINS/behave_random.so"
expect_ok
run plugin check --only KKP-150 --strict 3 "$KK_PLUGINS/behave_umask.so"
expect_ok
run plugin check --seed 5 --only one_value "$KK_PLUGINS/behave_two_values.so"
cp "$work/out" "$work/first"
run plugin check --seed 5 --only one_value "$KK_PLUGINS/behave_two_values.so"
cmp -s "$work/out" "$work/first" || fail 'the same seed finds something else'
run plugin check --seed 5 --only one_value --in-process "$KK_PLUGINS/behave_two_values.so"
cmp -s "$work/out" "$work/first" || fail 'in the process it finds something else'
run plugin check --json --seed 5 "$KK_PLUGINS/behave_umask.so"
[ "$status" = 1 ] || fail "exit status $status"
expect /passed false
expect /counts/error 1
expect /findings/0/rule '"KKP-141"'
expect /findings/0/anchor '"plugin-abi.md#kkp-141"'
run plugin check --json "$planetscale"
expect_ok
expect /success true
expect /findings '[]'

# What was not looked at is no pass: the plugin does not load, or there is nobody to look.
run plugin check --only KKP-021 "$KK_PLUGINS/id_bad.so"
expect_failure check_failed 1
run plugin check --only KKP-021 --in-process "$KK_PLUGINS/id_bad.so"
expect_failure check_failed 1
mkdir -p "$work/alone/bin" "$work/alone/lib"
cp -p "$KK_BIN/kk" "$work/alone/bin/"
last='kk plugin check without its worker'
status=0
"$work/alone/bin/kk" plugin check "$KK_PLUGINS/behave_good.so" >"$work/out" 2>"$work/err" || status=$?
expect_failure usage 2
expect_err kk-worker

# ---- The page of rules is that of the program
sed -n '/^<!-- rules -->$/,/^<!-- end of rules -->$/p' "$KK_SOURCE/host-sdk/docs/plugin-abi.md" | sed '1,2d;$d' | sed '$d' >"$work/page"
"$KK_BIN/kk" plugin check --rules >"$work/rules.md"
cmp "$work/page" "$work/rules.md" || fail 'the rules in docs/plugin-abi.md are not those of the program: put in what kk plugin check --rules prints'

# ---- plugin list
run plugin list --plugin "$KK_PLUGINS/behave_good.so"
expect_ok
grep -q "^behave 1.0.0  1 functions  $KK_PLUGINS/behave_good.so" "$work/out" || fail 'a plugin is missing in the list'
mkdir -p "$work/dir" && install -m 755 "$KK_PLUGINS/id_bad.so" "$work/dir/id_bad.so"
KK_PLUGIN_PATH=$work/dir run plugin list --json
expect_ok
expect /refused/0/stage '"manifest"'
