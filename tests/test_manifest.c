// The copying and the rules of a manifest, on one in memory that is changed in one place.
#include "loader.h"
#include "manifest.h"
#include "unit.h"
#include <stdlib.h>

// A well-formed manifest whose every part can be changed.
typedef struct model {
    kk_manifest manifest;
    kk_tool tool;
    kk_example example;
    kk_credential credential;
    kk_field field;
    kk_field url;
    kk_scheme scheme;
    const kk_tool *tools[3];
    const kk_example *examples[2];
    const kk_credential *credentials[3];
    const kk_field *fields[3];
    const kk_scheme *schemes[3];
    const char *scheme_fields[2];
    const char *origins[2];
    const char *tags[2];
    const char *needs[2];
    const char *access[3];
    const char *secret_paths[2];
} model;

static void model_init_credential(model *m)
{
    m->field = (kk_field){.struct_size = sizeof m->field,
                          .flags = KK_FIELD_SECRET,
                          .key = "token",
                          .label = "Token",
                          .hint = "Ask.",
                          .env = "DEMO_TOKEN"};
    m->url = (kk_field){.struct_size = sizeof m->url,
                        .flags = KK_FIELD_URL,
                        .key = "url",
                        .label = "URL",
                        .hint = "Ask.",
                        .default_value = "https://a.example/v1"};
    m->scheme = (kk_scheme){.struct_size = sizeof m->scheme,
                            .name = "bearer-token",
                            .fields = m->scheme_fields,
                            .header_name = "Authorization",
                            .header_format = "Bearer {{x}} {token}"};
    m->credential = (kk_credential){.struct_size = sizeof m->credential,
                                    .slot = "demo",
                                    .title = "Demo",
                                    .fields = m->fields,
                                    .schemes = m->schemes,
                                    .origins = m->origins};
    m->credentials[0] = &m->credential;
    m->fields[0] = &m->field;
    m->fields[1] = &m->url;
    m->schemes[0] = &m->scheme;
    m->scheme_fields[0] = "token";
    m->origins[0] = "https://a.example:8443";
}

static void model_init(model *m)
{
    memset(m, 0, sizeof *m);
    model_init_credential(m);
    m->example =
        (kk_example){.struct_size = sizeof m->example, .title = "Do", .lua = "x()", .args = " {}"};
    m->tool = (kk_tool){.struct_size = sizeof m->tool,
                        .name = "do_it",
                        .symbol = "kk_tool_demo_do_it",
                        .title = "Do",
                        .summary = "Does.",
                        .description = "Does\n\tit.",
                        .input_schema = "{\"type\":\"object\"}",
                        .examples = m->examples,
                        .rows = "/data",
                        .access = m->access,
                        .secret_paths = m->secret_paths,
                        .credential = "demo",
                        .flags = KK_TOOL_SECRET_OUTPUT};
    m->examples[0] = &m->example;
    m->access[0] = "read_things";
    m->secret_paths[0] = "/data/*/a~1b";
    m->tags[0] = "my-tag";
    m->needs[0] = "com.example.thing/2";
    m->tools[0] = &m->tool;
    m->manifest =
        (kk_manifest){.tag = {KK_ABI_MAGIC, sizeof m->manifest, KK_ABI_VERSION, KK_ABI_VERSION},
                      .id = "demo",
                      .title = "Demo",
                      .summary = "For tests.",
                      .category = "data",
                      .version = "1.0.0",
                      .license = "MIT",
                      .tags = m->tags,
                      .tool_count = 1,
                      .tools = m->tools,
                      .credentials = m->credentials,
                      .needs = m->needs};
}

static kk_code read_model(const model *m, kk_error *err)
{
    kk_chunk *memory = NULL;
    kk_manifest *copy = NULL;
    kk_manifest_schemas schemas = {0};
    kk_code code = kk_manifest_copy("/x.so", &m->manifest, &memory, &copy, err);
    if (code != KK_OK) {
        return code;
    }
    code = kk_manifest_check("/x.so", copy, &schemas, err);
    kk_manifest_schemas_clean(&schemas);
    kk_chunk_free(memory);
    return code;
}

static void assert_refused(const model *m, const char *words)
{
    kk_error err = {0};
    assert_code(read_model(m, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "manifest");
    assert_holds(err.message, "/x.so");
    assert_holds(err.message, words);
}

// Changes one place of a fresh model and expects the refusal to say [words].
#define REFUSES(change, words)                                                                     \
    do {                                                                                           \
        model_init(m);                                                                             \
        change;                                                                                    \
        assert_refused(m, words);                                                                  \
    } while (0)

static void test_manifest__a_well_formed_one_passes(void **state)
{
    (void)state;
    model m;
    kk_error err = {0};
    model_init(&m);
    assert_ok(read_model(&m, &err), &err);
}

static void test_manifest__texts_are_bounded_and_clean(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    char *big = malloc(70000);
    assert_non_null(big);
    memset(big, 'x', 70000);
    big[65537] = '\0';
    REFUSES(m->manifest.title = NULL, "'title' is missing");
    REFUSES(m->manifest.title = "", "'title' is empty");
    REFUSES(m->tool.summary = "a\nb", "tool 'do_it': 'summary' has the control byte 0x0A");
    REFUSES(m->tool.description = "a\x1b[2J", "'description' has the control byte 0x1B at byte 1");
    REFUSES(m->tool.description = "\xED\xA0\x80", "'description' is not UTF-8 at byte 0");
    REFUSES(m->tool.description = big, "'description' is longer than 65536 bytes");
    REFUSES(m->example.title = NULL, "tool 'do_it', example 1: 'title' is missing");
    big[65536] = '\0';
    model_init(m);
    kk_error err = {0};
    m->tool.description = big;
    assert_ok(read_model(m, &err), &err);
    free(big);
}

static void test_manifest__all_texts_together_are_bounded(void **state)
{
    (void)state;
    model m;
    model_init(&m);
    char *big = malloc(65001);
    const char *tags[18] = {0};
    assert_non_null(big);
    memset(big, 'x', 65000);
    big[65000] = '\0';
    for (size_t i = 0; i < 17; i++) {
        tags[i] = big;
    }
    m.manifest.tags = tags;
    assert_refused(&m, "over 1048576 bytes");
    free(big);
}

static void test_manifest__structures_and_lists_are_bounded(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    const char *endless[300];
    for (size_t i = 0; i < 300; i++) {
        endless[i] = "x";
    }
    REFUSES(m->tool.struct_size = 8, "tool 1: 'struct_size' is 8");
    REFUSES(m->field.struct_size = 70000, "field 1: 'struct_size' is 70000");
    REFUSES(m->manifest.tags = endless, "'tags' has more than 256 entries");
    REFUSES(m->manifest.tool_count = 0, "'tool_count' is 0");
    REFUSES(m->manifest.tool_count = 5000, "'tool_count' is 5000");
    REFUSES(m->manifest.tools = NULL, "'tools' is missing");
    REFUSES(m->fields[0] = NULL, "credential 'demo': 'fields' has no entry");
    REFUSES(m->credential.origins = NULL, "'origins' is missing");
    REFUSES(m->manifest.tags = (const char *const *)((const char *)m->tags + 1), "misaligned");
    REFUSES(m->tools[0] = (const kk_tool *)(const void *)((const char *)&m->tool + 4),
            "misaligned");
}

static void test_manifest__the_head_keeps_its_rules(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    REFUSES(m->manifest.id = "a__b", "'id' 'a__b' is not a name");
    REFUSES(m->manifest.id = "9a", "'id' '9a' is not a name");
    REFUSES(m->manifest.category = "Data Things", "'category'");
    REFUSES(m->manifest.version = "latest", "'version' 'latest'");
    REFUSES(m->manifest.concurrency = 3, "'concurrency' is 3");
    REFUSES(m->manifest.close = (void (*)(kk_instance *))free, "'close' has to be set");
    REFUSES(m->tags[0] = "a b", "'tags' 'a b'");
    REFUSES(m->needs[0] = "http", "'needs' 'http'");
}

static void test_manifest__tools_keep_their_rules(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    REFUSES(m->tool.output_schema = "{\"pattern\":1}", "'output_schema' at '");
    REFUSES(m->example.args = "[]", "example 'Do': 'args' is not a JSON object");
    REFUSES(m->example.args = "{", "example 'Do': 'args' is not JSON");
    REFUSES(m->tool.rows = "data", "'rows' 'data' is not a JSON Pointer");
    REFUSES(m->secret_paths[0] = "/a~2", "'secret_paths' '/a~2'");
    REFUSES(m->tool.secret_paths = NULL, "flags say SECRET_OUTPUT");
    REFUSES(m->access[0] = "two words", "'access' 'two words'");
    REFUSES(m->tool.credential = "other", "'credential' 'other' is no slot");
}

// One field more than a credential may have, each well-formed.
static void fill_fields(model *m, const kk_field **fields, kk_field *many, char (*keys)[8])
{
    for (size_t i = 0; i <= KK_MANIFEST_FIELDS_MAX; i++) {
        many[i] = *m->credential.fields[0];
        if (i > 0) {
            snprintf(keys[i], sizeof keys[i], "f%zu", i);
            many[i].key = keys[i];
        }
        fields[i] = &many[i];
    }
    m->credential.fields = fields;
}

static void test_manifest__credentials_keep_their_rules(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    kk_credential second = {.struct_size = 0};
    REFUSES(second = m->credential; second.slot = "other";
            m->credentials[1] = &second, "'credentials' has more than one");
    const kk_field *fields[KK_MANIFEST_FIELDS_MAX + 2] = {NULL};
    kk_field many[KK_MANIFEST_FIELDS_MAX + 1];
    char keys[KK_MANIFEST_FIELDS_MAX + 1][8];
    REFUSES(fill_fields(m, fields, many, keys), "'fields' has more than 32");
    REFUSES(m->field.key = "To", "field 'To': 'key' is not a name");
    REFUSES(m->url.key = "token", "field 'token': 'key' occurs twice");
    REFUSES(m->field.env = "demo token", "'env' 'demo token'");
    REFUSES(m->field.default_value = "x", "'default_value' is set for a secret");
    REFUSES(m->field.flags |= KK_FIELD_URL, "both SECRET and URL");
    REFUSES(m->url.default_value = "http://a.example", "'default_value' 'http://a.example'");
    REFUSES((m->field.length_min = 9, m->field.length_max = 8), "'length_min' is 9");
    REFUSES(m->scheme.name = "a_b", "scheme 'a_b': 'name' is not a name");
    REFUSES(m->schemes[1] = &m->scheme, "scheme 'bearer-token': 'name' occurs twice");
    REFUSES(m->scheme_fields[0] = "gone", "'fields' names 'gone'");
    REFUSES(m->scheme.header_name = "X Y", "'header_name' 'X Y'");
    REFUSES(m->scheme.header_name = "cookie", "'cookie' belongs to the host");
    REFUSES(m->scheme.header_format = "{url}", "'header_format' uses {url}");
    REFUSES(m->scheme.header_format = "{token", "'{' without '}'");
    REFUSES(m->scheme.header_format = "{token} }", "'}' without '{'");
    REFUSES(m->scheme.header_format = "\xC3\xA9", "not ASCII");
    REFUSES(m->scheme.header_format = "a\r\nb", "control byte 0x0D");
    REFUSES(m->origins[0] = "https://a.example/v1", "more than a scheme, a host and a port");
    REFUSES(m->origins[0] = "https://*.example", "*.example");
    REFUSES(m->origins[0] = "a.example", "'origins' 'a.example'");
}

// Changes one place of a fresh model and expects it to be told from the copy.
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        model_init(m);                                                                             \
        change;                                                                                    \
        assert_false(kk_manifest_is_same(copy, &m->manifest));                                     \
    } while (0)

static void test_manifest__a_copy_is_told_from_all_that_says_something_else(void **state)
{
    (void)state;
    model own;
    model *m = &own;
    kk_chunk *memory = NULL;
    kk_manifest *copy = NULL;
    model_init(m);
    assert_ok(kk_manifest_copy("/x.so", &m->manifest, &memory, &copy, NULL), &(kk_error){0});
    assert_true(kk_manifest_is_same(copy, &m->manifest));
    m->tool.entry = (kk_tool_fn)(uintptr_t)&own;
    assert_true(kk_manifest_is_same(copy, &m->manifest));
    DIFFERS(m->manifest.title = "Dem");
    DIFFERS(m->manifest.title = "Demos");
    DIFFERS(m->manifest.title = NULL);
    DIFFERS(m->manifest.homepage = "https://a.example");
    DIFFERS(m->manifest.tag.abi_built++);
    DIFFERS(m->manifest.tag.struct_size = 8);
    DIFFERS(m->manifest.tool_count = 2);
    DIFFERS(m->manifest.tools = NULL);
    DIFFERS(m->manifest.tools = (void *)((char *)m->tools + 1));
    DIFFERS(m->tools[0] = NULL);
    DIFFERS(m->tools[1] = &m->tool);
    DIFFERS(m->tool.struct_size--);
    DIFFERS(m->tool.flags |= KK_TOOL_READ_ONLY);
    DIFFERS(m->tool.timeout_ms = 1);
    DIFFERS(m->tool.input_schema = "{\"type\":\"objecT\"}");
    DIFFERS(m->tool.access = NULL);
    DIFFERS(m->access[0] = NULL);
    DIFFERS(m->access[1] = "more");
    DIFFERS(m->example.args = "{}");
    DIFFERS(m->examples[0] = (void *)((char *)&m->example + 1));
    DIFFERS(m->field.length_max = 7);
    DIFFERS(m->fields[1] = NULL);
    DIFFERS(m->scheme.header_format = "Bearer {token}");
    DIFFERS(m->origins[0] = "https://b.example:8443");
    kk_chunk_free(memory);
}

static void test_manifest__names_follow_one_grammar(void **state)
{
    (void)state;
    static const char longest[] = "a23456789012345678901234567890123456789012345678901234567890123";
    assert_int_equal(sizeof longest - 1, 63);
    assert_true(kk_name_is_valid(longest, false));
    static const char *const bad[] = {"", "_a", "a_", "a__b", "A", "1a", "a b", "a.b", "a-b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(kk_name_is_valid(bad[i], false));
    }
    assert_false(kk_name_is_valid(
        "a234567890123456789012345678901234567890123456789012345678901234", false));
    assert_true(kk_name_is_valid("a-b", true));
    assert_false(kk_name_is_valid("a-_b", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest__a_well_formed_one_passes),
        cmocka_unit_test(test_manifest__texts_are_bounded_and_clean),
        cmocka_unit_test(test_manifest__all_texts_together_are_bounded),
        cmocka_unit_test(test_manifest__structures_and_lists_are_bounded),
        cmocka_unit_test(test_manifest__the_head_keeps_its_rules),
        cmocka_unit_test(test_manifest__tools_keep_their_rules),
        cmocka_unit_test(test_manifest__credentials_keep_their_rules),
        cmocka_unit_test(test_manifest__a_copy_is_told_from_all_that_says_something_else),
        cmocka_unit_test(test_manifest__names_follow_one_grammar),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
