#!/bin/sh
# A writer of the keyring that is killed at any moment leaves the old values or the new ones, never anything else, and holds
# nobody up.
. "$KK_SOURCE/tests/e2e/lib.sh"
kills=${KK_KILLS:-200}
start_server
init_keyring
url="http://127.0.0.1:$port/v1"

# Two whole credentials; a mixture of both is what must never be seen.
printf '{"service_token_id":"%s","service_token":"%s","url":"%s"}' "$TOKEN_ID" "$TOKEN" "$url" >"$work/server/one"
printf '{"service_token_id":"%s","service_token":"%s","url":"%s"}' "$STAGING_ID" "$STAGING_TOKEN" "$url" >"$work/server/two"
run_with "$work/server/one" keyring set planetscale/main --json
expect_ok

# How long a whole set takes here, in microseconds, so that the kills spread over all of it.  Where other work makes it longer
# or shorter later on, the kills follow: one that came too late makes the next come earlier, one that hit lets it come later.
begin=$(date +%s%N)
for n in 1 2 3 4 5; do
    run_with "$work/server/one" keyring set planetscale/main --json
    expect_ok
done
span=$((($(date +%s%N) - begin) / 5000 + 1))

done=0
changed=0
before=$TOKEN_ID
n=0
while [ $n -lt "$kills" ]; do
    n=$((n + 1))
    next=$([ $((n % 2)) = 0 ] && echo one || echo two)
    # A different part of the whole each time, without a random number that no run could repeat.
    delay=$((span * ((n * 37) % 100) / 100 + 1))
    ended=0
    timeout -s KILL "$(printf '0.%06d' $((delay % 1000000)))" "$KK_BIN/kk" keyring set planetscale/main --json \
        <"$work/server/$next" >"$work/out" 2>"$work/err" || ended=$?
    case $ended in
    0) span=$((span * 19 / 20 + 1)) ;;
    137) [ $span -gt 900000 ] || span=$((span * 21 / 20 + 1)) ;;
    *) fail "set ended with $ended" ;;
    esac
    run call planetscale.get_current_user --json
    expect_ok
    sent=$(tail -n 1 "$server_log" | grep -oE "$TOKEN_ID:$TOKEN|$STAGING_ID:$STAGING_TOKEN") || fail 'a mixture of two credentials was sent'
    now=${sent%%:*}
    if [ $ended = 0 ]; then
        done=$((done + 1))
        [ "$now" = "$(get /service_token_id "$work/server/$next" | tr -d '"')" ] || fail 'a set that succeeded is lost'
    fi
    [ "$now" = "$before" ] || changed=$((changed + 1))
    before=$now
done
# Both outcomes were seen, else the kills came too early or too late to prove anything.
[ "$changed" -gt 0 ] || fail 'no set ever came through'
[ "$done" -lt "$kills" ] || fail "every set ended before its kill, the last after less than $span microseconds"

# What the killed left behind is swept by the next commit, and the lock is free.
run_with "$work/server/one" keyring set planetscale/main --json
expect_ok
[ -z "$(find "$KK_HOME" -name '*tmp*')" ] || fail "left behind: $(ls -A "$KK_HOME")"
run keyring list --json
expect_ok
expect /verified true
[ "$(stat -c %a "$KK_HOME/keyring.kkr")" = 600 ] || fail 'the keyring is not private'
expect_no_canary
echo "$kills sets: $done ended, $((kills - done)) were killed, $changed changed the account"
