// The manifest of planetscale.so: names, schemas, texts and credential.
#include "json.h"
#include "planetscale.h"

static const char *const names[] = {
    "list_databases", "get_database",       "create_database",  "list_branches",
    "get_branch",     "list_organizations", "get_current_user",
};

static cJSON *parse(const char *text)
{
    cJSON *tree = NULL;
    kk_error err = {0};
    assert_ok(kk_json_parse(kk_str_from(text), "the text", &tree, &err), &err);
    return tree;
}

static void test_planetscale_manifest__has_the_seven_tools(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    const kk_manifest *manifest = host.manifest;
    assert_string_equal(manifest->id, "planetscale");
    assert_string_equal(manifest->title, "PlanetScale");
    assert_string_equal(manifest->category, "data");
    assert_string_equal(manifest->license, "MIT");
    assert_int_equal(manifest->tag.magic, KK_ABI_MAGIC);
    assert_int_equal(manifest->tag.struct_size, sizeof *manifest);
    assert_int_equal(manifest->concurrency, KK_PARALLEL);
    assert_string_equal(manifest->needs[0], KK_SERVICE_HTTP);
    assert_null(manifest->needs[1]);
    assert_int_equal(manifest->tool_count, 7);
    assert_null(manifest->tools[7]);
    for (size_t i = 0; i < 7; i++) {
        const kk_tool *tool = manifest->tools[i];
        assert_string_equal(tool->name, names[i]);
        assert_int_equal(tool->struct_size, sizeof *tool);
        bool writes = strcmp(tool->name, "create_database") == 0;
        assert_int_equal(tool->flags & KK_TOOL_READ_ONLY, writes ? 0 : KK_TOOL_READ_ONLY);
        bool is_list = strncmp(tool->name, "list_", 5) == 0;
        assert_int_equal(tool->rows != NULL, is_list);
        assert_non_null(tool->access[0]);
        assert_string_equal(tool->credential, "planetscale");
    }
    fake_host_close(&host);
}

static void test_planetscale_manifest__takes_the_documented_parameters_in_order(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "organization!,page,limit,q,all,",
        "organization!,database!,",
        "organization!,name!,region,notes,cluster_size,kind,replicas,major_version,",
        "organization!,database!,page,limit,q,all,",
        "organization!,database!,branch!,",
        "page,limit,all,",
        "",
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < 7; i++) {
        cJSON *schema = parse(host.manifest->tools[i]->input_schema);
        kk_buf found = {.limit = KK_TEXT_MAX};
        const cJSON *property = NULL;
        cJSON_ArrayForEach(property, kk_json_get(schema, "properties"))
        {
            bool required = false;
            const cJSON *name = NULL;
            cJSON_ArrayForEach(name, kk_json_get(schema, "required"))
            {
                required = required || strcmp(name->valuestring, property->string) == 0;
            }
            kk_buf_append_format(&found, "%s%s,", property->string, required ? "!" : "");
            assert_non_null(kk_json_text(property, "description"));
            bool is_segment = cJSON_IsTrue(kk_json_get(property, "x-kk-segment"));
            assert_int_equal(is_segment, strcmp(property->string, "organization") == 0 ||
                                             strcmp(property->string, "database") == 0 ||
                                             strcmp(property->string, "branch") == 0);
        }
        assert_string_equal(kk_buf_text(&found), wanted[i]);
        assert_true(cJSON_IsFalse(kk_json_get(schema, "additionalProperties")));
        kk_buf_clean(&found);
        cJSON_Delete(schema);
    }
    fake_host_close(&host);
}

// The properties of one row of a tool's result.
static const cJSON *row_properties(const kk_tool *tool, const cJSON *schema)
{
    const cJSON *properties = kk_json_get(schema, "properties");
    if (tool->rows == NULL) {
        return properties;
    }
    const cJSON *data = kk_json_get(properties, "data");
    return kk_json_get(kk_json_get(data, "items"), "properties");
}

static void test_planetscale_manifest__describes_every_result(void **state)
{
    (void)state;
    static const struct {
        const char *added;
        int properties;
    } wanted[] = {
        {"branches", 43}, {"branches", 43}, {"branches", 43},   {"role", 41},
        {"role", 41},     {"slug", 21},     {"first_name", 15},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < 7; i++) {
        const kk_tool *tool = host.manifest->tools[i];
        cJSON *schema = parse(tool->output_schema);
        const cJSON *row = row_properties(tool, schema);
        assert_non_null(kk_json_get(row, wanted[i].added));
        assert_int_equal(cJSON_GetArraySize(row), wanted[i].properties);
        assert_null(kk_json_get(schema, "additionalProperties"));
        cJSON_Delete(schema);
    }
    fake_host_close(&host);
}

static void test_planetscale_manifest__examples_call_their_tool(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < 7; i++) {
        const kk_tool *tool = host.manifest->tools[i];
        assert_non_null(tool->examples[0]);
        for (size_t e = 0; tool->examples[e] != NULL; e++) {
            char call[96];
            snprintf(call, sizeof call, "app.integrations.planetscale.%s({", tool->name);
            assert_holds(tool->examples[e]->lua, call);
            assert_holds(tool->examples[e]->lua, "print(");
            cJSON_Delete(parse(tool->examples[e]->args));
        }
        assert_true(strchr(tool->summary, '\n') == NULL);
        assert_true(strlen(tool->description) > 0 && strlen(tool->result_notes) > 0);
    }
    fake_host_close(&host);
}

static void test_planetscale_manifest__credential_has_two_schemes(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    const kk_credential *credential = host.manifest->credentials[0];
    assert_null(host.manifest->credentials[1]);
    assert_string_equal(credential->slot, "planetscale");
    assert_string_equal(credential->schemes[0]->name, "service-token");
    assert_string_equal(credential->schemes[0]->header_format,
                        "{service_token_id}:{service_token}");
    assert_string_equal(credential->schemes[1]->name, "bearer");
    assert_string_equal(credential->schemes[1]->header_format, "Bearer {access_token}");
    assert_null(credential->schemes[2]);
    assert_string_equal(credential->origins[0], "https://api.planetscale.com");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(credential->fields[i]->flags, KK_FIELD_SECRET);
        assert_null(credential->fields[i]->default_value);
    }
    const kk_field *url = credential->fields[3];
    assert_string_equal(url->key, "url");
    assert_int_equal(url->flags, KK_FIELD_URL);
    assert_string_equal(url->default_value, "https://api.planetscale.com/v1");
    assert_null(credential->fields[4]);
    fake_host_close(&host);
}

static void test_planetscale_manifest__a_broken_configuration_opens_nothing(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    assert_int_equal(fake_host_try_open(&host, "{"), KK_E_INVALID_ARGS);
    fake_host_close(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planetscale_manifest__has_the_seven_tools),
        cmocka_unit_test(test_planetscale_manifest__takes_the_documented_parameters_in_order),
        cmocka_unit_test(test_planetscale_manifest__describes_every_result),
        cmocka_unit_test(test_planetscale_manifest__examples_call_their_tool),
        cmocka_unit_test(test_planetscale_manifest__credential_has_two_schemes),
        cmocka_unit_test(test_planetscale_manifest__a_broken_configuration_opens_nothing),
    };
    return cmocka_run_group_tests_name("planetscale_manifest", tests, NULL, NULL);
}
