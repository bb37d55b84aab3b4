#!/bin/sh
# The completion scripts, each in its own shell: what they offer at a place of a command line.
. "$KK_SOURCE/tests/e2e/lib.sh"
PATH="$KK_BIN:$PATH"
# What a shell does with the signals of its children can leave the leak detector waiting for ever.
export ASAN_OPTIONS=detect_leaks=0

for shell in bash zsh fish; do
    run completion "$shell"
    expect_ok
    cp "$work/out" "$work/kk.$shell"
    "$shell" -n "$work/kk.$shell" || fail "$shell does not read its script"
done
run completion tcsh
expect_failure usage 2
run completion zsh --json
expect_ok
expect /shell '"zsh"'

cat >"$work/ask.bash" <<'END'
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_kk
printf '%s\n' "${COMPREPLY[@]}"
END
cat >"$work/ask.zsh" <<'END'
compdef() { true }
compadd() { shift; print -l -- ${(M)@:#$words[CURRENT]*} }
_files() { print FILES }
source $1; shift
words=("$@") CURRENT=$#
_kk
END
cat >"$work/ask.fish" <<'END'
source $argv[1]
complete -C "$argv[2..-1]" | string replace -r '\t.*' ''
END

offered() { # offered WORD...: what each shell offers for the last word, one a line, sorted
    bash "$work/ask.bash" "$work/kk.bash" "$@" | sort >"$work/bash"
    zsh -f "$work/ask.zsh" "$work/kk.zsh" "$@" | sort >"$work/zsh"
    HOME=$work fish --no-config "$work/ask.fish" "$work/kk.fish" "$@" | sort >"$work/fish"
}

check() { # check EXPECTED WORD...: all three offer exactly the words EXPECTED
    expected=$1
    shift
    offered "$@"
    last="completion of: $*"
    for shell in bash zsh fish; do
        [ "$(xargs <"$work/$shell")" = "$expected" ] ||
            fail "$shell offers '$(xargs <"$work/$shell")', not '$expected'"
    done
}

check 'schema' kk sch
check 'default' kk keyring de
check 'planetscale.list_branches planetscale.list_databases planetscale.list_organizations' kk call planetscale.list_
# An option and its value, or a global option before the command, are passed over.
check 'planetscale.get_current_user' kk --account main schema planetscale.get_c
check 'bash fish zsh' kk completion ''
check '--json' kk call planetscale.list_databases --js
check '--raw --record --replay --replay-all-used --replay-delay --require-mlock' kk keyring set --r

# The value of an option that names a file is a file.
touch "$work/tape.har"
cd "$work" || exit 1
bash "$work/ask.bash" "$work/kk.bash" kk --replay tap >"$work/bash"
[ "$(cat "$work/bash")" = tape.har ] || fail "bash offers no file: $(cat "$work/bash")"
zsh -f "$work/ask.zsh" "$work/kk.zsh" kk --replay tap >"$work/zsh"
[ "$(cat "$work/zsh")" = FILES ] || fail 'zsh offers no files'
HOME=$work fish --no-config "$work/ask.fish" "$work/kk.fish" kk --replay tap >"$work/fish"
[ "$(cat "$work/fish")" = tape.har ] || fail "fish offers no file: $(cat "$work/fish")"
