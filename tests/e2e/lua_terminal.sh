#!/bin/sh
# kk lua on a terminal: lines that are run, edited, completed, continued, cancelled, and the question before a write.
. "$KK_SOURCE/tests/e2e/lib.sh"
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
export TERM=xterm
mkdir -p "$work/server"

talk() { # talk ARGUMENT...: kk on a terminal, by the script on standard input; what it shows is in $work/out
    last="$* on a terminal"
    # shellcheck disable=SC2086
    "$KK_BIN/pty_run" ${KK_WRAP:-} "$KK_BIN/kk" "$@" >"$work/out" 2>"$work/err" || fail 'the conversation did not go as written'
}

# Lines run one by one, expressions show their value, globals stay; Ctrl-D ends.
talk lua --replay "$tape" <<'END'
expect Ctrl-D ends.
expect > 
send 1000 + 1\n
expect 1001
expect > 
send x = 20\n
expect > 
send print(x * 2 + 1)\n
expect 41
expect > 
send app.integrations.planetscale.get_current_user().email\n
expect "robin@example.com"
expect > 
send \x04
end 0
echo on
END

# What is not whole is continued; an error does not end the session.
talk lua --replay "$tape" <<'END'
expect > 
send for i = 1, 2 do\n
expect >> 
send print("row " .. i)\n
expect >> 
send end\n
expect row 1
expect row 2
expect > 
send x = = 1\n
expect kk: script_error: (line):1:
expect > 
send error("o" .. "wn")\n
expect own
expect > 
send app.integrations.planetscale.get_database({})\n
expect kk: invalid_args:
expect > 
send [[two\n
expect >> 
send lines]]\n
expect "two
expect > 
send quit\n
end 0
END

# The line is edited: erased, walked through, recalled.  (\x01 Ctrl-A, \x05 Ctrl-E, \x0b Ctrl-K, \x15 Ctrl-U, \x17 Ctrl-W.)
talk lua --replay "$tape" <<'END'
expect > 
send prinx\x7ft("ab" .. "c")\n
expect abc
expect > 
send 6\x01print(7, \x05)\n
expect 7	6
expect > 
send \x1b[A\n
expect 7	6
expect > 
send \x1b[A\x1b[A\n
expect abc
expect > 
send nonsense\x15print("ke" .. "pt") gone\x17\n
expect kept
expect > 
send print(("left"):upper())\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[3~!\n
expect LEF!
expect > 
send print("\xc3\xa9\xc3\xa4\x7f" .. "\xc3\xa9")\n
expect éé
expect > 
send \x1b[H\x1b[Fprint("e" .. "nd")\x1b[1;5C\x1b[99~\n
expect end
expect > 
send \x04
end 0
END

# A long line that is pasted is taken at the pace at which it comes.  (Each piece ends in its number, so that no more is on its way than
# a terminal holds.)
long=$(printf '%0400d' 0)
{
    printf 'expect > \nsend x = "\n'
    for number in $(seq 40); do
        printf 'send %s<%s>\nexpect <%s>\n' "$long" "$number" "$number"
    done
    printf 'send " print("it has " .. #x)\\n\nexpect it has 16151\nexpect > \nsend \\x04\nend 0\n'
} >"$work/server/long"
talk lua --replay "$tape" <"$work/server/long"

# Tab completes what is below app, and lists what it could be.
talk lua --replay "$tape" <<'END'
expect > 
send ap\x09i\x09pl\x09get_c\x09().email\n
expect "robin@example.com"
expect > 
send app.integrations.planetscale.st\x09get_cu\x09().email\n
expect "kim@example.com"
expect > 
send app.integrations.planetscale.get_\x09
expect app.integrations.planetscale.get_branch
expect app.integrations.planetscale.get_current_user
expect app.integrations.planetscale.get_database
send \x15\n
send lua_r\x09("overview"):sub(3, 10)\n
expect "Overview"
expect > 
send \x04
end 0
END

# Ctrl-C drops what was typed, and ends what runs; the session goes on, with a new worker.
talk lua --replay "$tape" <<'END'
expect > 
send x = 1\n
expect > 
send if true then\n
expect >> 
send \x03
expect > 
send while true do end\n
echo on
send \x03
expect kk: cancelled:
expect what it had set is gone
expect > 
send print(x)\n
expect nil
expect > 
send \x04
end 0
echo on
END

# Ctrl-C ends a whole script too.
talk lua --replay "$tape" -e 'print("sta" .. "rted") while true do end' <<'END'
expect started
send \x03
end 7
END

# A limit ends the line only.
talk lua --replay "$tape" --max-cpu 0.2 <<'END'
expect > 
send while true do end\n
expect kk: limit_exceeded:
expect > 
send print("o" .. "n")\n
expect on
expect > 
send \x04
end 0
END

# Ctrl-Z stops, with the terminal as it was; another signal than Ctrl-C ends kk, and the terminal is as it was.
talk lua --replay "$tape" <<'END'
expect > 
echo off
send 12\x1a
stopped
echo on
signal 18
expect 12
send 3\n
expect 123
expect > 
echo off
signal 15
end 7
echo on
END

# A terminal that can do nothing gets plain lines.
TERM=dumb talk lua --replay "$tape" <<'END'
expect > 
echo on
send print(40 + 1)\n
expect 41
expect > 
send \x04
end 0
END

# A write is asked about.
start_server
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
talk lua <<'END'
expect > 
send app.integrations.planetscale.create_database("my-org", "from-line").name\n
expect planetscale.create_database writes, with the account 'main'
expect Let it? [y/N]
send n\n
expect kk: approval_required:
expect > 
send app.integrations.planetscale.create_database("my-org", "from-line").name\n
expect Let it? [y/N]
send y\n
expect "from-line"
expect > 
send \x04
end 0
END
last_request /method '"POST"'
[ "$(grep -c POST "$server_log")" = 1 ] || fail 'the write was not sent exactly once'

# Lines are read from a terminal only.
"$KK_BIN/kk" lua --replay "$tape" >"$work/out" 2>"$work/err" </dev/null
status=$?
expect_failure usage 2
expect_no_canary
