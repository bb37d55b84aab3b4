#!/bin/sh
# What libcurl, its tool and the TLS library read in the environment: nothing of it leads a call elsewhere, adds to it, writes
# down its keys, or lets it trust anybody.
. "$KK_SOURCE/tests/e2e/lib.sh"
start_server --tls "$work/server"
init_keyring
store main "{\"service_token_id\":\"$TOKEN_ID\",\"service_token\":\"$TOKEN\",\"url\":\"https://localhost:$port/v1\"}"

# Nobody listens at port 1.
mkdir "$work/person"
echo 'default login somebody password hidden' >"$work/person/.netrc"
echo 'proxy = http://127.0.0.1:1' >"$work/person/.curlrc"
chmod 600 "$work/person/.netrc"
export HOME="$work/person" CURL_HOME="$work/person" NETRC="$work/person/.netrc"
for name in http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY; do
    export "$name=http://127.0.0.1:1"
done
export SSLKEYLOGFILE="$work/keys" CURL_SSL_BACKEND=none

KK_CA_FILE="$work/server/ca.pem" run call planetscale.get_current_user --json
expect_ok
expect /meta/transport '"live"'
last_header authorization "$TOKEN_ID:$TOKEN"
[ ! -e "$work/keys" ] || fail 'the keys of the connection were written down'

# Whom the tool of libcurl or OpenSSL would trust is no authority of ours.
before=$(requests)
export CURL_CA_BUNDLE="$work/server/ca.pem" SSL_CERT_FILE="$work/server/ca.pem" SSL_CERT_DIR="$work/server"
run call planetscale.get_current_user --json
expect_failure_json tls 6
[ "$(requests)" = "$before" ] || fail 'a request arrived over an unproven connection'

# A proxy has to be in the configuration; what goes to this machine passes it by.
sed -i "1s|{|{\"proxy\":\"http://127.0.0.1:1\",\"ca_file\":\"$work/server/ca.pem\",|" "$KK_HOME/config.json"
run call planetscale.get_current_user --json
expect_ok
expect_no_canary
