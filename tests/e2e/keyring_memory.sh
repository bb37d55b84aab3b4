#!/bin/sh
# What becomes of secrets in memory: a process that is done with them holds none, nobody looks into it, and memory that cannot
# be locked is a warning, said once, or with --require-mlock an error.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
printf '%s' "$TOKEN" >"$work/server/token"

# ---- At its end a process holds no value and no key.  strace turns the end of the process into a stop, and the memory is
# looked through then.  A sanitizer keeps what was freed, and is a debugger itself, as strace is.
init_keyring
grep -o 'KRKEY1-.*' "$work/key" >"$work/server/secrets"
tail -c 49 "$work/key" | tr -- '-_' '+/' | base64 -d 2>/dev/null | head -c 32 | od -An -v -tx1 | tr -d ' \n' | sed 's/^/hex:/; s/$/\n/' >>"$work/server/secrets"
printf '%s\n' "$TOKEN" "$STAGING_TOKEN" "$ACCESS_TOKEN" >>"$work/server/secrets"
printf '%s\n' 'CANARY first passphrase' 'CANARY second passphrase' 'CANARY passphrase of a copy' pscale_tkn_example >>"$work/server/secrets"
[ "$(wc -l <"$work/server/secrets")" = 9 ] && grep -qE '^hex:.{64}$' "$work/server/secrets" || fail 'the secrets to look for are not known'

scanned() { # scanned INPUT ARGUMENT...: kk with that input holds no secret when it ends
    input=$1
    shift
    last="$* <$input"
    rm -f "$work/server/trace"
    strace -qq -o "$work/server/trace" -e trace=exit_group -e inject=exit_group:retval=0:signal=STOP \
        "$KK_BIN/kk" "$@" <"$input" >"$work/out" 2>"$work/err" &
    tracer=$!
    tries=0
    until grep -q 'stopped by SIGSTOP' "$work/server/trace" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -le 1500 ] || fail 'kk did not come to its end'
        sleep 0.02
    done
    victim=$(cat "/proc/$tracer/task/$tracer/children")
    looked=0
    # shellcheck disable=SC2086
    "$KK_BIN/memory_scan" $victim "$KK_HOME" "$work/server/secrets" >"$work/server/found" 2>&1 || looked=$?
    # shellcheck disable=SC2086
    kill -9 $victim
    wait "$tracer" 2>/dev/null
    grep -q 'exit_group(0)' "$work/server/trace" || fail 'kk failed'
    [ $looked = 0 ] || fail "what kk held at its end: $(cat "$work/server/found")"
}

if [ -z "${KK_SANITIZE_FLAGS:-}" ] && strace -o /dev/null true 2>/dev/null; then
    export KK_DEBUGGABLE=1
    printf '{"service_token_id":"%s","service_token":"%s"}' "$TOKEN_ID" "$TOKEN" >"$work/server/both"
    printf '%s' "$STAGING_TOKEN" >"$work/server/staging"
    scanned "$work/server/both" keyring set planetscale/main --json
    scanned "$work/server/staging" keyring set planetscale/staging/service_token
    scanned /dev/null keyring list
    scanned /dev/null keyring default planetscale main
    scanned /dev/null keyring which planetscale
    scanned /dev/null keyring ack
    scanned /dev/null call planetscale.get_current_user --dry-run
    printf 'CANARY first passphrase' >"$work/server/first"
    printf 'CANARY second passphrase' >"$work/server/second"
    chmod 600 "$work/server/second"
    printf 'CANARY passphrase of a copy' >"$work/server/copy"
    scanned /dev/null keyring get planetscale/main/service_token
    scanned /dev/null keyring list --fingerprint
    scanned "$work/server/first" keyring slot add --new-passphrase --json
    scanned "$work/server/second" keyring slot passwd --json
    number=$(get /slot)
    scanned /dev/null keyring slot list
    # A keyring that a passphrase opens: what was derived from it is gone too.
    mv "$work/key" "$work/server/key"
    KK_PASSPHRASE_FILE=$work/server/second scanned /dev/null keyring get planetscale/main/service_token
    mv "$work/server/key" "$work/key"
    scanned /dev/null keyring slot rm "$number" --yes
    scanned "$work/server/copy" keyring export -o "$work/copy.kkr" --new-passphrase
    scanned "$work/server/copy" keyring import "$work/copy.kkr"
    scanned /dev/null keyring slot add --new-key-file "$work/server/new-key"
    scanned /dev/null keyring rekey --full --yes
    scanned /dev/null keyring doctor
    scanned /dev/null keyring lock
    scanned /dev/null keyring rm planetscale/staging --yes
    cat >"$work/server/rows" <<'END'
[{"key":"integration.planetscale.accounts.theirs.service_token","value":"enc:v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXbLu6XFlDk3Ocbd5nGtPdXEQrBZUUEmrezxPj8BsQ5SRoGA=="}]
END
    KOSMO_CREDENTIAL_KEY=test-key scanned "$work/server/rows" keyring import-kosmokrator
    # The key from the environment.
    mv "$work/key" "$work/server/key"
    KK_KEY=$(cat "$work/server/key")
    export KK_KEY
    scanned /dev/null keyring list
    unset KK_KEY
    mv "$work/server/key" "$work/key"
    unset KK_DEBUGGABLE
else
    echo 'the memory at the end of a process was not looked through: strace and a sanitizer are two debuggers'
fi

# ---- A release lets nobody look into it, of the same user neither, and writes no core.
strip=
[ "$(id -u)" != 0 ] || strip='setpriv --bounding-set -sys_ptrace,-perfmon,-sys_admin --inh-caps -sys_ptrace,-perfmon,-sys_admin'
mkfifo "$work/server/fifo"
peek() { # peek DEBUGGABLE: whether another process of this user can read the environment of one that waits for a value
    # shellcheck disable=SC2086
    $strip env KK_DEBUGGABLE="$1" "$KK_BIN/kk_closed" keyring set shelf/main/one <"$work/server/fifo" >/dev/null 2>&1 &
    victim=$!
    exec 9>"$work/server/fifo"
    tries=0
    until grep -q '^State:.*sleeping' "/proc/$victim/status" && grep -qE "^Max core file size +$2 " "/proc/$victim/limits"; do
        tries=$((tries + 1))
        [ $tries -le 500 ] || fail "kk_closed does not wait with a core limit of $2"
        sleep 0.02
    done
    sleep 0.1
    # shellcheck disable=SC2086
    $strip head -c 1 "/proc/$victim/environ" >/dev/null 2>&1
    seen=$?
    kill -ABRT $victim
    wait $victim 2>/dev/null
    exec 9>&-
    return $seen
}
# shellcheck disable=SC2086
if [ -z "${KK_SANITIZE_FLAGS:-}" ] && $strip true 2>/dev/null; then
    mkdir "$work/cores" && cd "$work/cores" || exit 1
    ulimit -c unlimited 2>/dev/null
    peek 1 '([0-9]{2,}|unlimited)' || fail 'nothing can be seen of any process, so that this test proves nothing'
    rm -f "$work/cores"/*
    peek 0 1 && fail 'another process can look into kk'
    [ -z "$(ls "$work/cores")" ] || fail 'a core was written'
    cd / || exit 1
else
    echo 'whether a release can be looked into was not tried: a sanitizer must, and root may not be able to give up the right'
fi

# ---- Memory that cannot be locked.  The sanitizers' own mlock() does nothing, and succeeds.
expect_no_canary
[ -z "${KK_SANITIZE_FLAGS:-}" ] || exit 77

# limited KILOBYTES: kk with that much lockable memory.  Root may lock at will, so that it gives this right up first.
cat >"$work/server/limited" <<'END'
#!/bin/sh
ulimit -l "$1" && shift && exec "$@"
END
drop=
[ "$(id -u)" != 0 ] || drop='setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock'
# shellcheck disable=SC2086
$drop true 2>/dev/null || { echo 'skipped: this root cannot give up the right to lock memory'; exit 77; }
limited() { KK_WRAP="${drop} sh $work/server/limited $1"; }

limited 1024
run --require-mlock keyring list
expect_ok
[ ! -s "$work/err" ] || fail 'there is a warning where memory can be locked'

limited 0
run keyring list --require-mlock
expect_failure memlock 4
expect_err 'ulimit -l'
run --require-mlock call planetscale.get_current_user --json
expect_failure_json memlock 4
run_with "$work/server/token" keyring set planetscale/main/service_token
expect_ok
[ "$(grep -c 'warning: memory' "$work/err")" = 1 ] || fail 'there is not one warning'
run keyring list --json
expect_ok
expect /verified true
[ "$(wc -l <"$work/err")" = 1 ] || fail 'there is not one warning'
# Nothing is at stake, nothing is said.
run list
expect_ok
[ ! -s "$work/err" ] || fail 'there is a warning without a secret'
expect_no_canary
