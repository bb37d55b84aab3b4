// kk completion SHELL: a script that completes kk's command lines, made from the table of commands.
//
// Every script works alike.  It reads the words before the cursor, passes over options and their
// values, and so knows the command; then it offers that command's options, the commands of a group,
// the functions that `kk list` knows, or files.
#include "fail.h"
#include "output.h"

// What the functions of all plugins are, one a line, for any shell.
#define FUNCTIONS                                                                                  \
    "kk list 2>/dev/null | sed -n 's/^  \\([a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*\\) .*/\\1/p'"

// ---- What every shell asks of the table

static bool takes_function(const kk_command *command)
{
    return strncmp(command->operands, "PLUGIN.FUNCTION", strlen("PLUGIN.FUNCTION")) == 0;
}

static bool takes_file(const kk_option *option)
{
    return option->value != NULL && strcmp(option->value, "FILE") == 0;
}

// Calls [write] for each option of each table once, those of all commands first.  A name that two
// commands share comes twice, which no shell minds.
typedef void (*option_fn)(kk_buf *out, const kk_option *option);

static void each_option(kk_buf *out, option_fn write)
{
    for (const kk_option *option = kk_global_options; option->name != NULL; option++) {
        write(out, option);
    }
    for (size_t i = 0; i < kk_command_count; i++) {
        const kk_option *option = kk_commands[i].options;
        for (; option != NULL && option->name != NULL; option++) {
            write(out, option);
        }
    }
}

// Adds a pattern to those of a case, which begin after a space.
static void write_pattern(kk_buf *out, const kk_option *option)
{
    bool first = out->len > 0 && out->ptr[out->len - 1] == ' ';
    kk_buf_append_format(out, "%s--%s", first ? "" : "|", option->name);
}

static void write_if_file(kk_buf *out, const kk_option *option)
{
    if (takes_file(option)) {
        write_pattern(out, option);
    }
}

static void write_if_other_value(kk_buf *out, const kk_option *option)
{
    if (option->value != NULL && !takes_file(option)) {
        write_pattern(out, option);
    }
}

static void write_option_name(kk_buf *out, const kk_option *option)
{
    kk_buf_append_format(out, " --%s", option->name);
}

// Whether [command] stands directly in [group], which is "" for what stands in none; *word is then
// its last word.
static bool is_in_group(const kk_command *command, const char *group, const char **word)
{
    const char *space = strrchr(command->name, ' ');
    size_t len = space != NULL ? (size_t)(space - command->name) : 0;
    *word = space != NULL ? space + 1 : command->name;
    return len == strlen(group) && strncmp(command->name, group, len) == 0;
}

static void write_group(kk_buf *out, const char *group)
{
    for (size_t i = 0; i < kk_command_count; i++) {
        const char *word = NULL;
        if (is_in_group(&kk_commands[i], group, &word)) {
            kk_buf_append_format(out, " %s", word);
        }
    }
}

// ---- bash and zsh, which share the language of the walk over the words

// Writes the cases by which the walk passes over options, into a loop that has `word` and `skip`.
static void write_walk(kk_buf *out)
{
    kk_buf_append_text(out, "        if [[ -n $skip ]]; then skip=; continue; fi\n"
                            "        case $word in\n        ");
    each_option(out, write_if_file);
    each_option(out, write_if_other_value);
    kk_buf_append_text(out, ") skip=1 ;;\n"
                            "        -*) ;;\n"
                            "        *) command+=${command:+ }$word ;;\n"
                            "        esac\n");
}

// Writes the cases that set `offered`, the words that may stand at the cursor, and `options`.
static void write_cases(kk_buf *out)
{
    kk_buf_append_text(out, "    options='");
    for (const kk_option *option = kk_global_options; option->name != NULL; option++) {
        write_option_name(out, option);
    }
    kk_buf_append_text(out, "'\n    case $command in\n    '') offered='");
    write_group(out, "");
    kk_buf_append_text(out, "' ;;\n");
    for (size_t i = 0; i < kk_command_count; i++) {
        const kk_command *command = &kk_commands[i];
        kk_buf_append_format(out, "    '%s') offered=", command->name);
        if (command->run == NULL) {
            kk_buf_append_byte(out, '\'');
            write_group(out, command->name);
            kk_buf_append_byte(out, '\'');
        } else if (takes_function(command)) {
            kk_buf_append_text(out, "$(" FUNCTIONS ")");
        } else if (command->run == kk_cmd_completion) {
            kk_buf_append_text(out, "'bash zsh fish'");
        } else if (command->run == kk_cmd_help) {
            kk_buf_append_byte(out, '\'');
            write_group(out, "");
            kk_buf_append_byte(out, '\'');
        }
        for (const kk_option *option = command->options; option != NULL && option->name != NULL;
             option++) {
            kk_buf_append_format(out, " options+=' --%s'", option->name);
        }
        kk_buf_append_text(out, " ;;\n");
    }
    kk_buf_append_text(out, "    esac\n");
}

static void write_bash(kk_buf *out)
{
    kk_buf_append_text(out, "# Completion of kk for bash: source <(kk completion bash)\n"
                            "_kk() {\n"
                            "    local current=${COMP_WORDS[COMP_CWORD]}\n"
                            "    local previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                            "    local command= word= skip= offered= options=\n"
                            "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n");
    write_walk(out);
    kk_buf_append_text(out, "    done\n    case $previous in\n    ");
    each_option(out, write_if_other_value);
    kk_buf_append_text(out, ") COMPREPLY=(); return ;;\n    ");
    each_option(out, write_if_file);
    kk_buf_append_text(out, ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n    esac\n");
    write_cases(out);
    kk_buf_append_text(out, "    [[ $current == -* ]] && offered=$options\n"
                            "    COMPREPLY=($(compgen -W \"$offered\" -- \"$current\"))\n"
                            "}\n"
                            "complete -o default -F _kk kk\n");
}

static void write_zsh(kk_buf *out)
{
    kk_buf_append_text(out, "#compdef kk\n"
                            "# Completion of kk for zsh: source <(kk completion zsh)\n"
                            "_kk() {\n"
                            "    local current=$words[CURRENT] previous=$words[CURRENT-1]\n"
                            "    local command= word= skip= options=\n"
                            "    local -a before=(\"${(@)words[2,CURRENT-1]}\")\n"
                            "    local offered=\n"
                            "    for word in $before; do\n");
    write_walk(out);
    kk_buf_append_text(out, "    done\n    case $previous in\n    ");
    each_option(out, write_if_other_value);
    kk_buf_append_text(out, ") return ;;\n    ");
    each_option(out, write_if_file);
    kk_buf_append_text(out, ") _files; return ;;\n    esac\n");
    write_cases(out);
    kk_buf_append_text(out,
                       "    if [[ $current == -* ]]; then offered=$options; fi\n"
                       "    if [[ -n $offered ]]; then compadd -- ${=offered}; else _files; fi\n"
                       "}\n"
                       "compdef _kk kk\n");
}

// ---- fish

// Writes [text] between single quotes, as fish reads it.
static void write_quoted(kk_buf *out, const char *text)
{
    kk_buf_append_byte(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            kk_buf_append_byte(out, '\\');
        }
        kk_buf_append_byte(out, *text);
    }
    kk_buf_append_byte(out, '\'');
}

static void write_fish_option(kk_buf *out, const kk_option *option, const char *command)
{
    kk_buf_append_text(out, "complete -c kk");
    if (command != NULL) {
        kk_buf_append_format(out, " -n '__kk_at \"%s\"'", command);
    }
    if (option->letter != '\0') {
        kk_buf_append_format(out, " -s %c", option->letter);
    }
    kk_buf_append_format(out, " -l %s %s-d ", option->name,
                         takes_file(option)      ? "-r -F "
                         : option->value != NULL ? "-x "
                                                 : "");
    write_quoted(out, option->help);
    kk_buf_append_byte(out, '\n');
}

static void write_fish_command(kk_buf *out, const kk_command *command)
{
    const char *space = strrchr(command->name, ' ');
    int group_len = space != NULL ? (int)(space - command->name) : 0;
    kk_buf_append_format(out, "complete -c kk -f -n '__kk_at \"%.*s\"' -a %s -d ", group_len,
                         command->name, space != NULL ? space + 1 : command->name);
    write_quoted(out, command->summary);
    kk_buf_append_byte(out, '\n');
    if (takes_function(command)) {
        kk_buf_append_format(out, "complete -c kk -f -n '__kk_at \"%s\"' -a '(__kk_functions)'\n",
                             command->name);
    }
    if (command->run == kk_cmd_completion) {
        kk_buf_append_format(out, "complete -c kk -f -n '__kk_at \"%s\"' -a 'bash zsh fish'\n",
                             command->name);
    }
    const kk_option *option = command->options;
    for (; option != NULL && option->name != NULL; option++) {
        write_fish_option(out, option, command->name);
    }
}

static void write_fish_value(kk_buf *out, const kk_option *option)
{
    if (option->value != NULL) {
        kk_buf_append_format(out, " --%s", option->name);
    }
}

static void write_fish(kk_buf *out)
{
    kk_buf_append_text(out, "# Completion of kk for fish: kk completion fish | source\n"
                            "function __kk_at\n"
                            "    set -l words (commandline -opc)\n"
                            "    set -l found\n"
                            "    set -l skip 0\n"
                            "    for word in $words[2..-1]\n"
                            "        if test $skip = 1\n"
                            "            set skip 0\n"
                            "            continue\n"
                            "        end\n"
                            "        switch $word\n"
                            "            case");
    each_option(out, write_fish_value);
    kk_buf_append_text(out, "\n                set skip 1\n"
                            "            case '-*'\n"
                            "            case '*'\n"
                            "                set -a found $word\n"
                            "        end\n"
                            "    end\n"
                            "    test \"$found\" = \"$argv[1]\"\n"
                            "end\n"
                            "function __kk_functions\n    " FUNCTIONS "\nend\n");
    for (const kk_option *option = kk_global_options; option->name != NULL; option++) {
        write_fish_option(out, option, NULL);
    }
    for (size_t i = 0; i < kk_command_count; i++) {
        write_fish_command(out, &kk_commands[i]);
    }
}

// ---- The command

typedef struct shell {
    const char *name;
    void (*write)(kk_buf *out);
} shell;

static const shell shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

kk_code kk_cmd_completion(kk_run *run, kk_error *err)
{
    kk_buf script = {.limit = KK_TEXT_MAX};
    const shell *found = NULL;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        found = strcmp(run->words[0], shells[i].name) == 0 ? &shells[i] : found;
    }
    if (found == NULL) {
        return kk_fail(err, KK_ERR_USAGE, "'%.64s' is not bash, zsh or fish", run->words[0]);
    }
    found->write(&script);
    kk_code code = kk_buf_check(&script, "the script", err);
    if (code != KK_OK || !kk_run_has(run, KK_OPT_JSON)) {
        kk_code printed = code == KK_OK ? kk_output_text(kk_buf_view(&script), err) : code;
        kk_buf_clean(&script);
        return printed;
    }
    kk_buf out = {.limit = 8 * KK_TEXT_MAX};
    kk_buf_append_text(&out, "{\"success\":true");
    kk_output_member(&out, "shell", found->name);
    kk_output_member(&out, "text", kk_buf_text(&script));
    kk_buf_append_text(&out, "}\n");
    kk_buf_clean(&script);
    return kk_output_take(&out, err);
}
