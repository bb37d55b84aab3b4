// Changes to a keyring in memory.
#include "keyring_edit.h"
#include "fail.h"
#include "near.h"
#include <stdlib.h>

enum { NEAR_COMPARED_MAX = 128 };

// Where the record of that name is, or where it would go.
static size_t position(const kk_kring *self, const kk_kring_name *name, bool *found)
{
    size_t low = 0;
    size_t high = self->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kk_kring_name_compare(&self->records[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = low < self->record_count && kk_kring_name_compare(&self->records[low].name, name) == 0;
    return low;
}

const kk_kring_record *kk_kring_find(const kk_kring *self, const kk_kring_name *name)
{
    bool found = false;
    size_t at = position(self, name, &found);
    return found ? &self->records[at] : NULL;
}

const kk_kring_record *kk_kring_default(const kk_kring *self, kk_str plugin)
{
    for (size_t i = 0; i < self->record_count; i++) {
        const kk_kring_name *name = &self->records[i].name;
        if (name->kind == KK_KRING_DEFAULT && kk_str_equals(name->plugin, plugin)) {
            return &self->records[i];
        }
    }
    return NULL;
}

// ---- Near names

// Which records to take names from, and which part of their names.
typedef struct filter {
    const char *plugin;  // or NULL: name the plugins
    const char *account; // or NULL: name the accounts
} filter;

static kk_str part_of(const kk_kring_name *name, filter wanted)
{
    if (wanted.plugin == NULL) {
        return name->plugin;
    }
    return wanted.account == NULL ? name->account : name->field;
}

static bool passes(const kk_kring_name *name, filter wanted)
{
    return name->kind == KK_KRING_VALUE &&
           (wanted.plugin == NULL || kk_str_is(name->plugin, wanted.plugin)) &&
           (wanted.account == NULL || kk_str_is(name->account, wanted.account));
}

static size_t count_passing(const kk_kring *self, filter wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < self->record_count; i++) {
        count += passes(&self->records[i].name, wanted);
    }
    return count;
}

// Adds the hint that names what was perhaps meant.  Equal names are neighbours, since records are
// sorted.
static void hint_near(const kk_kring *self, filter wanted, const char *name, kk_error *err)
{
    char texts[NEAR_COMPARED_MAX][KK_KRING_NAME_MAX + 1];
    const char *names[NEAR_COMPARED_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < self->record_count && count < NEAR_COMPARED_MAX; i++) {
        kk_str part = part_of(&self->records[i].name, wanted);
        if (!passes(&self->records[i].name, wanted) ||
            (count > 0 && kk_str_is(part, names[count - 1]))) {
            continue;
        }
        memcpy(texts[count], part.ptr, part.len);
        texts[count][part.len] = '\0';
        names[count] = texts[count];
        count++;
    }
    kk_fail_near(err, name, names, count);
    if (count > 0) {
        kk_fail_hint(err, "'kk keyring list' shows what is stored");
    } else {
        kk_fail_hint(err, "store one with 'kk keyring set'");
    }
}

kk_code kk_kring_require(const kk_kring *self, const char *plugin, const char *account,
                         const char *field, kk_error *err)
{
    kk_code code = KK_ERR_ACCOUNT_UNKNOWN;
    if (count_passing(self, (filter){plugin, NULL}) == 0) {
        code = kk_fail(err, code, "no account of '%s' is stored", plugin);
        hint_near(self, (filter){NULL, NULL}, plugin, err);
        return code;
    }
    if (count_passing(self, (filter){plugin, account}) == 0) {
        code = kk_fail(err, code, "'%s' has no account '%s'", plugin, account);
        hint_near(self, (filter){plugin, NULL}, account, err);
        return code;
    }
    kk_kring_name name = {KK_KRING_VALUE, kk_str_from(plugin), kk_str_from(account),
                          kk_str_from(field)};
    if (field == NULL || kk_kring_find(self, &name) != NULL) {
        return KK_OK;
    }
    code = kk_fail(err, code, "the account '%s' of '%s' has no field '%s'", account, plugin, field);
    hint_near(self, (filter){plugin, account}, field, err);
    return code;
}

// ---- Checks

static kk_code check_name(const char *what, const char *name, bool dash, const char *reserved,
                          kk_error *err)
{
    if (name == NULL || !kk_kring_name_is_valid(kk_str_from(name), dash)) {
        kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS, "'%.80s' is not a name for %s",
                               name != NULL ? name : "", what);
        kk_fail_hint(err,
                     "at most %d lower-case letters and digits, beginning with a letter, in parts "
                     "joined by '_'%s",
                     KK_KRING_NAME_MAX, dash ? " or '-'" : "");
        return code;
    }
    if (reserved != NULL && strcmp(name, reserved) == 0) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "'%s' is reserved and cannot name %s", name, what);
    }
    return KK_OK;
}

static kk_code check_value(const kk_keyring_value *value, kk_error *err)
{
    kk_code code;
    // Not repeated where it is no name, since a value may have come into its place.
    if (value->field == NULL || !kk_kring_name_is_valid(kk_str_from(value->field), false)) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "what stands for the name of a field is none");
        kk_fail_hint(err, "a field is lower-case letters and digits in parts joined by '_'");
        return code;
    }
    code = check_name("a field", value->field, false, "file", err);
    if (code != KK_OK) {
        return code;
    }
    if (value->value == NULL || value->value_len == 0) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s' is empty", value->field);
    }
    if (value->value_len > KK_KEYRING_VALUE_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%s' is longer than %d bytes",
                       value->field, KK_KEYRING_VALUE_MAX);
    }
    return KK_OK;
}

kk_code kk_kring_check_values(const char *plugin, const char *account,
                              const kk_keyring_value *values, size_t count, kk_error *err)
{
    kk_code code = check_name("a plugin", plugin, false, NULL, err);
    if (code == KK_OK) {
        code = check_name("an account", account, true, "default", err);
    }
    if (code == KK_OK && (count == 0 || count > KK_KRING_RECORDS_MAX)) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "%zu values cannot be stored at once", count);
    }
    for (size_t i = 0; i < count && code == KK_OK; i++) {
        code = check_value(&values[i], err);
        for (size_t j = 0; j < i && code == KK_OK; j++) {
            if (strcmp(values[i].field, values[j].field) == 0) {
                code = kk_fail(err, KK_ERR_INVALID_ARGS, "the field '%s' is given twice",
                               values[i].field);
            }
        }
    }
    return code;
}

static char in_a_variable(char c)
{
    return c == '-' ? '_' : c;
}

static bool is_one_variable(kk_str a, kk_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (in_a_variable(a.ptr[i]) != in_a_variable(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

// Environment variables and Lua write '-' as '_', so two accounts must not become one there.
kk_code kk_kring_check_collision(const kk_kring *self, kk_str plugin, kk_str account, kk_error *err)
{
    for (size_t i = 0; i < self->record_count; i++) {
        const kk_kring_name *name = &self->records[i].name;
        if (!kk_str_equals(name->plugin, plugin) || kk_str_equals(name->account, account) ||
            !is_one_variable(name->account, account)) {
            continue;
        }
        kk_code code =
            kk_fail(err, KK_ERR_INVALID_ARGS,
                    "the account '%.*s' of '%.*s' would differ from '%.*s' only by '-' and '_'",
                    KK_STR_ARG(account), KK_STR_ARG(plugin), KK_STR_ARG(name->account));
        kk_fail_hint(err, "choose a name that differs in a letter");
        return code;
    }
    return KK_OK;
}

// ---- Changes

static kk_code make_room(kk_kring *self, kk_error *err)
{
    if (self->record_count < self->record_capacity) {
        return KK_OK;
    }
    size_t capacity = self->record_capacity + self->record_capacity / 2 + 8;
    kk_kring_record *grown = realloc(self->records, capacity * sizeof *grown);
    if (grown == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    self->records = grown;
    self->record_capacity = capacity;
    return KK_OK;
}

// Puts [taken] in its place, instead of the record of its name if there is one.
static kk_code take_record(kk_kring *self, kk_kring_record *taken, kk_error *err)
{
    bool found = false;
    size_t at = position(self, &taken->name, &found);
    if (found) {
        free(self->records[at].owned);
        self->records[at] = *taken;
        return KK_OK;
    }
    kk_code code = make_room(self, err);
    if (code != KK_OK) {
        free(taken->owned);
        return code;
    }
    memmove(&self->records[at + 1], &self->records[at],
            (self->record_count - at) * sizeof *self->records);
    self->records[at] = *taken;
    self->record_count++;
    return KK_OK;
}

static void remove_at(kk_kring *self, size_t at)
{
    free(self->records[at].owned);
    self->record_count--;
    memmove(&self->records[at], &self->records[at + 1],
            (self->record_count - at) * sizeof *self->records);
}

static void unpoint(kk_kring *self, const char *plugin)
{
    const kk_kring_record *pointer = kk_kring_default(self, kk_str_from(plugin));
    if (pointer != NULL) {
        remove_at(self, (size_t)(pointer - self->records));
    }
}

kk_code kk_kring_put(kk_kring *self, const kk_secret *keys, const kk_kring_name *name, kk_str value,
                     uint64_t now, kk_error *err)
{
    kk_kring_record record = {0};
    kk_code code = kk_kring_seal(self, keys, name, value, now, &record, err);
    return code == KK_OK ? take_record(self, &record, err) : code;
}

kk_code kk_kring_set(kk_kring *self, const kk_secret *keys, const char *plugin, const char *account,
                     const kk_keyring_value *values, size_t count, uint64_t now, kk_error *err)
{
    kk_code code = kk_kring_check_collision(self, kk_str_from(plugin), kk_str_from(account), err);
    if (code != KK_OK) {
        return code;
    }
    bool is_first = count_passing(self, (filter){plugin, NULL}) == 0;
    for (size_t i = 0; i < count && code == KK_OK; i++) {
        kk_kring_name name = {KK_KRING_VALUE, kk_str_from(plugin), kk_str_from(account),
                              kk_str_from(values[i].field)};
        kk_str value = {values[i].value, values[i].value_len};
        code = kk_kring_put(self, keys, &name, value, now, err);
    }
    bool changed = false;
    if (code == KK_OK && is_first) {
        code = kk_kring_point(self, plugin, account, now, &changed, err);
    }
    return code;
}

kk_code kk_kring_remove(kk_kring *self, const char *plugin, const char *account, const char *field,
                        kk_error *err)
{
    kk_code code = kk_kring_require(self, plugin, account, field, err);
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = self->record_count; i > 0; i--) {
        const kk_kring_name *name = &self->records[i - 1].name;
        if (passes(name, (filter){plugin, account}) &&
            (field == NULL || kk_str_is(name->field, field))) {
            remove_at(self, i - 1);
        }
    }
    const kk_kring_record *pointer = kk_kring_default(self, kk_str_from(plugin));
    if (pointer != NULL && kk_str_is(pointer->name.account, account) &&
        count_passing(self, (filter){plugin, account}) == 0) {
        unpoint(self, plugin);
    }
    return KK_OK;
}

kk_code kk_kring_point(kk_kring *self, const char *plugin, const char *account, uint64_t now,
                       bool *changed, kk_error *err)
{
    const kk_kring_record *pointer = kk_kring_default(self, kk_str_from(plugin));
    if (account == NULL) {
        *changed = pointer != NULL;
        unpoint(self, plugin);
        return KK_OK;
    }
    kk_code code = kk_kring_require(self, plugin, account, NULL, err);
    if (code != KK_OK) {
        return code;
    }
    *changed = pointer == NULL || !kk_str_is(pointer->name.account, account);
    if (!*changed) {
        return KK_OK;
    }
    unpoint(self, plugin);
    kk_kring_name name = {
        .kind = KK_KRING_DEFAULT, .plugin = kk_str_from(plugin), .account = kk_str_from(account)};
    return kk_kring_put(self, NULL, &name, (kk_str){0}, now, err);
}
