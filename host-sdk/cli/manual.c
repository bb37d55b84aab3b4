// The manual page kk(1), made from the tables of commands and options.
#include "cmd.h"

// Writes text for the formatter: a backslash, a hyphen, and a dot or quote at a line's beginning
// would mean something to it.
static void write_text(kk_buf *out, const char *text)
{
    bool begins_line = true;
    for (; *text != '\0'; text++) {
        if (begins_line && (*text == '.' || *text == '\'')) {
            kk_buf_append_text(out, "\\&");
        }
        if (*text == '\\') {
            kk_buf_append_text(out, "\\e");
        } else if (*text == '-') {
            kk_buf_append_text(out, "\\-");
        } else {
            kk_buf_append_byte(out, *text);
        }
        begins_line = *text == '\n';
    }
}

static void write_section(kk_buf *out, const char *title, const char *text)
{
    kk_buf_append_format(out, ".SH %s\n", title);
    write_text(out, text);
}

static void write_option(kk_buf *out, const kk_option *option)
{
    kk_buf_append_text(out, ".TP\n.B ");
    if (option->letter != '\0') {
        kk_buf_append_format(out, "\\-%c, ", option->letter);
    }
    write_text(out, "--");
    write_text(out, option->name);
    if (option->value != NULL) {
        kk_buf_append_format(out, " \\fI%s\\fR", option->value);
    }
    kk_buf_append_byte(out, '\n');
    write_text(out, option->help);
    kk_buf_append_text(out, ".\n");
}

static void write_command(kk_buf *out, const kk_command *command)
{
    if (command->run == NULL) {
        return;
    }
    kk_buf_append_format(out, ".SS kk %s ", command->name);
    write_text(out, command->operands);
    kk_buf_append_byte(out, '\n');
    write_text(out, command->summary);
    kk_buf_append_text(out, ".\n");
    if (command->details != NULL) {
        kk_buf_append_text(out, ".PP\n.nf\n");
        write_text(out, command->details);
        kk_buf_append_text(out, ".fi\n");
    }
    const kk_option *option = command->options;
    for (; option != NULL && option->name != NULL; option++) {
        write_option(out, option);
    }
}

static void write_exit_statuses(kk_buf *out)
{
    static const char *const meanings[] = {
        "done",
        "failed at the service or in a plugin",
        "not understood",
        "not approved",
        "account or keyring",
        "plugin refused",
        "network",
        "out of time or cancelled",
    };
    kk_buf_append_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        kk_buf_append_format(out, ".TP\n.B %zu\n%s\n", i, meanings[i]);
    }
}

void kk_manual_write(kk_buf *out)
{
    kk_buf_append_format(out, ".TH KK 1 \"\" \"kk %s\" \"User commands\"\n", kk_version());
    write_section(out, "NAME", "kk - call functions of services through plugins\n");
    kk_buf_append_text(out, ".SH SYNOPSIS\n.B kk\n[\\fIOPTION\\fR...] \\fICOMMAND\\fR "
                            "[\\fIARGUMENT\\fR...]\n");
    write_section(
        out, "DESCRIPTION",
        "kk loads plugins, which are shared objects, and calls their functions with the\n"
        "credentials of the accounts that its keyring holds encrypted. Neither a plugin\n"
        "nor whoever calls it sees a secret. 'kk list' shows what there is, and 'kk docs'\n"
        "explains it.\n");
    kk_buf_append_text(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < kk_command_count; i++) {
        write_command(out, &kk_commands[i]);
    }
    kk_buf_append_text(out, ".SH OPTIONS\nEvery command takes them, before or after its name.\n");
    for (const kk_option *option = kk_global_options; option->name != NULL; option++) {
        write_option(out, option);
    }
    write_exit_statuses(out);
    write_section(out, "FILES",
                  "With KK_HOME set, everything is in that directory: config.json, keyring.kkr,\n"
                  "plugins and cache. Otherwise each is below 'kk' in its place of the XDG base\n"
                  "directories.\n");
}
