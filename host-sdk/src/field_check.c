// Whether a value may be stored as a field of an account, and a name given to an account.
#include "field_check.h"
#include "fail.h"
#include "near.h"
#include "secret.h"
#include "url.h"
#include <stdio.h>
#include <string.h>

enum { FIELDS_SHOWN_MAX = 64 };

static const kk_field *find_field(const kk_plugin *plugin, const char *key)
{
    const kk_credential *const *credential = kk_plugin_manifest(plugin)->credentials;
    for (; credential != NULL && *credential != NULL; credential++) {
        for (const kk_field *const *field = (*credential)->fields; *field != NULL; field++) {
            if (strcmp((*field)->key, key) == 0) {
                return *field;
            }
        }
    }
    return NULL;
}

static size_t list_fields(const kk_plugin *plugin, const char **names, size_t size)
{
    size_t count = 0;
    const kk_credential *const *credential = kk_plugin_manifest(plugin)->credentials;
    for (; credential != NULL && *credential != NULL; credential++) {
        for (const kk_field *const *field = (*credential)->fields; *field != NULL; field++) {
            if (count < size) {
                names[count++] = (*field)->key;
            }
        }
    }
    return count;
}

// Whether [text] begins as the value of some field does.
static bool begins_like_value(const kk_plugin *plugin, const char *text)
{
    const char *names[FIELDS_SHOWN_MAX];
    size_t count = list_fields(plugin, names, FIELDS_SHOWN_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *prefix = find_field(plugin, names[i])->prefix;
        if (prefix != NULL && kk_str_starts_with(kk_str_from(text), prefix)) {
            return true;
        }
    }
    return false;
}

static kk_code fail_unknown(const kk_plugin *plugin, const char *key, kk_error *err)
{
    const char *names[FIELDS_SHOWN_MAX];
    size_t count = list_fields(plugin, names, FIELDS_SHOWN_MAX);
    if (!kk_name_is_valid(key, false) || begins_like_value(plugin, key)) {
        // Name and value may be swapped: what stands here is not repeated.
        kk_fail(err, KK_ERR_INVALID_ARGS, "plugin '%s' has no credential field of that name",
                kk_plugin_manifest(plugin)->id);
    } else {
        kk_fail(err, KK_ERR_INVALID_ARGS, "plugin '%s' has no credential field '%.64s'",
                kk_plugin_manifest(plugin)->id, key);
    }
    if (count == 0) {
        kk_fail_hint(err, "it needs no credential");
        return KK_ERR_INVALID_ARGS;
    }
    kk_fail_near(err, key, names, count);
    kk_buf all = {.limit = sizeof err->hint};
    for (size_t i = 0; i < count; i++) {
        kk_buf_append_format(&all, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    kk_fail_hint(err, "its fields are: %s", kk_buf_text(&all));
    kk_buf_clean(&all);
    return KK_ERR_INVALID_ARGS;
}

// How much of the field's own prefix the value begins with: all or nothing.
static size_t prefix_of(const kk_field *field, kk_str value)
{
    bool has = field->prefix != NULL && kk_str_starts_with(value, field->prefix);
    return has ? strlen(field->prefix) : 0;
}

// The field whose value this rather is: it has that one's prefix, and none of the field's own that
// is as long.
static const kk_field *find_owner(const kk_plugin *plugin, const kk_field *field, kk_str value)
{
    const char *names[FIELDS_SHOWN_MAX];
    size_t count = list_fields(plugin, names, FIELDS_SHOWN_MAX);
    size_t longest = prefix_of(field, value);
    const kk_field *owner = NULL;
    for (size_t i = 0; i < count; i++) {
        const kk_field *other = find_field(plugin, names[i]);
        if (prefix_of(other, value) > longest) {
            longest = prefix_of(other, value);
            owner = other;
        }
    }
    return owner;
}

static kk_code fail_length(const kk_field *field, size_t len, kk_error *err)
{
    unsigned least = (unsigned)field->length_min;
    if (field->length_max == 0) {
        return kk_fail(err, KK_ERR_INVALID_ARGS,
                       "the value of '%s' is %zu bytes long; it has at least %u", field->key, len,
                       least);
    }
    return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s' is %zu bytes long; it has %u to %u",
                   field->key, len, least, (unsigned)field->length_max);
}

static kk_code check_form(const kk_field *field, kk_str value, kk_error *err)
{
    if (value.len == 0) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s' is empty", field->key);
    }
    if (field->prefix != NULL && !kk_str_starts_with(value, field->prefix)) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s' does not begin with '%s'",
                       field->key, field->prefix);
    }
    if (value.len < field->length_min || (field->length_max > 0 && value.len > field->length_max)) {
        return fail_length(field, value.len, err);
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte < 0x20 || byte > 0x7E) {
            return kk_fail(err, KK_ERR_INVALID_ARGS,
                           "the value of '%s' has a byte at %zu that no header may hold",
                           field->key, i);
        }
    }
    return KK_OK;
}

static kk_code check_url(const kk_field *field, kk_str value, kk_error *err)
{
    // A password may stand in it: its one copy is wiped.
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_str(&text, value);
    kk_url url;
    kk_error why = {0};
    kk_code code = kk_buf_check(&text, "the URL", &why);
    if (code == KK_OK) {
        code = kk_url_parse(kk_buf_text(&text), &url, &why);
    }
    if (code == KK_OK) {
        code = kk_url_check_secure(&url, &why);
    }
    kk_wipe(text.ptr, text.capacity);
    kk_buf_clean(&text);
    return code == KK_OK ? KK_OK
                         : kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s': %s", field->key,
                                   why.message);
}

kk_code kk_field_check(const kk_plugin *plugin, const char *key, kk_str value, kk_error *err)
{
    const kk_field *field = find_field(plugin, key);
    if (field == NULL) {
        return fail_unknown(plugin, key, err);
    }
    kk_code code;
    const kk_field *owner = find_owner(plugin, field, value);
    if (owner != NULL) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS,
                       "the value given for '%s' looks like a value of '%s'", key, owner->key);
        kk_fail_hint(err, "store it as '%s'", owner->key);
        return code;
    }
    code = check_form(field, value, err);
    if (code == KK_OK && (field->flags & KK_FIELD_URL) != 0) {
        code = check_url(field, value, err);
    }
    if (code != KK_OK && field->hint != NULL) {
        kk_fail_hint(err, "%s", field->hint);
    }
    return code;
}

// Whether two URLs have one origin.  Their copies are wiped, since passwords may stand in them.
static bool is_one_origin(kk_str a, kk_str b)
{
    kk_buf texts[2] = {{.limit = KK_TEXT_MAX}, {.limit = KK_TEXT_MAX}};
    kk_str given[2] = {a, b};
    kk_url urls[2];
    bool parsed = true;
    for (size_t i = 0; i < 2; i++) {
        kk_buf_append_str(&texts[i], given[i]);
        parsed = parsed && kk_url_parse(kk_buf_text(&texts[i]), &urls[i], NULL) == KK_OK;
    }
    bool same = parsed && kk_url_same_origin(&urls[0], &urls[1]);
    for (size_t i = 0; i < 2; i++) {
        kk_wipe(texts[i].ptr, texts[i].capacity);
        kk_buf_clean(&texts[i]);
    }
    return same;
}

bool kk_field_is_known_origin(const kk_plugin *plugin, const char *key, kk_str url, kk_str current)
{
    const kk_field *field = find_field(plugin, key);
    if (field == NULL || (field->flags & KK_FIELD_URL) == 0 || is_one_origin(url, current)) {
        return true;
    }
    const kk_credential *const *credential = kk_plugin_manifest(plugin)->credentials;
    for (; credential != NULL && *credential != NULL; credential++) {
        const char *const *origin = (*credential)->origins;
        for (; origin != NULL && *origin != NULL; origin++) {
            if (is_one_origin(url, kk_str_from(*origin))) {
                return true;
            }
        }
    }
    return false;
}

// Lua writes a '-' of an account as '_', which a function's name must not be as well.
static bool is_in_lua(const char *account, const char *name)
{
    for (; *account != '\0' && *name != '\0'; account++, name++) {
        if ((*account == '-' ? '_' : *account) != *name) {
            return false;
        }
    }
    return *account == *name;
}

// Whether a function of the plugin goes by that name, or by it as its slug.
static bool is_function(const kk_manifest *manifest, const char *account)
{
    for (size_t i = 0; i < manifest->tool_count; i++) {
        char slug[160];
        const char *name = manifest->tools[i]->name;
        snprintf(slug, sizeof slug, "%s_%s", manifest->id, name);
        if (is_in_lua(account, name) || is_in_lua(account, slug)) {
            return true;
        }
    }
    return false;
}

kk_code kk_account_name_check(const kk_plugin *plugin, const char *account, kk_error *err)
{
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    if (!kk_name_is_valid(account, true)) {
        kk_fail(err, KK_ERR_INVALID_ARGS, "'%.64s' is not a name for an account", account);
        kk_fail_hint(
            err, "a name is lower-case letters and digits, joined by '-' or '_', at most 63 bytes");
        return KK_ERR_INVALID_ARGS;
    }
    bool reserved = strcmp(account, "default") == 0 || strcmp(account, "environment") == 0;
    if (reserved || is_function(manifest, account)) {
        kk_fail(err, KK_ERR_INVALID_ARGS,
                "'%s' cannot be an account of '%s': it means something else", account,
                manifest->id);
        kk_fail_hint(err, "choose another name, for example 'main'");
        return KK_ERR_INVALID_ARGS;
    }
    return KK_OK;
}
