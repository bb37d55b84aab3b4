# The members of every structure of a header without comments, one a line: "structure<TAB>member<TAB>declaration".
#     cc -fpreprocessed -dD -E -P kk/plugin.h | awk -f members.awk
/^#/ { next }
{
    text = text " " $0
    if ($0 !~ /[;{]$/) next
    line = text
    text = ""
    gsub(/[ \t]+/, " ", line)
    sub(/^ /, "", line)
    if (line ~ /^(typedef )?struct kk_[a-z_]+ {$/) {
        name = line
        sub(/^(typedef )?struct /, "", name)
        sub(/ .*/, "", name)
    } else if (line ~ /^}/) {
        name = ""
    } else if (name != "") {
        member = line
        if (member ~ /\(\*[a-z_0-9]+\)/) {
            sub(/.*\(\*/, "", member)
            sub(/\).*/, "", member)
        } else {
            sub(/;$/, "", member)
            sub(/.*[ *]/, "", member)
        }
        print name "\t" member "\t" line
    }
}
