#!/bin/sh
# kk lua: the documented examples and the conformance scripts against the tape and against the server, and how a script is
# run, approved, cancelled and reported.
. "$KK_SOURCE/tests/e2e/lib.sh"
tape=$KK_SOURCE/fixtures/tapes/planetscale.har
spec=$KK_SOURCE/fixtures/lua/spec
mkdir -p "$work/server"

expect_out() { # expect_out FILE: standard output is what that file holds
    diff -u "$1" "$work/out" >&2 || fail "the output is not that of $(basename "$1")"
}

expect_text() { # expect_text TEXT
    printf '%s\n' "$1" >"$work/server/wanted"
    expect_out "$work/server/wanted"
}

# ---- The documented examples, word for word


run_examples() { # run_examples SCRIPT-OF-ACCOUNTS OPTION...: every example of the specification
    accounts=$1
    shift
    count=0
    for script in "$spec"/*.lua; do
        name=$(basename "$script" .lua)
        [ "$name" = accounts ] && script=$accounts
        run lua "$script" --yes "$@"
        expect_ok
        grep -qw nil "$work/out" && fail "$name prints nil"
        [ ! -s "$work/err" ] || fail "$name says something on standard error"
        expect_out "$spec/$name.out"
        count=$((count + 1))
    done
    [ "$count" = 9 ] || fail "$count examples ran"
}

# The accounts of the tape have other names than those of the document.
sed 's/\.production\./.main./' "$spec/accounts.lua" >"$work/server/accounts.lua"
run_examples "$work/server/accounts.lua" --replay "$tape"

# The same through every namespace.
for form in planetscale.list_databases planetscale.default.list_databases planetscale.main.list_databases \
    planetscale.planetscale_list_databases; do
    run --replay "$tape" lua -e "for _, db in ipairs(app.integrations.$form({organization=\"acme\"}).data) do print(db.name .. \": \" .. db.state) end"
    expect_ok
    [ "$(wc -l <"$work/out")" = 12 ] || fail "$form does not print the twelve databases"
    grep -qx 'shop: ready' "$work/out" || fail "$form does not print a database"
done

# What a script can rely on.
count=0
for script in "$KK_SOURCE"/fixtures/lua/conformance/*.lua; do
    run lua "$script" --replay "$tape"
    expect_ok
    expect_out "${script%.lua}.out"
    count=$((count + 1))
done
[ "$count" -ge 6 ] || fail "only $count conformance scripts ran"

# Every example of every documentation page.
for page in examples integrations.planetscale.list_databases overview errors; do
    run docs "$page" --replay "$tape"
    expect_ok
    rm -rf "$work/server/blocks" && mkdir "$work/server/blocks"
    awk -v dir="$work/server/blocks" '/^```lua$/ { file = dir "/" ++n ".lua"; next } /^```$/ { file = "" } file { print >file }' "$work/out"
    for block in "$work/server/blocks"/*.lua; do
        run lua "$block" --yes --replay "$tape"
        expect_ok
        [ -s "$work/out" ] || fail "an example of $page prints nothing"
    done
done

# ---- Where the script comes from, and what is told

printf '#!/usr/bin/env -S kk lua\nprint("from a file")\nerror("here")\n' >"$work/server/report.lua"
run lua "$work/server/report.lua" --replay "$tape"
expect_failure script_error 1
expect_text 'from a file'
expect_err "$work/server/report.lua:3: here"
printf 'print("from stdin")' >"$work/server/stdin.lua"
run_with "$work/server/stdin.lua" lua - --replay "$tape"
expect_ok
expect_text 'from stdin'
# What an editor may put before the first line is no part of the script.
printf '\357\273\277#!/usr/bin/env -S kk lua\nreturn 1' >"$work/server/marked.lua"
run lua "$work/server/marked.lua" --replay "$tape"
expect_ok
expect_text 1
run lua -e 'print("one") return "two", 3, {4}' --replay "$tape"
expect_ok
expect_text 'one
"two"
3
[4]'
run lua -e '' --replay "$tape"
expect_failure usage 2
run lua --replay "$tape"
expect_failure usage 2
run lua -e 'print(1)' "$work/server/report.lua" --replay "$tape"
expect_failure usage 2
run lua "$work/server/missing.lua" --replay "$tape"
expect_failure io 4
printf 'print("\377")' >"$work/server/latin1.lua"
run lua "$work/server/latin1.lua" --replay "$tape"
expect_failure script_error 1
run lua -e 'x = = 1' --replay "$tape"
expect_failure script_error 1
expect_err '(command line):1:'

run lua -e 'print("a") app.integrations.planetscale.get_current_user() return 1, print' --replay "$tape" --json
expect_ok
[ "$(wc -l <"$work/out")" = 1 ] || fail 'the document is not one line'
expect /success true
expect /output '"a\n"'
expect /results '[1,null]'
expect /error null
expect /calls/0/function '"planetscale.get_current_user"'
expect /calls/0/account '"main"'
expect /calls/0/success true
expect /calls/0/code '"ok"'
expect /meta/transport '"replay"'
run lua -e 'print("a")
local x = app.integrations.planetscale.get_database("nobody", "nothing")' --replay "$tape" --json
expect_failure replay_miss 1
expect /success false
expect /output '"a\n"'
expect /error/code '"replay_miss"'
expect /error/function '"planetscale.get_database"'
expect /error/line 2
expect /calls/0/success false
expect /calls/0/code '"replay_miss"'
get /error/hint >/dev/null || fail 'the error has no hint'

# Each code has its exit status, as for a call.
run lua -e 'app.integrations.planetscale.get_database({})' --replay "$tape"
expect_failure invalid_args 2
run lua -e 'lua_read_doc("no.such.page")' --replay "$tape"
expect_failure unknown_page 2
run lua -e 'app.integrations.planetscale.list_database()' --replay "$tape"
expect_failure unknown_function 2
run lua -e 'while true do end' --max-cpu 0.2 --replay "$tape"
expect_failure limit_exceeded 7
run lua -e 'print(1)' --max-cpu zero --replay "$tape"
expect_failure usage 2
run lua -e 'print(1)' --max-memory 0 --replay "$tape"
expect_failure usage 2

# What a tape still holds is a failure, as for a call.
sed 's/"_repeat": *"any",//; s/, *"_repeat": *"any"//' "$tape" >"$work/server/once.har"
run lua -e 'app.integrations.planetscale.get_current_user()' --replay "$work/server/once.har" --replay-all-used --json
expect_failure_json replay_miss 1
expect /error/reason '"unused"'

# A stdout that nobody reads ends the script.
"$KK_BIN/kk" --replay "$tape" lua -e 'while true do print(("x"):rep(1000)) end' --max-output 60000000 2>"$work/err" | head -c 10 >"$work/out"
expect_err 'kk: io: '

# ---- Against the server, with two accounts stored

start_server
init_keyring
url="http://127.0.0.1:$port/v1"
store production "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"$url\"}"
store staging "{\"service_token_id\":\"$STAGING_ID\",\"service_token\":\"$STAGING_TOKEN\",\"url\":\"$url\"}"
run keyring default planetscale production
expect_ok
run_examples "$spec/accounts.lua"
last_request /method '"GET"'

whoami='print(app.integrations.planetscale.get_current_user().email)'
run lua -e "$whoami" --account staging
expect_ok
expect_text kim@example.com
last_header authorization "$STAGING_ID:$STAGING_TOKEN"
run lua -e 'print(app.integrations.planetscale.staging.get_current_user().email)' --account production
expect_text kim@example.com
# `default` is the form without an account, so that it follows --account too.
run lua -e 'print(app.integrations.planetscale.default.get_current_user().email)' --account staging
expect_ok
expect_text kim@example.com
last_header authorization "$STAGING_ID:$STAGING_TOKEN"
run lua -e 'print(app.integrations.planetscale.default.get_current_user().email)' --account default
expect_ok
expect_text robin@example.com
run lua -e 'return app.integrations.planetscale.prod.get_current_user()'
expect_failure unknown_function 2
expect_err production
run lua -e "$whoami" --account nobody
expect_failure account_unknown 4

# Writes are asked about; each answer is for one call.
create='app.integrations.planetscale.create_database({organization = "my-org", name = "from-lua"})'
before=$(requests)
run lua -e "$create"
expect_failure approval_required 3
run lua -e "$create" --dry-run
expect_ok
[ "$(requests)" = "$before" ] || fail 'a write was sent without a yes'
run lua -e "$create" --yes
expect_ok
last_request /method '"POST"'

# Failures of the service keep their members.
run lua -e 'local ok, e = pcall(app.integrations.planetscale.list_databases, "fault-422") print(ok, e.code, e.http_status, e.retryable, e.account)'
expect_ok
expect_text 'false	rejected	422	false	production'

# A call to a server that never answers ends with the script's time, or with the call's.
run lua -e 'print("calling") app.integrations.planetscale.list_databases("fault-never")' --max-time 0.5
expect_failure limit_exceeded 7
expect_text calling
run lua -e 'app.integrations.planetscale.list_databases("fault-never")' --timeout 0.5
expect_failure timeout 7

# A signal ends the call in flight and the script, and kk says so once.
seen=$(grep -c fault-never "$server_log")
"$KK_BIN/kk" lua -e 'print("calling") app.integrations.planetscale.list_databases("fault-never")' >"$work/out" 2>"$work/err" </dev/null &
script=$!
tries=0
until [ "$(grep -c fault-never "$server_log")" -gt "$seen" ]; do
    tries=$((tries + 1))
    [ $tries -le 500 ] || fail 'the call did not start'
    sleep 0.02
done
kill -TERM "$script"
status=0
wait "$script" || status=$?
expect_failure cancelled 7
expect_text calling

# No worker is left behind.
sleep 0.1
[ -z "$(pgrep -f "$(dirname "$KK_BIN")/libexec/kk/kk-worker" || true)" ] || fail 'a worker is still running'
expect_no_canary
