#!/bin/sh
# Every system call of every command that changes the keyring fails once, or is the last: the keyring then holds what it held
# before or what it was to hold, all of it, and the next command works.
#
#     tests/e2e/keyring_sweep.sh [COMMAND...]
#
# KK_SWEEP=all takes every system call in every mode, ten minutes or so.  Otherwise it is every few of those that touch files.
. "$KK_SOURCE/tests/e2e/lib.sh"
[ -z "${KK_SANITIZE_FLAGS:-}" ] || { echo 'skipped: a sanitizer and strace are two debuggers, and one process takes one'; exit 77; }
strace -o "$work/probe" true 2>/dev/null || { echo 'skipped: strace is not there or not allowed'; exit 77; }
export KK_DEBUGGABLE=1
mkdir -p "$work/server"
key=$work/server/key
new_key=$work/server/new-key
keyring_state=$KK_BIN/keyring_state
# With less than 512 MiB a passphrase costs a quarter of what it costs otherwise, which is what makes a sweep of it possible.
ulimit -v 450000
step=11
[ "${KK_SWEEP:-}" != all ] || step=1

printf '{"one":"value-one","two":"value-two"}' >"$work/server/first"
printf '{"one":"other-one","two":"other-two"}' >"$work/server/second"
printf 'a passphrase' >"$work/server/passphrase"
printf 'another passphrase' >"$work/server/new-passphrase"

# ---- The commands: what they start from, and how they are called

fill() { # two accounts, of which the first is the default
    run keyring init --key-file "$key"
    expect_ok
    run_with "$work/server/first" keyring set shelf/main --json
    expect_ok
    run_with "$work/server/first" keyring set shelf/other --json
    expect_ok
}

prepare() {
    case $1 in
    init) ;;
    ack)
        fill
        cp -p "$KK_HOME/keyring.kkr" "$work/server/copy"
        run keyring default shelf other
        expect_ok
        cp -p "$work/server/copy" "$KK_HOME/keyring.kkr"
        ;;
    slot-passwd | slot-rm | rekey)
        fill
        run_with "$work/server/passphrase" keyring slot add --new-passphrase --label laptop --json
        expect_ok
        passphrase_slot=$(get /slot)
        ;;
    import)
        fill
        rm -f "$work/server/copy.kkr"
        run keyring export -o "$work/server/copy.kkr" --json
        expect_ok
        get /key | tr -d '"' >"$work/server/copy-key"
        run_with "$work/server/second" keyring set shelf/main --json
        expect_ok
        run keyring rm shelf/other --yes
        expect_ok
        ;;
    *) fill ;;
    esac
}

command_of() {
    case $1 in
    init) echo keyring init --key-file "$key" ;;
    set) echo keyring set shelf/main --json ;;
    rm) echo keyring rm shelf/main --yes ;;
    default) echo keyring default shelf other ;;
    ack) echo keyring ack ;;
    slot-add) echo keyring slot add --new-key-file "$new_key" ;;
    slot-passwd) echo keyring slot passwd ;;
    slot-rm) echo keyring slot rm "$passphrase_slot" --yes ;;
    rekey) echo keyring rekey --full --yes ;;
    import) echo keyring import "$work/server/copy.kkr" --on-conflict replace ;;
    esac
}

input_of() {
    case $1 in
    set) echo "$work/server/second" ;;
    slot-passwd) echo "$work/server/new-passphrase" ;;
    import) echo "$work/server/copy-key" ;;
    *) echo /dev/null ;;
    esac
}

# ---- One point: a system call, its number, and what happens there

restore() {
    rm -rf "$KK_HOME" "$key" "$new_key"
    cp -a "$work/server/base" "$KK_HOME"
    [ ! -e "$work/server/base.key" ] || cp -p "$work/server/base.key" "$key"
}

# Without a keyring it makes no difference whether there is a key file already.
state() {
    if [ -e "$KK_HOME/keyring.kkr" ]; then
        "$keyring_state" "$KK_HOME" "$key"
    else
        echo 'no keyring'
    fi
}

traced() { # traced COMMAND STRACE-OPTION...
    op=$1
    shift
    last="$(command_of "$op") under strace $*"
    status=0
    # shellcheck disable=SC2046
    strace -qq -o "$work/server/trace" "$@" "$KK_BIN/kk" $(command_of "$op") <"$(input_of "$op")" \
        >"$work/out" 2>"$work/err" || status=$?
}

# What is left must be whole, and must not be in the way.
expect_usable() {
    case $1 in
    init) [ "$now" != "$old" ] || {
        run keyring init --key-file "$key"
        expect_ok
        } ;;
    ack) [ "$now" != "$old" ] || {
        run keyring ack
        expect_ok
        } ;;
    esac
    run_with "$work/server/first" keyring set shelf/third --json
    expect_ok
    [ -z "$(find "$KK_HOME" -name '.kkr.*')" ] || fail "left behind: $(ls -A "$KK_HOME")"
}

point() { # point COMMAND CALL NUMBER MODE
    restore
    case $4 in
    KILL) traced "$1" -e trace="$2" -e "inject=$2:signal=KILL:when=$3" ;;
    *) traced "$1" -e trace="$2" -e "inject=$2:error=$4:when=$3" ;;
    esac
    what="$4 at $2 number $3 of $1"
    grep -qE 'INJECTED|killed by SIGKILL' "$work/server/trace" || fail "$what was not injected"
    points=$((points + 1))
    now=$(state)
    [ "$now" = "$old" ] || [ "$now" = "$new" ] || fail "$what left another state: $now"
    [ $status != 0 ] || [ "$now" = "$new" ] || fail "$what: success was claimed and the state is the old one"
    case $4:$2:$status in
    # Without its pages or without randomness a process must not go on, and by a signal is a way to end too.
    KILL:*:137 | *:mprotect:139 | *:getrandom:134) ;;
    *:1[0-9][0-9]) fail "$what ended by a signal, status $status" ;;
    esac
    if [ "$4" = KILL ] || [ $((points % 10)) = 0 ]; then
        expect_usable "$1"
    fi
}

# The system calls of a command from the first statement of main() on, which sets the limit on cores: CALL NUMBER.
calls() {
    awk -F'(' '{ count[$1]++; if ($1 ~ /^prlimit64|^setrlimit/) begun = 1; if (begun && $1 !~ /exit|^\+/) print $1, count[$1] }' \
        "$work/server/trace"
}

touches_files='^(openat|open|fstat|newfstatat|flock|read|write|fchmod|fsync|close|renameat|renameat2|rename|linkat|unlinkat|getdents64) '

sweep() { # sweep COMMAND
    rm -rf "$KK_HOME" "$key" "$work/server/base" "$work/server/base.key"
    mkdir -m 700 "$KK_HOME"
    prepare "$1"
    cp -a "$KK_HOME" "$work/server/base"
    [ ! -e "$key" ] || cp -p "$key" "$work/server/base.key"
    old=$(state)
    traced "$1"
    expect_ok
    new=$(state)
    [ "$old" != "$new" ] || fail "$1 changes nothing"
    case $new in *end) ;; *) fail "$1 leaves no keyring: $new" ;; esac
    calls >"$work/server/calls"
    if [ $step -gt 1 ]; then
        grep -E "$touches_files" "$work/server/calls" >"$work/server/some"
        mv "$work/server/some" "$work/server/calls"
    fi
    points=0
    turn=0
    while read -r call number; do
        for mode in KILL EIO ENOSPC EINTR EROFS EMFILE; do
            turn=$((turn + 1))
            # brk() returns an address, and no error that it could be made to return.
            [ "$call" != brk ] || [ "$mode" = KILL ] || continue
            [ $((turn % step)) = 0 ] || continue
            point "$1" "$call" "$number" "$mode"
        done
    done <"$work/server/calls"
    echo "$1: $points points of $(wc -l <"$work/server/calls") system calls left the old state or the new one"
    [ $points -gt 20 ] || fail "$1 was hardly tried"
}

[ $# -gt 0 ] || set -- init set rm default ack slot-add slot-passwd slot-rm rekey import
for command in "$@"; do
    sweep "$command"
done
