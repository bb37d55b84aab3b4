// Loading a tape: the file, log, log._tape and its accounts.
#include "fail.h"
#include "tape_file.h"
#include "tape_private.h"
#include "url.h"
#include <assert.h>
#include <stdlib.h>

#define STRING KK_TAPE_IS(KK_JSON_STRING)
#define NUMBER KK_TAPE_IS(KK_JSON_NUMBER)
#define ARRAY KK_TAPE_IS(KK_JSON_ARRAY)
#define OBJECT KK_TAPE_IS(KK_JSON_OBJECT)
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

// ---- Accounts

typedef struct raw_account {
    kk_str plugin;
    kk_str name;
    kk_str scheme;
    kk_str is_default;
} raw_account;

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

// Refuses an account that is there twice, and a second default of one plugin.
static kk_code check_account(kk_tape_loader *self, kk_str where, const kk_tape_account *list,
                             size_t count)
{
    const kk_tape_account *last = &list[count];
    for (size_t i = 0; i < count; i++) {
        if (!same_text(list[i].plugin, last->plugin)) {
            continue;
        }
        assert(list[i].name != NULL && last->name != NULL);
        if (strcmp(list[i].name, last->name) == 0) {
            return kk_tape_refuse(self, where, "the account '%s' is there twice", last->name);
        }
        if (list[i].is_default && last->is_default) {
            return kk_tape_refuse(self, where, "'%s' and '%s' are both the default", list[i].name,
                                  last->name);
        }
    }
    return KK_OK;
}

static kk_code read_account(kk_tape_loader *self, kk_tape_account *out)
{
    static const kk_tape_member members[] = {
        {"plugin", STRING, offsetof(raw_account, plugin), NULL},
        {"name", STRING, offsetof(raw_account, name), NULL},
        {"scheme", STRING, offsetof(raw_account, scheme), NULL},
        {"default", KK_TAPE_IS_BOOL, offsetof(raw_account, is_default), NULL},
    };
    kk_str where = self->reader.raw;
    raw_account raw = {0};
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
    if (code == KK_OK && (raw.name.ptr == NULL || kk_json_string_is(raw.name, KK_STR("")))) {
        return kk_tape_refuse(self, where, "an account needs its 'name'");
    }
    *out = (kk_tape_account){.is_default = raw.is_default.ptr && raw.is_default.ptr[0] == 't'};
    code = code == KK_OK ? kk_tape_take_text(self, raw.name, &out->name) : code;
    if (code == KK_OK && raw.plugin.ptr != NULL) {
        code = kk_tape_take_text(self, raw.plugin, &out->plugin);
    }
    if (code == KK_OK && raw.scheme.ptr != NULL) {
        code = kk_tape_take_text(self, raw.scheme, &out->scheme);
    }
    return code;
}

static kk_code read_accounts(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    (void)target;
    kk_tape_account found[KK_TAPE_LIST_MAX] = {{0}};
    size_t count = 0;
    while ((kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END) {
        kk_str where = self->reader.raw;
        if (kind != KK_JSON_OBJECT || count == KK_TAPE_LIST_MAX) {
            return kk_tape_refuse(self, where, "accounts are at most %d objects", KK_TAPE_LIST_MAX);
        }
        kk_code code = read_account(self, &found[count]);
        code = code == KK_OK ? check_account(self, where, found, count) : code;
        if (code != KK_OK) {
            return code;
        }
        count++;
    }
    kk_tape *tape = self->tape;
    tape->accounts = kk_arena_take(&tape->arena, (count + 1) * sizeof *tape->accounts);
    if (tape->accounts == NULL) {
        return kk_tape_no_memory(self);
    }
    memcpy(tape->accounts, found, count * sizeof *found);
    tape->account_count = count;
    self->has_accounts = true;
    return KK_OK;
}

// A tape that names no accounts has one, for every plugin.
static kk_code add_main_account(kk_tape_loader *self)
{
    kk_tape *tape = self->tape;
    tape->accounts = kk_arena_take(&tape->arena, sizeof *tape->accounts);
    if (tape->accounts == NULL) {
        return kk_tape_no_memory(self);
    }
    tape->accounts[0] = (kk_tape_account){.name = "main", .is_default = true};
    tape->account_count = 1;
    return KK_OK;
}

// ---- log._tape

typedef struct raw_head {
    kk_str format;
    kk_str base_url;
    kk_str recorded_at;
    kk_str expires_days;
    kk_str redaction_policy;
    kk_str strict_order;
    kk_tape_match match;
} raw_head;

static kk_code take_format(kk_tape_loader *self, kk_str where, kk_str raw)
{
    int64_t format;
    if (raw.ptr == NULL) {
        return kk_tape_refuse(self, where, "'_tape' needs \"format\": 1");
    }
    if (!kk_json_integer(raw, &format) || format != 1) {
        return kk_tape_refuse(self, raw, "the format of this tape is not 1, the only one known");
    }
    return KK_OK;
}

static kk_code take_base_url(kk_tape_loader *self, kk_str raw)
{
    if (raw.ptr == NULL) {
        return KK_OK;
    }
    kk_error problem = {0};
    kk_url url;
    kk_code code = kk_tape_take_text(self, raw, &self->base_url);
    if (code == KK_OK && kk_url_parse(self->base_url, &url, &problem) != KK_OK) {
        return kk_tape_refuse(self, raw, "%s", problem.message);
    }
    return code;
}

static kk_code take_numbers(kk_tape_loader *self, const raw_head *raw)
{
    int64_t ignored;
    int64_t days = 0;
    kk_code code = KK_OK;
    if (raw->expires_days.ptr != NULL) {
        code = kk_tape_take_integer(self, raw->expires_days, 0, 100000, &days);
        self->tape->expires_days = (uint32_t)days;
    }
    if (code == KK_OK && raw->redaction_policy.ptr != NULL) {
        code = kk_tape_take_integer(self, raw->redaction_policy, 0, 1000, &ignored);
    }
    return code;
}

static kk_code take_recorded_at(kk_tape_loader *self, kk_str raw)
{
    const char *text = NULL;
    if (raw.ptr == NULL) {
        return KK_OK;
    }
    kk_code code = kk_tape_take_text(self, raw, &text);
    if (code == KK_OK && !kk_tape_time(text, &self->tape->recorded_ms)) {
        code = kk_tape_refuse(self, raw, KK_TAPE_TIME_PROBLEM);
    }
    return code;
}

static kk_code read_head(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"format", KK_TAPE_IS_ANY, offsetof(raw_head, format), NULL},
        {"base_url", STRING, offsetof(raw_head, base_url), NULL},
        {"recorded_at", STRING, offsetof(raw_head, recorded_at), NULL},
        {"expires_days", NUMBER, offsetof(raw_head, expires_days), NULL},
        {"redaction_policy", NUMBER, offsetof(raw_head, redaction_policy), NULL},
        {"variables", OBJECT, 0, kk_tape_read_variables},
        {"strict_order", KK_TAPE_IS_BOOL, offsetof(raw_head, strict_order), NULL},
        {"accounts", ARRAY, 0, read_accounts},
        {"match", OBJECT, offsetof(raw_head, match), kk_tape_read_match},
    };
    (void)kind;
    (void)target;
    kk_str where = self->reader.raw;
    raw_head raw = {0};
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
    code = code == KK_OK ? take_format(self, where, raw.format) : code;
    code = code == KK_OK ? take_base_url(self, raw.base_url) : code;
    code = code == KK_OK ? take_numbers(self, &raw) : code;
    code = code == KK_OK ? take_recorded_at(self, raw.recorded_at) : code;
    self->match = raw.match;
    self->tape->strict_order = raw.strict_order.ptr != NULL && raw.strict_order.ptr[0] == 't';
    self->has_head = true;
    return code;
}

// ---- log

typedef struct raw_log {
    kk_str version;
    kk_str creator;
    kk_str entries;
} raw_log;

// Entries are read by what log._tape says, wherever it stands: one that comes after them is read
// first.
static kk_code read_head_early(kk_tape_loader *self)
{
    kk_str raw;
    if (self->has_head || !kk_json_find(self->text, "/log/_tape", &raw) || raw.ptr[0] != '{') {
        return KK_OK;
    }
    kk_json_reader outer = self->reader;
    kk_json_reader_init(&self->reader, raw);
    kk_code code = read_head(self, kk_json_next(&self->reader), NULL);
    self->reader = outer;
    return code;
}

static kk_code read_head_once(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    kk_str raw;
    if (!self->has_head) {
        return read_head(self, kind, target);
    }
    kk_json_finish_value(&self->reader, kind, &raw);
    return KK_OK;
}

static kk_code read_entries(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    *(kk_str *)target = self->reader.raw;
    kk_code code = read_head_early(self);
    while (code == KK_OK && (kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END) {
        if (kind != KK_JSON_OBJECT || self->entry_count == KK_TAPE_ENTRIES_MAX) {
            return kk_tape_refuse(self, self->reader.raw, "entries are at most %d objects",
                                  KK_TAPE_ENTRIES_MAX);
        }
        code = kk_tape_read_entry(self);
    }
    return code;
}

static kk_code read_log(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"version", STRING, offsetof(raw_log, version), NULL},
        {"creator", OBJECT, offsetof(raw_log, creator), NULL},
        {"browser", OBJECT, KK_TAPE_UNREAD, NULL},
        {"pages", ARRAY, KK_TAPE_UNREAD, NULL},
        {"entries", ARRAY, offsetof(raw_log, entries), read_entries},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
        {"_tape", OBJECT, 0, read_head_once},
    };
    (void)kind;
    *(bool *)target = true;
    kk_str where = self->reader.raw;
    raw_log raw = {0};
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
    if (code != KK_OK) {
        return code;
    }
    if (raw.version.ptr == NULL || raw.creator.ptr == NULL || raw.entries.ptr == NULL) {
        return kk_tape_refuse(self, where, "'log' needs 'version', 'creator' and 'entries'");
    }
    if (!self->has_head) {
        return kk_tape_refuse(self, where,
                              "'log' needs \"_tape\": {\"format\": 1}; a HAR file without it is no "
                              "tape");
    }
    // "1.2", or any other of the 1 series.
    if (raw.version.len < 5 || memcmp(raw.version.ptr, "\"1.", 3) != 0) {
        return kk_tape_refuse(self, raw.version, "the version of HAR has to be 1.2");
    }
    return KK_OK;
}

static kk_code read_file(kk_tape_loader *self)
{
    static const kk_tape_member members[] = {{"log", OBJECT, 0, read_log}};
    bool has_log = false;
    kk_json_reader_init(&self->reader, self->text);
    if (kk_json_next(&self->reader) != KK_JSON_OBJECT) {
        return kk_tape_refuse(self, self->text, "a tape is an object with the member 'log'");
    }
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &has_log);
    if (code == KK_OK && !has_log) {
        code = kk_tape_refuse(self, self->text, "a tape is an object with the member 'log'");
    }
    return code;
}

// ---- The whole

static int by_id(const void *left, const void *right)
{
    const kk_tape_entry *a = *(kk_tape_entry *const *)left;
    const kk_tape_entry *b = *(kk_tape_entry *const *)right;
    int order = strcmp(a->id, b->id);
    if (order == 0 && a != b) {
        order = a < b ? -1 : 1;
    }
    return order;
}

static kk_code check_ids(kk_tape_loader *self)
{
    kk_tape_entry **list = calloc(self->entry_count + 1, sizeof *list);
    if (list == NULL) {
        return kk_tape_no_memory(self);
    }
    size_t count = 0;
    for (size_t i = 0; i < self->entry_count; i++) {
        if (self->entries[i].id != NULL) {
            list[count++] = &self->entries[i];
        }
    }
    qsort(list, count, sizeof *list, by_id);
    kk_code code = KK_OK;
    for (size_t i = 1; i < count && code == KK_OK; i++) {
        if (strcmp(list[i - 1]->id, list[i]->id) == 0) {
            code = kk_tape_refuse(self, (kk_str){list[i]->id_where, 0},
                                  "the '_id' '%.80s' is there twice, first on line %zu",
                                  list[i]->id, list[i - 1]->line);
        }
    }
    free(list);
    return code;
}

static kk_code finish(kk_tape_loader *self)
{
    kk_tape *tape = self->tape;
    kk_code code = check_ids(self);
    if (code == KK_OK && !self->has_accounts) {
        code = add_main_account(self);
    }
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = 0; i < self->entry_count; i++) {
        self->entries[i].id_where = NULL;
    }
    if (tape->recorded_ms == 0) {
        tape->recorded_ms = self->first_started_ms;
    }
    tape->entries = self->entries;
    tape->entry_count = self->entry_count;
    self->entries = NULL;
    return kk_tape_index(tape, self->err);
}

static kk_code load(kk_tape_loader *self)
{
    if (self->text.len > KK_TAPE_MAX) {
        self->text.len = 0;
        return kk_tape_refuse(self, self->text, "a tape is at most %zu bytes", KK_TAPE_MAX);
    }
    kk_code code = kk_tape_check_text(self);
    code = code == KK_OK ? read_file(self) : code;
    return code == KK_OK ? finish(self) : code;
}

static kk_tape *new_tape(const char *name)
{
    kk_tape *tape = calloc(1, sizeof *tape);
    char *path = tape != NULL ? strdup(name) : NULL;
    if (path == NULL || pthread_mutex_init(&tape->lock, NULL) != 0) {
        free(path);
        free(tape);
        return NULL;
    }
    tape->path = path;
    return tape;
}

kk_code kk_tape_parse(kk_str text, const char *name, kk_tape **out, kk_error *err)
{
    kk_tape *tape = new_tape(name);
    if (tape == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the tape '%s'", name);
    }
    if (kk_str_starts_with(text, "\xEF\xBB\xBF")) {
        text = (kk_str){text.ptr + 3, text.len - 3};
    }
    kk_tape_loader self = {.tape = tape,
                           .text = text,
                           .scratch = {.limit = KK_TAPE_MAX},
                           .line_at = text.ptr,
                           .line = 1,
                           .err = err};
    kk_code code = load(&self);
    free(self.entries);
    kk_buf_clean(&self.scratch);
    kk_arena_clean(&self.work);
    if (code != KK_OK) {
        kk_tape_free(tape);
        return code;
    }
    *out = tape;
    return KK_OK;
}

void kk_tape_free(kk_tape *self)
{
    if (self == NULL) {
        return;
    }
    pthread_mutex_destroy(&self->lock);
    kk_arena_clean(&self->arena);
    free(self->entries);
    free(self->by_all);
    free(self->by_place);
    free(self->path);
    free(self);
}

// ---- The file

kk_code kk_tape_load(const char *path, kk_tape **out, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_code code = kk_tape_file_read(path, &text, err);
    if (code == KK_OK) {
        code = kk_tape_parse(kk_buf_view(&text), path, out, err);
    }
    kk_buf_clean(&text);
    return code;
}
