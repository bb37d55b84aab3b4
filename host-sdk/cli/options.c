// The parser of the command line, made from the tables of commands and options.
#include "cmd.h"
#include "fail.h"
#include "near.h"
#include <stdlib.h>

enum { NAMES_MAX = 64 };

typedef struct parser {
    int argc;
    const char *const *argv;
    int at; // of the next argument
    kk_run *run;
    size_t plugin_count;
    bool only_words; // "--" was read
} parser;

static const kk_option *own_options(const kk_run *run)
{
    static const kk_option none[] = {{0}};
    bool has = run->command != NULL && run->command->options != NULL;
    return has ? run->command->options : none;
}

static const kk_option *find_in(const kk_option *table, kk_str name)
{
    for (const kk_option *option = table; option->name != NULL; option++) {
        bool is_letter = name.len == 1 && option->letter == name.ptr[0];
        if (is_letter || (name.len > 1 && kk_str_is(name, option->name))) {
            return option;
        }
    }
    return NULL;
}

static size_t add_names(const kk_option *table, const char **names, size_t count)
{
    for (const kk_option *option = table; option->name != NULL && count < NAMES_MAX; option++) {
        names[count++] = option->name;
    }
    return count;
}

// Speaks of an option by its name alone: what follows '=' may be a secret.
static kk_code unknown_option(const kk_run *run, kk_str word, kk_str name, kk_error *err)
{
    const char *names[NAMES_MAX];
    size_t count = add_names(kk_global_options, names, 0);
    count = add_names(own_options(run), names, count);
    char wanted[64];
    size_t len = name.len < sizeof wanted - 1 ? name.len : sizeof wanted - 1;
    memcpy(wanted, name.ptr, len);
    wanted[len] = '\0';
    kk_code code = kk_fail(err, KK_ERR_USAGE, "there is no option '%.*s%s'",
                           (int)(word.len - name.len), word.ptr, wanted);
    kk_fail_near(err, wanted, names, count);
    kk_fail_hint(err, "'kk help%s%s' shows all", run->command != NULL ? " " : "",
                 run->command != NULL ? run->command->name : "");
    return code;
}

static kk_code keep_option(parser *self, const kk_option *option, const char *value, kk_error *err)
{
    kk_run *run = self->run;
    if (option->id == KK_OPT_PLUGIN) {
        run->plugins[self->plugin_count++] = value;
    } else if (option->value != NULL && run->options[option->id] != NULL) {
        return kk_fail(err, KK_ERR_USAGE, "the option '--%s' is given twice", option->name);
    }
    run->options[option->id] = value;
    return KK_OK;
}

// Where the value of an option is: behind '=', or the next argument.
static kk_code read_option(parser *self, kk_str word, kk_error *err)
{
    bool is_long = kk_str_starts_with(word, "--");
    const char *equals = is_long ? strchr(word.ptr, '=') : NULL;
    size_t start = is_long ? 2 : 1;
    size_t end = equals != NULL ? (size_t)(equals - word.ptr) : word.len;
    kk_str name = {word.ptr + start, end - start};
    bool can_be = is_long ? name.len > 1 : name.len == 1;
    const kk_option *option = can_be ? find_in(kk_global_options, name) : NULL;
    if (option == NULL && can_be) {
        option = find_in(own_options(self->run), name);
    }
    if (option == NULL) {
        return unknown_option(self->run, (kk_str){word.ptr, end}, name, err);
    }
    if (option->value == NULL) {
        return equals == NULL
                   ? keep_option(self, option, "", err)
                   : kk_fail(err, KK_ERR_USAGE, "the option '--%s' takes no value", option->name);
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (value == NULL && self->at < self->argc && strncmp(self->argv[self->at], "--", 2) != 0) {
        value = self->argv[self->at++];
    }
    if (value == NULL || value[0] == '\0') {
        return kk_fail(err, KK_ERR_USAGE, "the option '--%s' needs a value, %s", option->name,
                       option->value);
    }
    return keep_option(self, option, value, err);
}

static kk_code unknown_command(const char *name, const char *group, kk_error *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    size_t skip = group != NULL ? strlen(group) + 1 : 0;
    for (size_t i = 0; i < kk_command_count; i++) {
        const char *known = kk_commands[i].name;
        bool in_group = group != NULL
                            ? strncmp(known, group, skip - 1) == 0 && known[skip - 1] == ' ' &&
                                  strchr(known + skip, ' ') == NULL
                            : strchr(known, ' ') == NULL;
        if (in_group) {
            names[count++] = known + skip;
        }
    }
    kk_code code = kk_fail(err, KK_ERR_USAGE, "there is no command '%s%s%.64s'",
                           group != NULL ? group : "", group != NULL ? " " : "", name);
    kk_fail_near(err, name, names, count);
    kk_fail_hint(err, "'kk help%s%s' shows all", group != NULL ? " " : "",
                 group != NULL ? group : "");
    return code;
}

// The first word names the command; below a group, so does the next.
static kk_code read_word(parser *self, const char *word, kk_error *err)
{
    kk_run *run = self->run;
    if (run->command != NULL && run->command->run != NULL) {
        run->words[run->word_count++] = word;
        return KK_OK;
    }
    const char *group = run->command != NULL ? run->command->name : NULL;
    kk_buf name = {.limit = 256};
    if (group != NULL) {
        kk_buf_append_format(&name, "%s ", group);
    }
    kk_buf_append_text(&name, word);
    bool spaced = strchr(word, ' ') != NULL;
    const kk_command *found =
        name.failed == KK_OK && !spaced ? kk_command_find(kk_buf_view(&name)) : NULL;
    kk_buf_clean(&name);
    if (found == NULL) {
        return unknown_command(word, group, err);
    }
    run->command = found;
    return KK_OK;
}

static kk_code check_words(const kk_run *run, kk_error *err)
{
    const kk_command *command = run->command;
    kk_code code = KK_OK;
    if (command == NULL) {
        code = kk_fail(err, KK_ERR_USAGE, "no command is given");
        kk_fail_hint(err, "'kk help' shows all");
    } else if (command->run == NULL) {
        code = kk_fail(err, KK_ERR_USAGE, "'kk %s' needs a command of its own", command->name);
        kk_fail_hint(err, "'kk help %s' shows them", command->name);
    } else if (run->word_count < command->words_min) {
        code = kk_fail(err, KK_ERR_USAGE, "'kk %s' needs %s", command->name, command->operands);
        kk_fail_hint(err, "see 'kk help %s'", command->name);
    } else if (run->word_count > command->words_max && command->surplus != NULL) {
        code = kk_fail(err, KK_ERR_USAGE, "%s", command->surplus);
        kk_fail_hint(err, "pipe the value in, or run 'kk %s' on a terminal and be asked for it",
                     command->name);
    } else if (run->word_count > command->words_max) {
        code = kk_fail(err, KK_ERR_USAGE, "'%.64s' is one word too many for 'kk %s'",
                       run->words[command->words_max], command->name);
        kk_fail_hint(err, "it is written: kk %s %s", command->name, command->operands);
    } else if (command->changes && kk_run_has(run, KK_OPT_DRY_RUN)) {
        code = kk_fail(err, KK_ERR_USAGE, "'kk %s' has no dry run", command->name);
    }
    return code;
}

// --json counts wherever it stands, so that a failure before it is reported as JSON too.
static void look_for_json(int argc, const char *const *argv, kk_run *run)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            run->options[KK_OPT_JSON] = "";
        }
    }
}

kk_code kk_options_parse(int argc, const char *const *argv, kk_run *run, kk_error *err)
{
    *run = (kk_run){0};
    look_for_json(argc, argv, run);
    size_t room = (size_t)argc + 1;
    run->words = calloc(room, sizeof *run->words);
    run->plugins = calloc(room, sizeof *run->plugins);
    if (run->words == NULL || run->plugins == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the command line");
    }
    parser self = {.argc = argc, .argv = argv, .at = 1, .run = run};
    while (self.at < argc) {
        const char *word = argv[self.at++];
        kk_code code = KK_OK;
        if (!self.only_words && strcmp(word, "--") == 0) {
            self.only_words = true;
        } else if (!self.only_words && word[0] == '-' && word[1] != '\0') {
            code = read_option(&self, kk_str_from(word), err);
        } else {
            code = read_word(&self, word, err);
        }
        if (code != KK_OK) {
            return code;
        }
    }
    bool informs = kk_run_has(run, KK_OPT_HELP) || kk_run_has(run, KK_OPT_VERSION);
    return informs ? KK_OK : check_words(run, err);
}

void kk_run_clean(kk_run *run)
{
    free(run->words);
    free(run->plugins);
    *run = (kk_run){0};
}
