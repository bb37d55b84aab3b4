// The command line: the parser, its tables, and the help that is made from them.
#include "cmd.h"
#include "unit.h"
#include <stdlib.h>

// The tables point at the commands; none of them runs here.
#define COMMAND(name)                                                                              \
    kk_code name(kk_run *run, kk_error *err)                                                       \
    {                                                                                              \
        (void)run;                                                                                 \
        (void)err;                                                                                 \
        return KK_OK;                                                                              \
    }
COMMAND(kk_cmd_list)
COMMAND(kk_cmd_schema)
COMMAND(kk_cmd_call)
COMMAND(kk_cmd_docs)
COMMAND(kk_cmd_completion)
COMMAND(kk_cmd_plugin_list)
COMMAND(kk_cmd_plugin_check)
COMMAND(kk_cmd_lua)
COMMAND(kk_cmd_help)
COMMAND(kk_cmd_keyring_init)
COMMAND(kk_cmd_keyring_set)
COMMAND(kk_cmd_keyring_list)
COMMAND(kk_cmd_keyring_rm)
COMMAND(kk_cmd_keyring_default)
COMMAND(kk_cmd_keyring_ack)
COMMAND(kk_cmd_keyring_which)
COMMAND(kk_cmd_keyring_slot_list)
COMMAND(kk_cmd_keyring_slot_add)
COMMAND(kk_cmd_keyring_slot_passwd)
COMMAND(kk_cmd_keyring_slot_rm)
COMMAND(kk_cmd_keyring_rekey)
COMMAND(kk_cmd_keyring_get)
COMMAND(kk_cmd_keyring_exec)
COMMAND(kk_cmd_keyring_export)
COMMAND(kk_cmd_keyring_import)
COMMAND(kk_cmd_keyring_lock)
COMMAND(kk_cmd_keyring_unlock)
COMMAND(kk_cmd_keyring_doctor)
COMMAND(kk_cmd_keyring_import_kosmokrator)
COMMAND(kk_cmd_tape_lint)
COMMAND(kk_cmd_tape_fmt)
COMMAND(kk_cmd_tape_show)
COMMAND(kk_cmd_tape_diff)
COMMAND(kk_cmd_tape_prune)
COMMAND(kk_cmd_tape_redact)
COMMAND(kk_cmd_tape_import)
COMMAND(kk_cmd_tape_age)
COMMAND(kk_cmd_plugin_new)

#define PARSE(run, err, ...) parse((run), (err), (const char *const[]){"kk", __VA_ARGS__, NULL})

static kk_code parse(kk_run *run, kk_error *err, const char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    *err = (kk_error){0};
    return kk_options_parse(argc, argv, run, err);
}

// Parses, expects a usage error, and that its line holds [part].
#define assert_refused(part, ...)                                                                  \
    do {                                                                                           \
        kk_run refused_;                                                                           \
        kk_error err_;                                                                             \
        assert_code(PARSE(&refused_, &err_, __VA_ARGS__), KK_ERR_USAGE);                           \
        char line_[sizeof err_.message + sizeof err_.hint + 2];                                    \
        snprintf(line_, sizeof line_, "%s; %s", err_.message, err_.hint);                          \
        assert_holds(line_, part);                                                                 \
        kk_run_clean(&refused_);                                                                   \
    } while (0)

static void test_options__global_options_stand_before_or_after_the_command(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "--account", "one", "call", "p.f", "--json", "a=b"), &err);
    assert_string_equal(run.command->name, "call");
    assert_string_equal(run.options[KK_OPT_ACCOUNT], "one");
    assert_true(kk_run_has(&run, KK_OPT_JSON));
    assert_false(kk_run_has(&run, KK_OPT_YES));
    assert_int_equal(run.word_count, 2);
    assert_string_equal(run.words[0], "p.f");
    assert_string_equal(run.words[1], "a=b");
    kk_run_clean(&run);
}

static void test_options__value_stands_behind_equals_or_next(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "call", "p.f", "--account=a=b", "--replay", "tape"), &err);
    assert_string_equal(run.options[KK_OPT_ACCOUNT], "a=b");
    assert_string_equal(run.options[KK_OPT_REPLAY], "tape");
    kk_run_clean(&run);
    assert_refused("needs a value, NAME", "list", "--account");
    assert_refused("needs a value, NAME", "list", "--account=");
    assert_refused("needs a value, NAME", "list", "--account", "--json");
    assert_refused("'--json' takes no value", "list", "--json=yes");
    assert_refused("'--account' is given twice", "--account", "a", "list", "--account", "b");
}

static void test_options__plugin_may_be_repeated(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "--plugin", "a.so", "list", "--plugin=b.so"), &err);
    assert_string_equal(run.plugins[0], "a.so");
    assert_string_equal(run.plugins[1], "b.so");
    assert_null(run.plugins[2]);
    kk_run_clean(&run);
}

static void test_options__words_behind_two_dashes_are_words(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "call", "--", "p.f", "--json", "-"), &err);
    assert_int_equal(run.word_count, 3);
    assert_string_equal(run.words[1], "--json");
    assert_false(kk_run_has(&run, KK_OPT_JSON));
    kk_run_clean(&run);
    assert_ok(PARSE(&run, &err, "call", "p.f", "-"), &err);
    assert_string_equal(run.words[1], "-");
    kk_run_clean(&run);
}

static void test_options__unknown_names_get_near_ones(void **state)
{
    (void)state;
    assert_refused("no command 'lst'; did you mean 'list'?", "lst");
    assert_refused("no command 'keyring sett'; did you mean 'set'?", "keyring", "sett");
    assert_refused("no option '--acount'; did you mean 'account'?", "--acount", "x", "list");
    assert_refused("no option '-q'", "list", "-q");
    assert_refused("'kk help' shows all", "zzzzzzzzz");
    assert_refused("no command 'keyring set'", "keyring set");
}

static void test_options__long_options_are_not_abbreviated(void **state)
{
    (void)state;
    assert_refused("no option '--acc'", "list", "--acc", "x");
    assert_refused("no option '--v'", "list", "--v");
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "list", "-v"), &err);
    assert_true(kk_run_has(&run, KK_OPT_VERBOSE));
    kk_run_clean(&run);
}

static void test_options__own_options_belong_to_their_command(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "keyring", "set", "p/a/f", "--raw"), &err);
    assert_true(kk_run_has(&run, KK_OPT_RAW));
    kk_run_clean(&run);
    assert_refused("no option '--raw'", "list", "--raw");
    assert_refused("no option '--raw'", "--raw", "keyring", "set", "p/a/f");
}

static void test_options__words_are_counted(void **state)
{
    (void)state;
    assert_refused("no command is given", "--json");
    assert_refused("'kk call' needs PLUGIN.FUNCTION", "call");
    assert_refused("'kk keyring' needs a command", "keyring");
    assert_refused("'two' is one word too many for 'kk docs'", "docs", "one", "two");
}

static void test_options__secret_on_the_command_line_is_refused_unrepeated(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_code(PARSE(&run, &err, "keyring", "set", "p/a/f", "hunter2"), KK_ERR_USAGE);
    assert_holds(err.message, "never taken from the command line");
    assert_holds(err.hint, "pipe the value in");
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
    kk_run_clean(&run);
    assert_code(PARSE(&run, &err, "keyring", "set", "p/a/f", "--token=hunter2"), KK_ERR_USAGE);
    assert_holds(err.message, "no option '--token'");
    assert_null(strstr(err.message, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
    kk_run_clean(&run);
}

static void test_options__dry_run_of_a_keyring_change_is_refused(void **state)
{
    (void)state;
    assert_refused("'kk keyring rm' has no dry run", "keyring", "rm", "p/a", "--dry-run");
    assert_refused("has no dry run", "--dry-run", "keyring", "init");
}

static void test_options__json_is_known_even_after_a_failure(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_code(PARSE(&run, &err, "lst", "--json"), KK_ERR_USAGE);
    assert_true(kk_run_has(&run, KK_OPT_JSON));
    kk_run_clean(&run);
}

static void test_options__help_and_version_need_no_words(void **state)
{
    (void)state;
    kk_run run;
    kk_error err;
    assert_ok(PARSE(&run, &err, "call", "--help"), &err);
    assert_string_equal(run.command->name, "call");
    kk_run_clean(&run);
    assert_ok(PARSE(&run, &err, "--version"), &err);
    assert_null(run.command);
    kk_run_clean(&run);
}

static void test_options__empty_argv_is_a_usage_error(void **state)
{
    (void)state;
    kk_run run;
    kk_error err = {0};
    const char *const none[] = {NULL};
    assert_code(kk_options_parse(0, none, &run, &err), KK_ERR_USAGE);
    kk_run_clean(&run);
}

static void test_options__names_and_letters_are_unique(void **state)
{
    (void)state;
    for (size_t c = 0; c < kk_command_count; c++) {
        assert_ptr_equal(kk_command_find(kk_str_from(kk_commands[c].name)), &kk_commands[c]);
        const kk_option *own = kk_commands[c].options;
        for (; own != NULL && own->name != NULL; own++) {
            for (const kk_option *all = kk_global_options; all->name != NULL; all++) {
                assert_string_not_equal(own->name, all->name);
                assert_true(own->letter == 0 || own->letter != all->letter);
            }
        }
    }
}

static void assert_golden(const char *text, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, KK_FIXTURES "/cli/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char wanted[8192];
    size_t len = fread(wanted, 1, sizeof wanted - 1, file);
    wanted[len] = '\0';
    fclose(file);
    assert_string_equal(text, wanted);
}

static void test_help__is_as_the_fixtures_show(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *file;
    } cases[] = {{NULL, "help.txt"},
                 {"call", "help_call.txt"},
                 {"lua", "help_lua.txt"},
                 {"keyring", "help_keyring.txt"},
                 {"keyring set", "help_keyring_set.txt"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kk_buf out = {.limit = KK_TEXT_MAX};
        kk_help_write(kk_command_find(kk_str_from(cases[i].command)), &out);
        assert_golden(kk_buf_text(&out), cases[i].file);
        kk_buf_clean(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__global_options_stand_before_or_after_the_command),
        cmocka_unit_test(test_options__value_stands_behind_equals_or_next),
        cmocka_unit_test(test_options__plugin_may_be_repeated),
        cmocka_unit_test(test_options__words_behind_two_dashes_are_words),
        cmocka_unit_test(test_options__unknown_names_get_near_ones),
        cmocka_unit_test(test_options__long_options_are_not_abbreviated),
        cmocka_unit_test(test_options__own_options_belong_to_their_command),
        cmocka_unit_test(test_options__words_are_counted),
        cmocka_unit_test(test_options__secret_on_the_command_line_is_refused_unrepeated),
        cmocka_unit_test(test_options__dry_run_of_a_keyring_change_is_refused),
        cmocka_unit_test(test_options__json_is_known_even_after_a_failure),
        cmocka_unit_test(test_options__help_and_version_need_no_words),
        cmocka_unit_test(test_options__empty_argv_is_a_usage_error),
        cmocka_unit_test(test_options__names_and_letters_are_unique),
        cmocka_unit_test(test_help__is_as_the_fixtures_show),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
