// Rules on what the manifest says, beyond those without which a host refuses it.
#include "check_private.h"
#include "json.h"
#include "registry_private.h"
#include "time_source.h"
#include <ctype.h>

enum { SUMMARY_MAX = 120, DESCRIBE_MAX_MS = 100 };

kk_code kk_check_describe_time(kk_check *self)
{
    kk_time_source *time = kk_time_real();
    uint64_t least_ms = UINT64_MAX;
    kk_code code = KK_OK;
    // The best of three: the machine may be busy with something else.
    for (int i = 0; code == KK_OK && i < 3; i++) {
        kk_plugin *plugin = NULL;
        uint64_t start_ms = kk_time_mono_ms(time);
        code = kk_plugin_load(self->subject->path, NULL, &plugin, self->err);
        uint64_t took_ms = kk_time_mono_ms(time) - start_ms;
        least_ms = took_ms < least_ms ? took_ms : least_ms;
        kk_plugin_free(plugin);
    }
    if (code == KK_OK && least_ms > DESCRIBE_MAX_MS) {
        kk_check_find(self, "it took %llu ms", (unsigned long long)least_ms);
    }
    return code;
}

// Skips a number without a leading zero; NULL where there is none.
static const char *skip_number(const char *text)
{
    const char *at = text;
    while (isdigit((unsigned char)*at)) {
        at++;
    }
    return at == text || (*text == '0' && at - text > 1) ? NULL : at;
}

kk_code kk_check_version_form(kk_check *self)
{
    const char *at = skip_number(self->manifest->version);
    for (int i = 0; i < 2 && at != NULL; i++) {
        at = *at == '.' ? skip_number(at + 1) : NULL;
    }
    if (at == NULL || (*at != '\0' && *at != '-' && *at != '+')) {
        kk_check_find(self, "the version is '%.100s'", self->manifest->version);
    }
    return KK_OK;
}

// Characters of UTF-8, which a manifest's texts are.
static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return count;
}

kk_code kk_check_summaries(kk_check *self)
{
    size_t length = count_characters(self->manifest->summary);
    if (length > SUMMARY_MAX) {
        kk_check_find(self, "the plugin's summary has %zu characters", length);
    }
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        length = count_characters(self->manifest->tools[i]->summary);
        if (length > SUMMARY_MAX) {
            kk_check_find(self, "the summary of tool '%s' has %zu characters",
                          self->manifest->tools[i]->name, length);
        }
    }
    return KK_OK;
}

kk_code kk_check_http_named(kk_check *self)
{
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        if (tool->credential != NULL && !kk_plugin_is_granted(self->plugin, KK_SERVICE_HTTP)) {
            kk_check_find(self, "tool '%s' uses the credential '%s', and '%s' is not named",
                          tool->name, tool->credential, KK_SERVICE_HTTP);
        }
    }
    return KK_OK;
}

static void check_flags(kk_check *self, const char *noun, const char *name, uint32_t flags,
                        uint32_t known)
{
    if ((flags & ~known) != 0) {
        kk_check_find(self, "the flags of %s '%s' have 0x%X", noun, name, flags & ~known);
    }
}

static void check_credential_flags(kk_check *self, const kk_credential *credential)
{
    check_flags(self, "credential", credential->slot, credential->flags, 0);
    for (size_t i = 0; credential->fields[i] != NULL; i++) {
        check_flags(self, "field", credential->fields[i]->key, credential->fields[i]->flags,
                    KK_FIELD_SECRET | KK_FIELD_URL);
    }
    for (size_t i = 0; credential->schemes[i] != NULL; i++) {
        check_flags(self, "scheme", credential->schemes[i]->name, credential->schemes[i]->flags, 0);
    }
}

kk_code kk_check_unknown_flags(kk_check *self)
{
    const uint32_t known = KK_TOOL_READ_ONLY | KK_TOOL_ADDITIVE_ONLY | KK_TOOL_IDEMPOTENT |
                           KK_TOOL_CLOSED_WORLD | KK_TOOL_SECRET_OUTPUT;
    const kk_manifest *manifest = self->manifest;
    for (size_t i = 0; i < manifest->tool_count; i++) {
        const kk_tool *tool = manifest->tools[i];
        check_flags(self, "tool", tool->name, tool->flags, known);
        for (size_t k = 0; tool->examples != NULL && tool->examples[k] != NULL; k++) {
            check_flags(self, "example", tool->examples[k]->title, tool->examples[k]->flags, 0);
        }
    }
    for (size_t i = 0; manifest->credentials != NULL && manifest->credentials[i] != NULL; i++) {
        check_credential_flags(self, manifest->credentials[i]);
    }
    return KK_OK;
}

// ---- Schemas

kk_code kk_check_closed_objects(kk_check *self)
{
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        kk_str raw;
        if (!kk_json_find(kk_str_from(tool->input_schema), "/additionalProperties", &raw)) {
            kk_check_find(self, "the input schema of tool '%s' does not say it", tool->name);
        }
    }
    return KK_OK;
}

kk_code kk_check_descriptions(kk_check *self)
{
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        kk_schema *schema = NULL;
        code = kk_schema_compile(kk_str_from(tool->input_schema), &schema, self->err);
        for (size_t k = 0; k < kk_schema_property_count(schema); k++) {
            const kk_schema_property *property = kk_schema_property_at(schema, k);
            if (property->description[0] == '\0') {
                kk_check_find(self, "argument '%.80s' of tool '%s' has none", property->name,
                              tool->name);
            }
        }
        kk_schema_free(schema);
    }
    return code;
}

// ---- Documentation

kk_code kk_check_has_examples(kk_check *self)
{
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        if (tool->examples == NULL || tool->examples[0] == NULL) {
            kk_check_find(self, "tool '%s' has none", tool->name);
        }
    }
    return KK_OK;
}

static void check_example_args(kk_check *self, const kk_tool *tool, const kk_schema *schema,
                               const kk_example *example)
{
    kk_error problem = {0};
    if (kk_schema_check(schema, kk_str_from(example->args), true, &problem) != KK_OK) {
        kk_check_find(self, "tool '%s', example '%.80s': %s", tool->name, example->title,
                      problem.message);
    }
}

// Against the schema as callers see it, which has the host's argument `fields` too.
kk_code kk_check_example_args(kk_check *self)
{
    kk_entry *entries = NULL;
    kk_code code = kk_registry_publish(self->plugin, &entries, self->err);
    for (size_t i = 0; code == KK_OK && i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        for (size_t k = 0; tool->examples != NULL && tool->examples[k] != NULL; k++) {
            check_example_args(self, tool, kk_entry_schema(&entries[i]), tool->examples[k]);
        }
    }
    kk_registry_unpublish(entries, self->manifest->tool_count);
    return code;
}

kk_code kk_check_example_lua(kk_check *self)
{
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        const kk_tool *tool = self->manifest->tools[i];
        for (size_t k = 0; tool->examples != NULL && tool->examples[k] != NULL; k++) {
            const char *lua = tool->examples[k]->lua;
            const char *place = strstr(lua, "app.integrations.");
            if (place == NULL || strstr(place, self->manifest->id) == NULL ||
                strstr(place, tool->name) == NULL) {
                kk_check_find(self, "tool '%s', example '%.80s' does not call it", tool->name,
                              tool->examples[k]->title);
            }
        }
    }
    return KK_OK;
}

kk_code kk_check_output_schemas(kk_check *self)
{
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        if (self->manifest->tools[i]->output_schema == NULL) {
            kk_check_find(self, "tool '%s' has none", self->manifest->tools[i]->name);
        }
    }
    return KK_OK;
}
