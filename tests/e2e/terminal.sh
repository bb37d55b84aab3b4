#!/bin/sh
# What kk asks on the terminal: secrets without showing them, twice; a yes for a write; and nothing where nobody is to be asked.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server
init_keyring
url="http://127.0.0.1:$port/v1"
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$STAGING_TOKEN\",\"url\":\"$url\"}"

talk() { # talk ARGUMENT...: kk on a terminal, by the script on standard input; what it shows is in $work/out
    last="$* on a terminal"
    # shellcheck disable=SC2086
    "$KK_BIN/pty_run" ${KK_WRAP:-} "$KK_BIN/kk" "$@" >"$work/out" 2>"$work/err" || fail 'the conversation did not go as written'
}

shows() { # shows TEXT
    grep -qF -- "$1" "$work/out" || fail "the terminal does not show '$1'"
}

shows_no() { # shows_no TEXT
    ! grep -qF -- "$1" "$work/out" || fail "the terminal shows '$1'"
}

field=planetscale/main/service_token
is_stored() { # is_stored TOKEN: the next call is made with it
    run call planetscale.get_current_user --json
    last_header authorization "$TOKEN_ID:$1"
}

# ---- Secrets

# Asked twice, never shown, and stored.
talk keyring set $field <<END
expect Value of $field:
echo off
send $TOKEN\n
expect The same again:
echo off
send $TOKEN\n
expect Stored planetscale/main: service_token
end 0
echo on
END
shows_no CANARY
is_stored "$TOKEN"

# Two that differ are not stored.
talk keyring set $field <<END
expect Value of
send $STAGING_TOKEN\n
expect The same again:
send ${STAGING_TOKEN}x\n
end 2
echo on
END
shows 'the two values differ; nothing was stored'
shows_no CANARY
is_stored "$TOKEN"

# One that cannot be right is not stored either.
talk keyring set $field <<END
expect Value of
send CANARY-nonsense\n
expect The same again:
send CANARY-nonsense\n
end 2
echo on
END
shows_no CANARY
is_stored "$TOKEN"

# Nothing at all: an empty line twice, and the end of the input.
talk keyring set $field <<END
expect Value of
send \n
expect The same again:
send \n
end 2
echo on
END
talk keyring set $field <<END
expect Value of
echo off
send \x04
end 4
echo on
END
is_stored "$TOKEN"

# Ctrl-C and every signal that ends kk leave a terminal that shows what is typed.
talk keyring set $field <<END
expect Value of
echo off
send pscale_tkn_CANARY\x03
killed 2
echo on
END
shows_no CANARY
talk keyring set $field <<END
expect Value of
echo off
send $TOKEN\n
expect The same again:
echo off
send \x03
killed 2
echo on
END
for number in 1 3 15; do
    talk keyring set $field <<END
expect Value of
echo off
signal $number
killed $number
echo on
END
done
is_stored "$TOKEN"

# Ctrl-Z too; afterwards it is asked anew.
talk keyring set $field <<END
expect Value of
echo off
send CANARY-typed-before\x1a
stopped
echo on
signal 18
expect Value of
echo off
send $STAGING_TOKEN\n
expect The same again:
send $STAGING_TOKEN\n
expect Stored
end 0
echo on
END
shows_no CANARY
is_stored "$STAGING_TOKEN"
talk keyring set $field <<END
expect Value of
send $TOKEN\n
expect The same again:
send $TOKEN\n
end 0
END

# An object of fields would be shown while it is typed.
talk keyring set planetscale/main --json <<END
end 2
END
shows 'is not typed where it can be seen'

# ---- A yes for a write

create="call planetscale.create_database organization=acme"
number=0
sent=0
for answer in y yes YES Y; do
    number=$((number + 1))
    # shellcheck disable=SC2086
    talk $create "name=made-$number" <<END
expect planetscale.create_database writes, with the account 'main'
expect Let it? [y/N]
echo on
send $answer\n
end 0
END
    last_request /method '"POST"'
done
sent=$(requests)
for answer in n no '' 'y n' yess ' y' '\x04'; do
    # shellcheck disable=SC2086
    talk $create name=never <<END
expect Let it? [y/N]
send $answer\n
end 3
echo on
END
    shows 'was not approved; nothing was sent'
done
# What was typed before the question was seen is no answer to it.  The terminal shows what is typed when it has taken it in; kk
# begins a while after that.
last='call on a terminal where something was typed before'
"$KK_BIN/pty_run" sh -c "printf ready; sleep 1; exec '$KK_BIN/kk' $create name=never" >"$work/out" 2>"$work/err" <<END ||
expect ready
send y\n
expect y
expect Let it? [y/N]
send n\n
end 3
END
    fail 'the conversation did not go as written'
# A job in the background would be stopped for asking: there nobody is asked.
last='call in the background of a terminal'
"$KK_BIN/pty_run" sh -c "set -m; '$KK_BIN/kk' $create name=never & wait \$!; echo ended with \$?" >"$work/out" 2>"$work/err" <<END ||
expect was not approved; nothing was sent
expect ended with 3
end 0
END
    fail 'the conversation did not go as written'
shows_no '[y/N]'
# Ctrl-C is a no, and ends kk.
# shellcheck disable=SC2086
talk $create name=never <<END
expect Let it? [y/N]
send \x03
end 7
echo on
END
[ "$(requests)" = "$sent" ] || fail 'a write was sent without a yes'

# A read is never asked about, and --yes is an answer.
talk call planetscale.get_current_user <<END
end 0
END
shows_no '[y/N]'
# shellcheck disable=SC2086
talk $create name=at-once --yes <<END
end 0
END
shows_no '[y/N]'

# The question goes to the terminal though the arguments come from a file and the result goes to one.
printf '{"organization":"acme","name":"piped"}' >"$work/server/args"
last='call with redirections on a terminal'
"$KK_BIN/pty_run" sh -c "'$KK_BIN/kk' call planetscale.create_database - <'$work/server/args' >'$work/result'" \
    >"$work/out" 2>"$work/err" <<END || fail 'the conversation did not go as written'
expect Let it? [y/N]
send y\n
end 0
END
[ "$(get /name "$work/result")" = '"piped"' ] || fail 'the result did not go to its file'

# Removing an account is asked about as well.
talk keyring rm planetscale/main <<END
expect [y/N]
send n\n
end 3
END
is_stored "$TOKEN"

# ---- The key of the keyring itself

cp "$KK_HOME/config.json" "$work/server/config.json"
talk keyring slot add --new-passphrase <<END
expect New passphrase:
echo off
send CANARY horse\n
expect The same again:
echo off
send CANARY horse\n
end 0
echo on
END
shows_no CANARY
talk keyring slot passwd <<END
expect New passphrase:
send CANARY horse\n
expect The same again:
send CANARY house\n
end 2
END
shows 'the two passphrases differ'
rm "$KK_HOME/config.json"
# A wrong one is asked for again, and the third time is the last.
talk keyring get planetscale/main/url <<END
expect Passphrase or key of
echo off
send CANARY wrong\n
expect Passphrase or key of
echo off
send CANARY horse\n
end 0
echo on
END
shows 'fingerprint'
shows_no CANARY
talk keyring get planetscale/main/url <<END
expect Passphrase or key of
send CANARY one\n
expect Passphrase or key of
send CANARY two\n
expect Passphrase or key of
send CANARY three\n
end 4
echo on
END
shows wrong_key
# A call asks as well, and every signal leaves a terminal that shows what is typed.
talk call planetscale.get_current_user <<END
expect Passphrase or key of
echo off
send CANARY horse\n
end 0
echo on
END
for number in 2 15; do
    talk keyring get planetscale/main/url <<END
expect Passphrase or key of
echo off
signal $number
killed $number
echo on
END
done
talk keyring get planetscale/main/url <<END
expect Passphrase or key of
echo off
send CANARY typed before\x1a
stopped
echo on
signal 18
expect Passphrase or key of
echo off
send CANARY horse\n
end 0
echo on
END
# A named source that is bad is final: nobody is asked.
KK_KEY_FILE=/nowhere/key talk keyring get planetscale/main/url <<END
end 4
END
shows_no 'Passphrase or key'
# A list needs no key, and asks for none.
talk keyring list <<END
end 0
END
shows_no 'Passphrase or key'
# Nobody to ask: in CI, with --no-input, and without a terminal of our own.
CI=1 talk keyring get planetscale/main/url <<END
end 4
echo on
END
shows need_key
talk keyring get planetscale/main/url --no-input <<END
end 4
END
shows need_key
last='get without a terminal'
status=0
timeout 20 setsid -w "$KK_BIN/kk" keyring get planetscale/main/url >"$work/out" 2>"$work/err" </dev/null || status=$?
expect_failure need_key 4
status=0
CI=1 timeout 20 "$KK_BIN/kk" keyring get planetscale/main/url >"$work/out" 2>"$work/err" </dev/null || status=$?
expect_failure need_key 4
mv "$work/server/config.json" "$KK_HOME/config.json"
# A URL that would take the secrets elsewhere is asked about.
talk keyring set planetscale/main/url <<END
expect Value of
send http://127.0.0.1:1/v1\n
expect The same again:
send http://127.0.0.1:1/v1\n
expect Send them there from now on? [y/N]
send n\n
end 3
END

# ---- Nobody to ask

sent=$(requests)
for way in 'CI=1' 'CI=true' --no-input; do
    case $way in
    CI=*) CI=${way#*=} option=; export CI ;;
    *) unset CI; option=$way ;;
    esac
    # shellcheck disable=SC2086
    talk $create name=never $option <<END
end 3
echo on
END
    shows_no '[y/N]'
    # shellcheck disable=SC2086
    talk keyring set $field $option <<END
end 2
echo on
END
    shows_no 'Value of'
    # shellcheck disable=SC2086
    talk keyring rm planetscale/main $option <<END
end 3
END
    shows_no '[y/N]'
done
unset CI
[ "$(requests)" = "$sent" ] || fail 'a write was sent without a yes'
# CI that is empty is none.
CI='' talk keyring rm planetscale/main <<END
expect [y/N]
send y\n
expect Removed planetscale/main
end 0
END
expect_no_canary
