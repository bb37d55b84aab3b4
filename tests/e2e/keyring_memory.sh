#!/bin/sh
# Memory that cannot be locked is a warning, said once, or with --require-mlock an error.
. "$KK_SOURCE/tests/e2e/lib.sh"
mkdir -p "$work/server"
printf '%s' "$TOKEN" >"$work/server/token"

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
run --require-mlock keyring init --key-file "$work/key"
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
