# A live call loads of libcurl's libraries what HTTP needs: stubs stand for the others, and where they do not fit, the call does without them.
. "$KK_SOURCE/tests/e2e/lib.sh"
init_keyring
start_server
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"http://127.0.0.1:$port/v1\"}"
others='lib(rtmp|ssh2|gssapi_krb5|krb5|ldap|lber|gnutls|p11-kit|nettle|sasl2)[-.0-9a-z]*\.so'

call_traced() { # a live call by the kk of KK_BIN; $work/loaded gets the libraries that it opened
    last='call planetscale.get_current_user, traced'
    status=0
    KK_LOG=warn ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat -o "$work/server/trace" "$KK_BIN/kk" call planetscale.get_current_user --json \
        >"$work/out" 2>"$work/err" </dev/null || status=$?
    sed -nE 's/.*openat\([^"]*"([^"]*\.so[.0-9]*)".* = [0-9]+$/\1/p' "$work/server/trace" >"$work/loaded"
    grep -q '/libcurl\.so' "$work/loaded" || fail 'the trace shows no libcurl, so that it proves nothing'
}

call_traced
expect_ok
grep -q 'kk/kk_live_http\.so$' "$work/loaded" || fail 'the module for HTTP alone was not loaded'
grep -E "$others" "$work/loaded" | grep -v '/kk/live_stubs/' && fail 'a library was loaded that HTTP does not need'
[ ! -s "$work/err" ] || fail 'there was something to say'

# ---- An installation of its own, to damage
moved=$work/moved
mkdir -p "$moved/bin"
cp -a "$KK_BIN/kk" "$KK_BIN/json_get" "$moved/bin"
cp -a "$KK_BIN/../lib" "$KK_BIN/../libexec" "$moved"
chmod -R go-w "$moved"
KK_BIN=$moved/bin
stubs=$moved/lib/kk/live_stubs/kk_live_stubs.so

call_traced
expect_ok
grep -q "$moved/lib/kk/kk_live_http\.so$" "$work/loaded" || fail 'the copy does not load its own module'

# A libcurl that needs a function which the stubs lack, as a later one may.
printf 'int nothing;\n' | cc -shared -fPIC -x c - -o "$stubs"
call_traced
expect_ok
expect /success true
expect_err 'kk_live_http.so'
expect_err 'does not load'
grep -q "$moved/lib/kk/kk_live\.so$" "$work/loaded" || fail 'the other module was not loaded instead'
grep -qE "/lib(ldap|ssh2)[-.0-9a-z]*\.so" "$work/loaded" || fail 'the other libraries were not loaded instead'

# What others could have changed is not loaded, nor anything instead.
for part in live_stubs live_stubs/kk_live_stubs.so kk_live_http.so; do
    chmod 777 "$moved/lib/kk/$part"
    run call planetscale.get_current_user --json
    expect_failure_json plugin_refused 5
    expect /error/reason '"trust"'
    expect_err "/lib/kk/$part"
    chmod 755 "$moved/lib/kk/$part"
done

# Without the one or the other, as somebody may install it.
for part in kk_live_http.so live_stubs; do
    mv "$moved/lib/kk/$part" "$moved/aside"
    call_traced
    expect_ok
    [ ! -s "$work/err" ] || fail 'there was something to say'
    grep -q "$moved/lib/kk/kk_live\.so$" "$work/loaded" || fail "without $part the other module was not loaded"
    mv "$moved/aside" "$moved/lib/kk/$part"
done
expect_no_canary
