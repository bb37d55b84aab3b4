// The rules that a manifest has to keep, apart from those of its credentials.
#include "fail.h"
#include "json.h"
#include "loader.h"
#include "manifest.h"
#include <stdlib.h>

enum { NAME_BYTES_MAX = 63 };

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool words_are_valid(const char *name, const char *joints)
{
    size_t len = strlen(name);
    bool joined = true; // at the start, and after a joint, a letter or digit has to come
    for (size_t i = 0; i < len; i++) {
        bool letter = is_letter_or_digit(name[i]);
        if (!letter && (joined || strchr(joints, name[i]) == NULL)) {
            return false;
        }
        joined = !letter;
    }
    return len > 0 && len <= NAME_BYTES_MAX && !joined;
}

bool kk_name_is_valid(const char *name, bool hyphens)
{
    return name[0] >= 'a' && name[0] <= 'z' && words_are_valid(name, hyphens ? "_-" : "_");
}

bool kk_manifest_word_is_valid(const char *name, char joint)
{
    const char joints[] = {joint, '\0'};
    return words_are_valid(name, joints);
}

// ---- Tools

static bool pointer_is_valid(const char *pointer)
{
    if (pointer[0] != '\0' && pointer[0] != '/') {
        return false;
    }
    for (size_t i = 0; pointer[i] != '\0'; i++) {
        if (pointer[i] == '~' && pointer[i + 1] != '0' && pointer[i + 1] != '1') {
            return false;
        }
    }
    return true;
}

static kk_code compile(const kk_spot *spot, const char *field, const char *text, kk_schema **out)
{
    kk_error problem = {0};
    kk_code code = kk_schema_compile(kk_str_from(text), out, &problem);
    if (code == KK_OK) {
        return KK_OK;
    }
    if (code == KK_ERR_INTERNAL) {
        return kk_fail(spot->err, code, "%s", problem.message);
    }
    return kk_spot_refuse(spot, field, "at '%s': %s", problem.argument, problem.message);
}

static kk_code compile_schemas(const kk_spot *spot, const kk_tool *tool, size_t index,
                               kk_manifest_schemas *out)
{
    kk_schema *input = NULL;
    kk_code code = compile(spot, "input_schema", tool->input_schema, &input);
    kk_schema_free(input);
    if (code != KK_OK) {
        return code;
    }
    kk_str type;
    bool object = kk_json_find(kk_str_from(tool->input_schema), "/type", &type) &&
                  kk_json_string_is(type, KK_STR("object"));
    if (!object) {
        return kk_spot_refuse(spot, "input_schema", "does not say \"type\": \"object\"");
    }
    return tool->output_schema == NULL
               ? KK_OK
               : compile(spot, "output_schema", tool->output_schema, &out->outputs[index]);
}

static kk_code check_example(const kk_spot *outer, const kk_example *example, size_t index)
{
    kk_spot spot = kk_spot_in(outer, "example", index, example->title);
    kk_error problem = {0};
    if (kk_json_check(kk_str_from(example->args), &problem) != KK_OK) {
        return kk_spot_refuse(&spot, "args", "is not JSON: %s", problem.message);
    }
    size_t blank = strspn(example->args, " \t\n");
    if (example->args[blank] != '{') {
        return kk_spot_refuse(&spot, "args", "is not a JSON object");
    }
    return KK_OK;
}

static kk_code check_paths(const kk_spot *spot, const kk_tool *tool)
{
    if (tool->rows != NULL && !pointer_is_valid(tool->rows)) {
        return kk_spot_refuse(spot, "rows", "'%s' is not a JSON Pointer", tool->rows);
    }
    size_t count = 0;
    for (; tool->secret_paths != NULL && tool->secret_paths[count] != NULL; count++) {
        if (!pointer_is_valid(tool->secret_paths[count])) {
            return kk_spot_refuse(spot, "secret_paths", "'%s' is not a JSON Pointer",
                                  tool->secret_paths[count]);
        }
    }
    if ((tool->flags & KK_TOOL_SECRET_OUTPUT) != 0 && count == 0) {
        return kk_spot_refuse(spot, "secret_paths", "is empty, though flags say SECRET_OUTPUT");
    }
    return KK_OK;
}

static kk_code check_access(const kk_spot *spot, const kk_tool *tool)
{
    for (size_t i = 0; tool->access != NULL && tool->access[i] != NULL; i++) {
        if (strlen(tool->access[i]) > NAME_BYTES_MAX || strchr(tool->access[i], ' ') != NULL) {
            return kk_spot_refuse(spot, "access", "'%.63s' is not the name of a permission",
                                  tool->access[i]);
        }
    }
    return KK_OK;
}

static kk_code check_slot(const kk_spot *spot, const kk_manifest *manifest, const char *slot)
{
    for (size_t i = 0; manifest->credentials != NULL && manifest->credentials[i] != NULL; i++) {
        if (strcmp(manifest->credentials[i]->slot, slot) == 0) {
            return KK_OK;
        }
    }
    return kk_spot_refuse(spot, "credential", "'%s' is no slot of the manifest", slot);
}

static kk_code check_tool(const kk_spot *top, const kk_manifest *manifest, size_t index,
                          kk_manifest_schemas *schemas)
{
    const kk_tool *tool = manifest->tools[index];
    kk_spot spot = kk_spot_in(top, "tool", index, tool->name);
    if (!kk_name_is_valid(tool->name, false)) {
        return kk_spot_refuse(&spot, "name", "is not a name such as 'list_databases'");
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(manifest->tools[i]->name, tool->name) == 0) {
            return kk_spot_refuse(&spot, "name", "occurs twice");
        }
    }
    kk_code code = compile_schemas(&spot, tool, index, schemas);
    for (size_t i = 0; code == KK_OK && tool->examples != NULL && tool->examples[i] != NULL; i++) {
        code = check_example(&spot, tool->examples[i], i);
    }
    if (code == KK_OK) {
        code = check_paths(&spot, tool);
    }
    if (code == KK_OK) {
        code = check_access(&spot, tool);
    }
    if (code == KK_OK && tool->credential != NULL) {
        code = check_slot(&spot, manifest, tool->credential);
    }
    return code;
}

// ---- The head

// "kk.http/1": a dotted name, a slash, a number.
static bool service_is_valid(const char *id)
{
    const char *slash = strchr(id, '/');
    size_t len = slash != NULL ? (size_t)(slash - id) : 0;
    char name[NAME_BYTES_MAX + 1];
    if (len == 0 || len >= sizeof name || slash[1] == '\0') {
        return false;
    }
    memcpy(name, id, len);
    name[len] = '\0';
    return words_are_valid(name, ".-") && strspn(slash + 1, "0123456789") == strlen(slash + 1);
}

static kk_code check_services(const kk_spot *top, const char *field, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (!service_is_valid(list[i])) {
            return kk_spot_refuse(top, field, "'%.80s' is not a service such as 'kk.http/1'",
                                  list[i]);
        }
    }
    return KK_OK;
}

static kk_code check_tags(const kk_spot *top, const kk_manifest *manifest)
{
    for (size_t i = 0; manifest->tags != NULL && manifest->tags[i] != NULL; i++) {
        if (!words_are_valid(manifest->tags[i], "_-")) {
            return kk_spot_refuse(top, "tags", "'%.63s' is not a word such as 'mysql'",
                                  manifest->tags[i]);
        }
    }
    return KK_OK;
}

static kk_code check_head(const kk_spot *top, const kk_manifest *manifest)
{
    if (!kk_name_is_valid(manifest->id, false)) {
        return kk_spot_refuse(top, "id", "'%.63s' is not a name such as 'planetscale'",
                              manifest->id);
    }
    if (!kk_name_is_valid(manifest->category, true)) {
        return kk_spot_refuse(top, "category", "'%.63s' is not a word such as 'data'",
                              manifest->category);
    }
    if (manifest->version[0] < '0' || manifest->version[0] > '9' ||
        strchr(manifest->version, ' ') != NULL) {
        return kk_spot_refuse(top, "version", "'%.63s' is not a version such as '1.0.0'",
                              manifest->version);
    }
    if (manifest->concurrency > KK_PARALLEL) {
        return kk_spot_refuse(top, "concurrency", "is %u; this host knows 0 to %u",
                              manifest->concurrency, KK_PARALLEL);
    }
    if ((manifest->open == NULL) != (manifest->close == NULL)) {
        return kk_spot_refuse(top, "close", "has to be set exactly when 'open' is");
    }
    kk_code code = check_tags(top, manifest);
    if (code == KK_OK) {
        code = check_services(top, "needs", manifest->needs);
    }
    return code != KK_OK ? code : check_services(top, "wants", manifest->wants);
}

kk_code kk_manifest_check(const char *path, const kk_manifest *manifest, kk_manifest_schemas *out,
                          kk_error *err)
{
    kk_spot top = {.path = path, .err = err};
    kk_manifest_schemas schemas = {.count = manifest->tool_count};
    schemas.outputs = calloc(schemas.count, sizeof(kk_schema *));
    kk_code code = KK_OK;
    if (schemas.outputs == NULL) {
        code = kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", path);
    }
    if (code == KK_OK) {
        code = check_head(&top, manifest);
    }
    if (code == KK_OK) {
        code = kk_manifest_check_credentials(&top, manifest);
    }
    for (size_t i = 0; i < manifest->tool_count && code == KK_OK; i++) {
        code = check_tool(&top, manifest, i, &schemas);
    }
    if (code != KK_OK) {
        kk_manifest_schemas_clean(&schemas);
        return code;
    }
    *out = schemas;
    return KK_OK;
}

void kk_manifest_schemas_clean(kk_manifest_schemas *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->outputs != NULL) {
            kk_schema_free(self->outputs[i]);
        }
    }
    free(self->outputs);
    *self = (kk_manifest_schemas){0};
}
