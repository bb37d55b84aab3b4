#!/bin/sh
# The floor plan of the tree, enforced: who may include what, which calls are banned, how long a function may be, and what the
# top level holds.  Prints every breach and exits 1 if there is one.
#
#     tests/boundaries.sh [DIRECTORY]      the tree to look at; this one by default
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT
breach() { sed "s|^|$1: |" >>"$found"; }

files() { find host-sdk plugin tests -name '*.[ch]' | sort; }

# ---- The top level -------------------------------------------------------------------------------------------------
ls -A | grep -vxE 'CMakeLists\.txt|CMakePresets\.json|plugin|host-sdk|tests|fixtures|README\.md|LICENSE|\..*|build' |
    breach 'the top level holds what it should not'

# ---- Floors of host-sdk/src ----------------------------------------------------------------------------------------
# A module may include what stands on its own floor or below.  A file belongs to the longest name that begins it.
floors='str 0
fail 0
error 0
buf 0
near 0
io 1
library 1
utf8 1
json 1
url 1
error_json 1
secret 1
http_date 1
retry_after 1
cancel 2
time_source 2
turn 2
rate 2
breaker 2
config 2
schema 2
policy 2
redact 2
keyring 3
transport 3
tape 3
live 3
transport_record 4
transport_replay 4
transport_live 4
retry 4
elf 4
trust 4
manifest 4
loader 4
worker 4
describe 4
scan_cache 4
live_module 5
registry 5
field_check 5
account 6
fields 6
args 6
host_private 7
service 7
instance 7
outcome 7
job 7
call 7
result 7
docs 7
check 8
host 8
lua 9'
grep -nE '^#include "' host-sdk/src/*.[ch] | sed 's|host-sdk/src/||' | awk -F: -v floors="$floors" '
    BEGIN {
        n = split(floors, rows, "\n")
        for (i = 1; i <= n; i++) { split(rows[i], row, " "); floor[row[1]] = row[2] }
    }
    function floor_of(file,   name, best, key) {
        name = file; sub(/\.[ch]$/, "", name)
        best = ""
        for (key in floor)
            if ((name == key || index(name, key "_") == 1) && length(key) > length(best)) best = key
        return best == "" ? -1 : floor[best]
    }
    {
        included = $3; sub(/^#include "/, "", included); sub(/".*/, "", included)
        a = floor_of($1); b = floor_of(included)
        if (a < 0) print $1 " stands on no floor"
        else if (b < 0) print $1 " includes " included ", which stands on no floor"
        else if (b > a) print $1 ":" $2 " includes " included " from a floor above"
    }' | sort -u | breach 'the floor plan'

# ---- Rooms ---------------------------------------------------------------------------------------------------------
only() { # only PATTERN ALLOWED-FILES-REGEX WHAT
    files | xargs grep -nE "$1" | grep -vE "^($2)|^[^:]*:[0-9]+: *//" | breach "$3"
}
only '#include <curl/' 'host-sdk/src/(live\.h|live_|transport_live)|tests/' 'libcurl outside the live transport'
only '#include <sodium' 'host-sdk/src/(secret|keyring_|scan_cache)|tests/' 'libsodium outside secret, keyring and scan_cache'
only '#include <cjson/' 'host-sdk/src/json|host-sdk/examples/hello/|tests/' 'cJSON outside json'
only '#include <(lua|lauxlib|lualib)' 'host-sdk/worker/|tests/' 'Lua outside the worker'
only '#include <pcre2' 'host-sdk/worker/' 'PCRE2 outside the worker'
only '#include <(gnutls|microhttpd)' 'tests/' 'a test library in the product'
only 'dl(open|sym)\(' 'host-sdk/src/(loader|live_module|registry)|tests/' 'dlopen outside the loader'

grep -nE '^#include ["<]' plugin/*.[ch] |
    grep -vE '#include <kk/(plugin|plugin_util|error)\.h>|#include "(json|buf|str|fail)\.h"' |
    grep -vE '#include <(stddef|stdint|stdbool|stdlib|string|stdio|ctype|math|limits|inttypes|stdarg)\.h>' |
    awk -F'"' '{ if (NF < 2) { print; next } file = "plugin/" $2; if ((getline line < file) < 0) print; close(file) }' |
    breach 'the plugin includes more than it may'
grep -nE '^#include "' host-sdk/cli/*.[ch] |
    awk -F'"' '{ file = "host-sdk/cli/" $2; base = $2 ~ /^(buf|str|json|near|fail|error_json|utf8)\.h$/
                 if (!base && (getline line < file) < 0) print; close(file) }' |
    breach 'the command line includes the host from inside'
grep -nE '^#include' host-sdk/include/kk/plugin.h | grep -vE '<std(def|int)\.h>' |
    breach 'kk/plugin.h includes more than stddef.h and stdint.h'

# ---- Banned calls --------------------------------------------------------------------------------------------------
only '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|system|popen)\(' 'none' 'a banned call'
files | grep '^host-sdk/src/' | xargs grep -nE '\bgetenv\(' | breach 'getenv in the library, which a program with more rights may embed'
only '\bcJSON_(Parse|GetObjectItem|Print)[A-Za-z]*\(' 'host-sdk/src/json|host-sdk/examples/hello/|tests/(test_json|fuzz/|bench/|plugins/)' \
    'cJSON called past json.h'
files | grep -E '^(host-sdk/src|plugin)/' | xargs grep -nE '\b(printf|puts|exit|abort)\(' | breach 'a library that prints or exits'
files | xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b' | breach 'unfinished work'
{ git ls-files 2>/dev/null || find . -type f ! -path './build/*' ! -path './.git/*'; } |
    xargs grep -nIE '(^|[^[:alnum:]_.-])/(wor[k]|far[m])/[a-z]|/tmp/bash_job[s]' | breach 'a path of some machine'

# ---- Size ----------------------------------------------------------------------------------------------------------
files | xargs awk '
    FNR == 1 { if (lines > 600) print name " has " lines " lines, more than 600"; name = FILENAME }
    { lines = FNR }
    /^{/ { start = FNR }
    /^}/ { if (start && FNR - start + 1 > 70) print FILENAME ":" start " is a function of " FNR - start + 1 " lines, more than 70"
           start = 0 }
    END { if (lines > 600) print name " has " lines " lines, more than 600" }' | breach 'too long'
files | LC_ALL=C.UTF-8 xargs awk 'length > 100 { print FILENAME ":" FNR " has " length " columns, more than 100" }' |
    breach 'too wide'

if [ -s "$found" ]; then
    cat "$found"
    exit 1
fi
echo "boundaries: all floors, rooms and sizes are as planned"
