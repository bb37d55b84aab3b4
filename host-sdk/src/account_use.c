// What an account is used for: its header, its origins, and keeping its secrets out of sight.
#include "account_private.h"
#include "fail.h"
#include "json.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REDACTED_LENGTH_MIN = 6, HEADER_VALUE_MAX = 8192 };

const char *kk_account_name(const kk_account *self)
{
    return self->name;
}

const kk_scheme *kk_account_scheme(const kk_account *self)
{
    if (self->credential == NULL) {
        return NULL;
    }
    for (const kk_scheme *const *scheme = self->credential->schemes; *scheme != NULL; scheme++) {
        if (kk_account_completes(self, *scheme)) {
            return *scheme;
        }
    }
    return NULL;
}

static bool is_secret(const kk_account *self, size_t index)
{
    return (self->credential->fields[index]->flags & KK_FIELD_SECRET) != 0;
}

static size_t find_field(const kk_account *self, kk_str key)
{
    size_t i = 0;
    while (i < self->field_count && !kk_str_is(key, self->credential->fields[i]->key)) {
        i++;
    }
    return i;
}

// ---- Complete or not

// What the scheme nearest to completion lacks.
static void list_missing(const kk_account *self, char *out, size_t out_size)
{
    size_t fewest = KK_MANIFEST_FIELDS_MAX + 1;
    for (const kk_scheme *const *scheme = self->credential->schemes; *scheme != NULL; scheme++) {
        char list[256] = "";
        size_t missing = 0, present = 0;
        for (const char *const *field = (*scheme)->fields; *field != NULL; field++) {
            size_t at = find_field(self, kk_str_from(*field));
            if (at < self->field_count && self->values[at].value.len > 0) {
                // What every account has by default brings no scheme nearer.
                present += self->credential->fields[at]->default_value == NULL;
                continue;
            }
            size_t len = strlen(list);
            snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "", *field);
            missing++;
        }
        bool nearer = present > 0 ? missing < fewest : fewest > KK_MANIFEST_FIELDS_MAX;
        if (nearer) {
            fewest = present > 0 ? missing : KK_MANIFEST_FIELDS_MAX;
            snprintf(out, out_size, "%s", list);
        }
    }
}

kk_code kk_account_check_complete(const kk_account *self, kk_error *err)
{
    if (self->credential == NULL || kk_account_scheme(self) != NULL) {
        return KK_OK;
    }
    char missing[256] = "";
    list_missing(self, missing, sizeof missing);
    const char *id = kk_plugin_manifest(self->plugin)->id;
    kk_fail(err, KK_ERR_CREDENTIAL_INCOMPLETE, "account '%s' of '%s' lacks %s", self->name, id,
            missing);
    kk_fail_hint(err, "store it: kk keyring set %s/%s/FIELD", id, self->name);
    return KK_ERR_CREDENTIAL_INCOMPLETE;
}

// ---- What the plugin is told

void kk_account_write_config(const kk_account *self, kk_buf *out)
{
    const kk_scheme *scheme = kk_account_scheme(self);
    kk_buf_append_text(out, "{\"account\":");
    kk_json_write_string(out, kk_str_from(self->name));
    kk_buf_append_text(out, ",\"scheme\":");
    kk_json_write_string(out, kk_str_from(scheme != NULL ? scheme->name : ""));
    kk_buf_append_text(out, ",\"fields\":{");
    bool first = true;
    for (size_t i = 0; i < self->field_count; i++) {
        if (is_secret(self, i) || self->values[i].value.len == 0) {
            continue;
        }
        kk_buf_append_text(out, first ? "" : ",");
        kk_json_write_string(out, kk_str_from(self->credential->fields[i]->key));
        kk_buf_append_byte(out, ':');
        kk_json_write_string(out, kk_secret_view(&self->values[i].value));
        first = false;
    }
    kk_buf_append_text(out, "}}");
}

// ---- The header

// Says where a value that will not do has to be put right.
static void hint_source(const kk_account *self, size_t index, kk_error *err)
{
    const char *source = self->values[index].source;
    static const char variable[] = "environment ";
    if (strncmp(source, variable, sizeof variable - 1) == 0) {
        kk_fail_hint(err, "set %s again", source + sizeof variable - 1);
        return;
    }
    kk_fail_hint(err, "store it again: kk keyring set %s/%s/%s",
                 kk_plugin_manifest(self->plugin)->id, self->name,
                 self->credential->fields[index]->key);
}

static kk_code check_header_bytes(const kk_account *self, size_t index, kk_error *err)
{
    kk_str value = kk_secret_view(&self->values[index].value);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte < 0x20 || byte > 0x7E) {
            kk_fail(err, KK_ERR_INVALID_ARGS,
                    "field '%s' of account '%s' has a byte at %zu that no header may hold",
                    self->credential->fields[index]->key, self->name, i);
            hint_source(self, index, err);
            return KK_ERR_INVALID_ARGS;
        }
    }
    return KK_OK;
}

// Appends the value of the field whose name begins at [key]; *end is the closing brace.
static kk_code append_field(const kk_account *self, const char *key, const char **end,
                            kk_secret *out, kk_error *err)
{
    *end = strchr(key, '}');
    size_t at = self->field_count;
    if (*end == NULL) {
        *end = key;
    } else {
        at = find_field(self, (kk_str){key, (size_t)(*end - key)});
    }
    if (at == self->field_count) {
        return kk_fail(err, KK_ERR_INTERNAL, "a header format names a field that does not exist");
    }
    kk_code code = check_header_bytes(self, at, err);
    if (code != KK_OK) {
        return code;
    }
    const kk_secret *value = &self->values[at].value;
    if (value->len > out->capacity - out->len) {
        kk_fail(err, KK_ERR_INVALID_ARGS,
                "with field '%s' of account '%s' the header is longer than %d bytes",
                self->credential->fields[at]->key, self->name, HEADER_VALUE_MAX);
        hint_source(self, at, err);
        return KK_ERR_INVALID_ARGS;
    }
    return kk_secret_append(out, value->ptr, value->len, err);
}

kk_code kk_account_render(const kk_account *self, kk_secret *out, kk_error *err)
{
    const kk_scheme *scheme = kk_account_scheme(self);
    if (scheme == NULL) {
        return kk_account_check_complete(self, err);
    }
    kk_secret value = {0};
    kk_code code = kk_secret_make(&value, HEADER_VALUE_MAX, err);
    for (const char *at = scheme->header_format; code == KK_OK && *at != '\0'; at++) {
        if (*at == '{' && at[1] != '{') {
            code = append_field(self, at + 1, &at, &value, err);
            continue;
        }
        at += at[0] == at[1] && (*at == '{' || *at == '}');
        code = kk_secret_append(&value, at, 1, err);
    }
    if (code != KK_OK) {
        kk_secret_clean(&value);
        return code;
    }
    *out = value;
    return KK_OK;
}

// ---- Origins

static bool has_origin(const kk_url *url, const char *origin)
{
    kk_url other;
    return kk_url_parse(origin, &other, NULL) == KK_OK && kk_url_same_origin(url, &other);
}

bool kk_account_declares(const kk_account *self, const char *url)
{
    kk_url target;
    if (self->credential == NULL || kk_url_parse(url, &target, NULL) != KK_OK) {
        return false;
    }
    for (const char *const *origin = self->credential->origins; origin != NULL && *origin != NULL;
         origin++) {
        if (has_origin(&target, *origin)) {
            return true;
        }
    }
    return false;
}

bool kk_account_allows(const kk_account *self, const char *url)
{
    kk_url target;
    if (kk_account_declares(self, url)) {
        return true;
    }
    if (self->credential == NULL || kk_url_parse(url, &target, NULL) != KK_OK) {
        return false;
    }
    for (size_t i = 0; i < self->field_count; i++) {
        const kk_secret *value = &self->values[i].value;
        if ((self->credential->fields[i]->flags & KK_FIELD_URL) != 0 && value->len > 0 &&
            has_origin(&target, (const char *)value->ptr)) {
            return true;
        }
    }
    return false;
}

// ---- Out of sight

// The longest secret that is not done, or the field count.
static size_t next_longest(const kk_account *self, const bool *done)
{
    size_t best = self->field_count;
    for (size_t i = 0; i < self->field_count; i++) {
        size_t len = self->values[i].value.len;
        if (!done[i] && is_secret(self, i) && len >= REDACTED_LENGTH_MIN &&
            (best == self->field_count || len > self->values[best].value.len)) {
            best = i;
        }
    }
    return best;
}

void kk_account_redact(const kk_account *self, char *bytes, size_t len)
{
    // The longest first: a secret that begins another would leave that one's tail.
    kk_str values[KK_MANIFEST_FIELDS_MAX];
    size_t count = 0;
    bool done[KK_MANIFEST_FIELDS_MAX] = {false};
    for (size_t at; len > 0 && (at = next_longest(self, done)) < self->field_count;) {
        values[count++] = kk_secret_view(&self->values[at].value);
        done[at] = true;
    }
    kk_account_hide(bytes, len, values, count);
}

// ---- For people

typedef struct described {
    kk_account_info info; // first: what the caller holds
    kk_field_info fields[KK_MANIFEST_FIELDS_MAX];
    char name[sizeof((kk_account *)NULL)->name];
    char rule[sizeof((kk_account *)NULL)->rule];
    char sources[KK_MANIFEST_FIELDS_MAX][sizeof((kk_account_value *)NULL)->source];
} described;

kk_code kk_account_describe(const kk_account *self, kk_account_info **out, kk_error *err)
{
    described *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for an account");
    }
    const kk_scheme *scheme = kk_account_scheme(self);
    memcpy(copy->name, self->name, sizeof copy->name);
    memcpy(copy->rule, self->rule, sizeof copy->rule);
    for (size_t i = 0; i < self->field_count; i++) {
        const kk_field *field = self->credential->fields[i];
        bool present = self->values[i].value.len > 0;
        memcpy(copy->sources[i], self->values[i].source, sizeof copy->sources[i]);
        copy->fields[i] = (kk_field_info){
            .key = field->key,
            .label = field->label,
            .hint = field->hint != NULL ? field->hint : "",
            .source = present ? copy->sources[i] : "",
            .secret = is_secret(self, i),
        };
    }
    copy->info = (kk_account_info){
        .plugin = kk_plugin_manifest(self->plugin)->id,
        .account = copy->name,
        .rule = copy->rule,
        .scheme = scheme != NULL ? scheme->name : "",
        .fields = copy->fields,
        .field_count = self->field_count,
    };
    *out = &copy->info;
    return KK_OK;
}

void kk_account_info_free(kk_account_info *info)
{
    free(info);
}

static bool is_of_scheme(const kk_scheme *scheme, const char *key)
{
    for (const char *const *field = scheme->fields; *field != NULL; field++) {
        if (strcmp(*field, key) == 0) {
            return true;
        }
    }
    return false;
}

kk_code kk_account_lend(const kk_account *self, kk_lend_fn use, void *context, kk_error *err)
{
    kk_account_info *info = NULL;
    kk_lent_field lent[KK_MANIFEST_FIELDS_MAX];
    size_t count = 0;
    const kk_scheme *scheme = kk_account_scheme(self);
    kk_code code = kk_account_check_complete(self, err);
    if (code == KK_OK) {
        code = kk_account_describe(self, &info, err);
    }
    for (size_t i = 0; code == KK_OK && i < self->field_count; i++) {
        const kk_field *field = self->credential->fields[i];
        const kk_account_value *held = &self->values[i];
        bool set = held->value.len > 0 && strcmp(held->source, "default") != 0;
        if (set && (!is_secret(self, i) || is_of_scheme(scheme, field->key))) {
            lent[count++] = (kk_lent_field){.key = field->key,
                                            .env = field->env != NULL ? field->env : "",
                                            .value = (const char *)held->value.ptr,
                                            .value_len = held->value.len,
                                            .secret = is_secret(self, i)};
        }
    }
    if (code == KK_OK) {
        code = use(context, info, lent, count, err);
    }
    kk_account_info_free(info);
    return code;
}
