#!/bin/sh
# planetscale.so exports its description and its seven tools, and needs no library but libc, libcjson and the loader.
# Usage: planetscale_exports.sh FILE [sanitized]
set -eu

file=$1
sanitized=${2:-}

wanted='kk_plugin_describe
kk_tool_planetscale_create_database
kk_tool_planetscale_get_branch
kk_tool_planetscale_get_current_user
kk_tool_planetscale_get_database
kk_tool_planetscale_list_branches
kk_tool_planetscale_list_databases
kk_tool_planetscale_list_organizations'
found=$(nm -D --defined-only "$file" | awk '{print $3}' | LC_ALL=C sort)
if [ "$found" != "$wanted" ]; then
    printf 'exports of %s:\n%s\nwanted:\n%s\n' "$file" "$found" "$wanted" >&2
    exit 1
fi

needed=$(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
    case $library in
    libc.so.* | libcjson.so.1 | ld-linux*) ;;
    libasan.so.* | libubsan.so.* | libtsan.so.* | libgcc_s.so.* | libm.so.*)
        [ -n "$sanitized" ] || { echo "$file needs $library" >&2; exit 1; }
        ;;
    *)
        echo "$file needs $library" >&2
        exit 1
        ;;
    esac
done
case " $needed" in
*libc.so.*) ;;
*)
    echo "no NEEDED was read from $file" >&2
    exit 1
    ;;
esac

readelf -d "$file" | grep -q NODELETE || { echo "$file is not marked NODELETE" >&2; exit 1; }
echo "planetscale.so: 8 exports; needs $(echo $needed)"
