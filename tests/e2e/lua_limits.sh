#!/bin/sh
# A script cannot outlive its limits, whatever it does in C: each ends with the right code, what it printed is kept, and the next
# one runs.  The limits are low, so that the test is quick; ten times each is the bound.
. "$KK_SOURCE/tests/e2e/lib.sh"
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
mkdir -p "$work/server"

now() { date +%s%N | cut -c1-13; }

ends() { # ends CODE-OF-FAILURE STATUS SCRIPT: within ten times the longest limit
    start=$(now)
    run lua -e "print('before');
$3" --replay "$tape" --max-cpu 0.3 --max-time 2
    [ $(($(now) - start)) -lt 20000 ] || fail "it took $(($(now) - start)) ms"
    expect_failure "$1" "$2"
    [ "$(head -n 1 "$work/out")" = before ] || fail 'what was printed before is lost'
}

ends limit_exceeded 7 'while true do end'
ends limit_exceeded 7 'string.rep("x", 1e9)'
ends limit_exceeded 7 'string.rep("", 1e18)'
ends limit_exceeded 7 '("x"):rep(200):find(("x*"):rep(50) .. "y")'
ends limit_exceeded 7 'xpcall(error, function() while true do end end)'
ends limit_exceeded 7 'table.move({}, 1, 2^53 // 1 | 0, 2)'
ends limit_exceeded 7 'local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end'
ends limit_exceeded 7 'while true do pcall(function() while true do end end) end'
ends script_error 1 'local function f() return coroutine.wrap(f)() end f()'
ends limit_exceeded 7 'while true do print("again") end'
# A finalizer cannot be set at all, so that none can loop.
ends script_error 1 'setmetatable({}, {__gc = function() while true do end end}) for i = 1, 1e5 do local t = {i} end'
# 10 000 tables in each other are more than can become JSON, as an argument or as text.
ends limit_exceeded 7 'local t = {} for i = 1, 10000 do t = {t} end json.encode(t)'

# The first line of a file is told where the limit was noticed inside.
printf 'local x = 1\nwhile true do\nend\n' >"$work/server/loop.lua"
run lua "$work/server/loop.lua" --replay "$tape" --max-cpu 0.2
expect_failure limit_exceeded 7
expect_err "loop.lua:2: "

# Limits of output and calls.
run lua -e 'for i = 1, 1000 do print("0123456789") end' --replay "$tape" --max-output 1000
expect_failure limit_exceeded 7
[ "$(wc -c <"$work/out")" -le 1000 ] || fail 'more was printed than the limit'
[ "$(wc -c <"$work/out")" -ge 900 ] || fail 'what was printed before the limit is lost'
run lua -e 'for i = 1, 5 do app.integrations.planetscale.get_current_user() print(i) end' --replay "$tape" --max-calls 3
expect_failure limit_exceeded 7
[ "$(tail -n 1 "$work/out")" = 3 ] || fail 'not exactly three calls were made'
run lua -e 'for i = 1, 3 do app.integrations.planetscale.get_current_user() end' --replay "$tape" --max-calls 3
expect_ok

# Each of the escape attempts ends within its limits, with the code that its first line names, and says that nothing escaped.
count=0
for script in "$KK_SOURCE"/fixtures/lua/escape/*.lua; do
    expected=$(sed -n '1s/^-- expect: //p' "$script")
    start=$(now)
    run lua "$script" --replay "$tape" --max-cpu 0.15 --max-time 2 --max-memory 4 --max-output 65536
    [ $(($(now) - start)) -lt 20000 ] || fail "$script took $(($(now) - start)) ms"
    if [ "$expected" = ok ]; then
        expect_ok
    else
        grep -q "^kk: $expected: " "$work/err" || fail "$script did not end with $expected"
    fi
    grep -q 'ESCAPED' "$work/out" && fail "$script escaped"
    count=$((count + 1))
done
[ "$count" -ge 60 ] || fail 'there are no escape attempts'
