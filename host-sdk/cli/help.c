// --help, made from the tables of commands and options.
#include "cmd.h"

enum { NAME_COLUMN = 22 };

static void write_row(kk_buf *out, const char *name, const char *text)
{
    kk_buf_append_format(out, "  %-*s %s\n", NAME_COLUMN, name, text);
}

static void write_options(kk_buf *out, const char *title, const kk_option *table)
{
    kk_buf_append_format(out, "\n%s:\n", title);
    for (const kk_option *option = table; option->name != NULL; option++) {
        kk_buf name = {.limit = 64};
        if (option->letter != '\0') {
            kk_buf_append_format(&name, "-%c, ", option->letter);
        }
        kk_buf_append_format(&name, "--%s", option->name);
        if (option->value != NULL) {
            kk_buf_append_format(&name, " %s", option->value);
        }
        write_row(out, kk_buf_text(&name), option->help);
        kk_buf_clean(&name);
    }
}

// The commands of a group, or those that are not in one.
static void write_commands(kk_buf *out, const kk_command *group)
{
    size_t skip = group != NULL ? strlen(group->name) + 1 : 0;
    kk_buf_append_text(out, "\nCommands:\n");
    for (size_t i = 0; i < kk_command_count; i++) {
        const char *name = kk_commands[i].name;
        bool listed = group == NULL ? strchr(name, ' ') == NULL
                                    : strlen(name) > skip && name[skip - 1] == ' ' &&
                                          strncmp(name, group->name, skip - 1) == 0 &&
                                          strchr(name + skip, ' ') == NULL;
        if (listed) {
            write_row(out, name + skip, kk_commands[i].summary);
        }
    }
}

static void write_exit_statuses(kk_buf *out)
{
    kk_buf_append_text(
        out,
        "\nExit status: 0 done, 1 failed at the service or in a plugin, 2 not understood, 3 not\n"
        "approved, 4 account or keyring, 5 plugin refused, 6 network, 7 out of time or\n"
        "cancelled.  'kk docs errors' names every code.\n");
}

void kk_help_write(const kk_command *command, kk_buf *out)
{
    if (command == NULL) {
        kk_buf_append_text(out,
                           "Usage: kk [OPTION...] COMMAND [ARGUMENT...]\n\n"
                           "Calls functions of services through plugins, with credentials that "
                           "stay encrypted.\n");
    } else {
        kk_buf_append_format(out, "Usage: kk %s [OPTION...]%s%s\n\n%s.\n", command->name,
                             command->operands[0] != '\0' ? " " : "", command->operands,
                             command->summary);
    }
    if (command != NULL && command->details != NULL) {
        kk_buf_append_format(out, "\n%s", command->details);
    }
    if (command == NULL || command->run == NULL) {
        write_commands(out, command);
    }
    if (command != NULL && command->options != NULL) {
        write_options(out, "Options", command->options);
    }
    write_options(out, "Options of every command, before or after it", kk_global_options);
    if (command == NULL) {
        write_exit_statuses(out);
    }
}
