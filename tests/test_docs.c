// Documentation pages of a plugin that is loaded for real, compared with fixtures/cli/docs_*.md.
#include "docs.h"
#include "unit.h"
#include <stdlib.h>

static int load_plugin(void **state)
{
    static const char *const files[] = {KK_TEST_PLUGINS "/shelf.so", NULL};
    kk_registry *registry = NULL;
    kk_config *config = NULL;
    kk_error err = {0};
    assert_ok(kk_registry_load(files, false, NULL, config, NULL, &registry, &err), &err);
    *state = registry;
    return 0;
}

static int free_plugin(void **state)
{
    kk_registry_free(*state);
    return 0;
}

static char *page_of(void **state, const char *page)
{
    char *text = NULL;
    kk_error err = {0};
    assert_ok(kk_docs_page(*state, NULL, page, &text, &err), &err);
    assert_non_null(text);
    return text;
}

static void assert_golden(void **state, const char *page, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, KK_FIXTURES "/cli/%s", name);
    char *text = page_of(state, page);
    // After a wanted change, the pages are written anew and read by a person.
    if (getenv("KK_WRITE_FIXTURES") != NULL) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(text, out);
        fclose(out);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static char wanted[1 << 16];
    size_t len = fread(wanted, 1, sizeof wanted - 1, file);
    wanted[len] = '\0';
    fclose(file);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_docs__pages_are_as_the_fixtures_show(void **state)
{
    assert_golden(state, NULL, "docs_index.md");
    assert_golden(state, "integrations", "docs_index.md");
    assert_golden(state, "app.integrations", "docs_index.md");
    assert_golden(state, "app", "docs_index.md");
    assert_golden(state, "integrations.shelf", "docs_shelf.md");
    assert_golden(state, "integrations.shelf.find", "docs_shelf_find.md");
    assert_golden(state, "integrations.shelf.add", "docs_shelf_add.md");
    assert_golden(state, "integrations.shelf.my-books.add", "docs_shelf_account_add.md");
    assert_golden(state, "overview", "docs_overview.md");
    assert_golden(state, "examples", "docs_examples.md");
}

static void assert_same(void **state, const char *a, const char *b)
{
    char *first = page_of(state, a);
    char *second = page_of(state, b);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_docs__prefixes_may_be_left_out(void **state)
{
    assert_same(state, "app.integrations.shelf", "shelf");
    assert_same(state, "integrations.shelf", "shelf");
    assert_same(state, "app.integrations.shelf.find", "shelf.find");
    assert_same(state, "shelf_find", "shelf.find");
    assert_same(state, "shelf.shelf_find", "shelf.find");
    assert_same(state, "app.overview", "overview");
    assert_same(state, "", NULL);
}

static void test_docs__account_forms_are_pages(void **state)
{
    char *page = page_of(state, "integrations.shelf.default.find");
    assert_holds(page, "app.integrations.shelf.default.find(");
    assert_holds(page, "default account");
    assert_null(strstr(page, "--account"));
    free(page);
    page = page_of(state, "app.integrations.shelf.my-books.find");
    assert_holds(page, "app.integrations.shelf.my_books.find(");
    assert_holds(page, "--account my-books");
    free(page);
    page = page_of(state, "integrations.shelf.work");
    assert_holds(page, "# Shelf");
    assert_holds(page, "the account `work`");
    free(page);
    page = page_of(state, "shelf.default");
    assert_holds(page, "# Shelf");
    free(page);
}

static void test_docs__account_of_a_page_can_be_asked(void **state)
{
    const kk_plugin *plugin = NULL;
    char account[64];
    assert_true(kk_docs_account(*state, "shelf.work.find", &plugin, account));
    assert_string_equal(account, "work");
    assert_string_equal(kk_plugin_manifest(plugin)->id, "shelf");
    assert_true(kk_docs_account(*state, "app.integrations.shelf.home", &plugin, account));
    assert_string_equal(account, "home");
    assert_false(kk_docs_account(*state, "shelf.default.find", &plugin, account));
    assert_false(kk_docs_account(*state, "shelf.find", &plugin, account));
    assert_false(kk_docs_account(*state, "overview", &plugin, account));
    assert_false(kk_docs_account(*state, NULL, &plugin, account));
    assert_false(kk_docs_account(*state, "nothing.like.it", &plugin, account));
}

static void test_docs__plugin_of_a_page_can_be_asked(void **state)
{
    static const char *const own[] = {"shelf", "app.integrations.shelf", "shelf.home",
                                      "shelf.default"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const kk_plugin *plugin = kk_docs_plugin(*state, own[i]);
        assert_non_null(plugin);
        assert_string_equal(kk_plugin_manifest(plugin)->id, "shelf");
    }
    assert_null(kk_docs_plugin(*state, "shelf.find"));
    assert_null(kk_docs_plugin(*state, "shelf.work.find"));
    assert_null(kk_docs_plugin(*state, "overview"));
    assert_null(kk_docs_plugin(*state, "nothing"));
    assert_null(kk_docs_plugin(*state, NULL));
}

static void test_docs__accounts_are_listed_where_they_are_known(void **state)
{
    char few[2][64] = {"prod-eu", "ci"};
    char many[52][64];
    kk_account_names names = {.names = few, .count = 2};
    char *text = NULL;
    kk_error err = {0};
    assert_ok(kk_docs_page(*state, &names, "shelf", &text, &err), &err);
    assert_holds(text, "The accounts are `prod-eu`, `ci`.\n");
    free(text);
    names.count = 0;
    assert_ok(kk_docs_page(*state, &names, "shelf", &text, &err), &err);
    assert_holds(text, "There is no account yet.\n");
    free(text);
    for (size_t i = 0; i < 52; i++) {
        snprintf(many[i], sizeof many[i], "a%zu", i);
    }
    names = (kk_account_names){.names = many, .count = 52};
    assert_ok(kk_docs_page(*state, &names, "shelf", &text, &err), &err);
    assert_holds(text, "`a49` and 2 more.\n");
    assert_null(strstr(text, "`a50`"));
    free(text);
}

static void test_docs__errors_page_has_every_code(void **state)
{
    char *page = page_of(state, "errors");
    for (int code = 1; code < KK_CODE_COUNT; code++) {
        char row[160];
        snprintf(row, sizeof row, "| `%s` | %d | %s |", kk_code_name((kk_code)code),
                 kk_code_exit_status((kk_code)code), kk_code_meaning((kk_code)code));
        assert_holds(page, row);
    }
    free(page);
}

static void assert_unknown(void **state, const char *page, const char *hint)
{
    char *text = NULL;
    kk_error err = {0};
    assert_code(kk_docs_page(*state, NULL, page, &text, &err), KK_ERR_UNKNOWN_PAGE);
    assert_null(text);
    assert_holds(err.hint, hint);
}

static void test_docs__unknown_page_gets_near_names(void **state)
{
    assert_unknown(state, "shelff", "'shelf'");
    assert_unknown(state, "integrations.shelf.fnd", "'shelf.find'");
    assert_unknown(state, "shelf.work.fin", "'shelf.find'");
    assert_unknown(state, "overviw", "'overview'");
    assert_unknown(state, "zzz", "lists all");
    assert_unknown(state, "shelf.", "'shelf'");
    assert_unknown(state, ".", "lists all");
    assert_unknown(state, "app.integrations.", "lists all");
    assert_unknown(state, "shelf.a.find.more", "'shelf");
    assert_unknown(state, "shelf.Not A Name.find", "'shelf.find'");
    assert_unknown(state, "shelf.Not A Name", "'shelf'");
}

static void test_docs__long_names_are_unknown_pages(void **state)
{
    char page[4096];
    memset(page, 'x', sizeof page - 1);
    page[sizeof page - 1] = '\0';
    assert_unknown(state, page, "lists all");
    memcpy(page, "shelf.", 6);
    assert_unknown(state, page, "");
}

// ---- Lists and searches

static char *list_of(void **state, const char *prefix)
{
    char *json = NULL;
    kk_error err = {0};
    assert_ok(kk_docs_list(*state, prefix, &json, &err), &err);
    assert_non_null(json);
    return json;
}

static void test_docs__list_names_every_page_in_order(void **state)
{
    char *json = list_of(state, NULL);
    const char *at = json;
    static const char *const pages[] = {"overview",
                                        "errors",
                                        "examples",
                                        "integrations.shelf",
                                        "integrations.shelf.find",
                                        "integrations.shelf.add"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "{\"page\":\"%s\",\"summary\":\"", pages[i]);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    free(json);
}

static void test_docs__list_of_a_prefix_has_what_is_below_it(void **state)
{
    static const char *const same[] = {"integrations.shelf", "app.integrations.shelf", "shelf"};
    for (size_t i = 0; i < 3; i++) {
        char *json = list_of(state, same[i]);
        assert_null(strstr(json, "overview"));
        assert_holds(json, "integrations.shelf.add");
        assert_holds(json, "\"integrations.shelf\"");
        free(json);
    }
    char *one = list_of(state, "shelf.find");
    assert_null(strstr(one, "shelf.add"));
    free(one);
    char *json = NULL;
    kk_error err = {0};
    assert_code(kk_docs_list(*state, "shel", &json, &err), KK_ERR_UNKNOWN_PAGE);
    assert_holds(err.hint, "shelf");
    assert_null(json);
}

// The page that a search puts at [place], from 0, with what it says matched.
static void assert_found(void **state, const char *words, size_t place, const char *page,
                         const char *matched)
{
    char *json = NULL;
    kk_error err = {0};
    assert_ok(kk_docs_search(*state, words, &json, &err), &err);
    const char *at = json;
    for (size_t i = 0; i <= place && at != NULL; i++) {
        at = strstr(at + 1, "{\"page\":");
    }
    char wanted[120];
    snprintf(wanted, sizeof wanted, "{\"page\":\"%s\",", page);
    if (at == NULL || strncmp(at, wanted, strlen(wanted)) != 0) {
        fail_msg("'%s': number %zu of %s is not %s", words, place, json, page);
    }
    snprintf(wanted, sizeof wanted, "\"matched\":\"%s\"}", matched);
    at = strstr(at, "\"matched\"");
    assert_int_equal(strncmp(at, wanted, strlen(wanted)), 0);
    free(json);
}

static void test_docs__search_ranks_name_over_description_over_parameter(void **state)
{
    assert_found(state, "find", 0, "integrations.shelf.find", "name");
    // 'shelf' is the plugin's name, in the summaries, and a parameter.
    assert_found(state, "shelf", 0, "integrations.shelf", "name");
    assert_found(state, "shelf", 1, "integrations.shelf.find", "description");
    assert_found(state, "kind", 0, "integrations.shelf.find", "parameter");
    assert_found(state, "rate_limited", 0, "errors", "parameter");
    // A page with both words goes before one with the better single word.
    assert_found(state, "shelf put", 0, "integrations.shelf.add", "description");
}

static void test_docs__search_knows_plurals_cases_and_abbreviations(void **state)
{
    assert_found(state, "FINDS", 0, "integrations.shelf.find", "name");
    assert_found(state, "how to find books", 0, "integrations.shelf.find", "name");
    assert_found(state, "shf", 0, "integrations.shelf", "name");
    assert_found(state, "examples!", 0, "examples", "name");
    assert_found(state, "all", 0, "errors", "parameter");
}

static void assert_nothing(void **state, const char *words, const char *hint)
{
    char *json = NULL;
    kk_error err = {0};
    assert_code(kk_docs_search(*state, words, &json, &err), KK_ERR_UNKNOWN_PAGE);
    assert_null(json);
    assert_holds(err.hint, hint);
}

static void test_docs__search_that_finds_nothing_names_near_pages(void **state)
{
    assert_nothing(state, "fnid", "'integrations.shelf.find'");
    assert_nothing(state, "exmples", "'examples'");
    assert_nothing(state, "qqqq", "lists all");
    assert_nothing(state, "", "lists all");
    assert_nothing(state, " .,;", "lists all");
}

static void test_docs__search_takes_long_and_odd_words(void **state)
{
    char words[4096];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    assert_nothing(state, words, "lists all");
    for (size_t i = 1; i < sizeof words - 1; i += 2) {
        words[i] = ' ';
    }
    assert_nothing(state, words, "lists all");
    assert_nothing(state, "\xff\xfe\x80", "lists all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docs__pages_are_as_the_fixtures_show),
        cmocka_unit_test(test_docs__prefixes_may_be_left_out),
        cmocka_unit_test(test_docs__account_forms_are_pages),
        cmocka_unit_test(test_docs__account_of_a_page_can_be_asked),
        cmocka_unit_test(test_docs__plugin_of_a_page_can_be_asked),
        cmocka_unit_test(test_docs__accounts_are_listed_where_they_are_known),
        cmocka_unit_test(test_docs__errors_page_has_every_code),
        cmocka_unit_test(test_docs__unknown_page_gets_near_names),
        cmocka_unit_test(test_docs__long_names_are_unknown_pages),
        cmocka_unit_test(test_docs__list_names_every_page_in_order),
        cmocka_unit_test(test_docs__list_of_a_prefix_has_what_is_below_it),
        cmocka_unit_test(test_docs__search_ranks_name_over_description_over_parameter),
        cmocka_unit_test(test_docs__search_knows_plurals_cases_and_abbreviations),
        cmocka_unit_test(test_docs__search_that_finds_nothing_names_near_pages),
        cmocka_unit_test(test_docs__search_takes_long_and_odd_words),
    };
    return cmocka_run_group_tests_name("docs", tests, load_plugin, free_plugin);
}
