# A later kk/plugin.h, made of today's: the next minor version, in which every structure that may grow has grown by two members,
# and the host's table by a function.  `awk -f grow.awk kk/plugin.h`
/^#define KK_ABI_MINOR / { print "#define KK_ABI_MINOR " ($3 + 1); print "#define KK_TEST_GROWN 1"; next }
/^(typedef )?struct kk_[a-z_]+ {/ {
    name = $0
    sub(/^(typedef )?struct /, "", name)
    sub(/ .*/, "", name)
}
/^}.*;/ && name != "" {
    if (name != "kk_abi_tag" && name != "kk_header") {
        grown++
        print (name == "kk_host_api" ? "    uint32_t (*later)(const kk_host_api *host);" : "    const char *later;")
        print "    const void *later_still;"
    }
    name = ""
}
{ print }
END { if (grown < 10) { print "only " grown " structures were found" >"/dev/stderr"; exit 1 } }
