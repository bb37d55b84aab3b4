#!/bin/sh
# Shows kk at work: installs what building needs, builds, and calls tools of the PlanetScale plugin.  The answers come from a
# tape, so that neither an account nor a network is needed.
set -eu
cd "$(dirname "$0")/.."

# kk loads nothing that others could change, and with umask 002 that would be all that is built here.
umask go-w
mkdir -p build
find . -prune -perm /022 -exec chmod go-w {} +
find build ! -type l -perm /022 -exec chmod go-w {} +

sh host-sdk/packages.sh build
echo 'Building kk ...'
{
    cmake -S . -B build/demo -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF &&
        cmake --build build/demo
} >build/demo.log 2>&1 || { cat build/demo.log >&2; exit 1; }

kk=build/demo/bin/kk
show() {
    printf '\n$ kk'
    for word; do
        case $word in
        *[\ {}\"]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$kk" "$@"
}

show list
export KK_TRANSPORT=replay KK_TAPE=fixtures/tapes/planetscale.har
printf '\n$ export KK_TRANSPORT=replay KK_TAPE=%s\n' "$KK_TAPE"
show call planetscale.list_organizations fields=name,slug
show call planetscale.list_databases organization=acme fields=name,kind,state
show call planetscale.get_branch organization=my-org database=my-database branch=main fields=name,role,ready,region.slug
show lua -e '
local result = app.integrations.planetscale.list_databases({organization = "my-org"})
for _, db in ipairs(result.data) do
    print(db.name .. ": " .. db.state)
end'
show call planetscale.create_database '{"organization":"my-org","name":"my-new-database"}' --dry-run --json
