// New entries and the tape that was in the file.
//
// The old text is kept and cut only where something changes, so that what stays keeps its bytes.
#include "fail.h"
#include "tape_layout.h"
#include "tape_names.h"
#include "tape_write_private.h"
#include <stdio.h>
#include <stdlib.h>

// An entry of the old tape.
typedef struct old_entry old_entry;
struct old_entry {
    kk_str text; // in the file
    const kk_tape_entry *loaded;
    uint32_t taken;  // by exchanges of this recording
    size_t replaced; // 1 + the new entry that takes its place; 0 = none
    old_entry *next; // in the same bucket, in the order of use
};

typedef struct merge {
    const kk_tape_merge *input;
    kk_error *err;
    kk_tape *old;
    kk_tape *fresh;  // the new entries, as a tape of their own
    old_entry *list; // of the old tape, in the order of use
    size_t count;
    old_entry **buckets; // of the list, by method, path and query; a power of two
    size_t bucket_count;
    const kk_tape_entry **added; // the loaded new entries, in the order of the input
    bool *appended;              // of each new entry: it goes to the end
    kk_tape_names names;         // every _id
    int64_t last_seq;
} merge;

static kk_code no_memory(merge *self)
{
    return kk_fail(self->err, KK_ERR_INTERNAL, "out of memory for the tape '%s'",
                   self->input->path);
}

// ---- Accounts

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool has_account(const kk_tape *old, const kk_tape_recorded_account *account)
{
    for (size_t i = 0; i < old->account_count; i++) {
        const kk_tape_account *there = &old->accounts[i];
        if (same_text(there->name, account->name) &&
            (there->plugin == NULL || same_text(there->plugin, account->plugin))) {
            return true;
        }
    }
    return false;
}

static bool has_default(const merge *self, size_t before, const char *plugin)
{
    for (size_t i = 0; self->old != NULL && i < self->old->account_count; i++) {
        const kk_tape_account *there = &self->old->accounts[i];
        if (there->is_default && (there->plugin == NULL || same_text(there->plugin, plugin))) {
            return true;
        }
    }
    for (size_t i = 0; i < before; i++) {
        if (self->input->accounts[i].is_default &&
            same_text(self->input->accounts[i].plugin, plugin)) {
            return true;
        }
    }
    return false;
}

static void write_account(const merge *self, size_t index, kk_buf *out)
{
    const kk_tape_recorded_account *account = &self->input->accounts[index];
    kk_buf_append_text(out, "{\"plugin\":");
    kk_json_write_string(out, kk_str_from(account->plugin));
    kk_buf_append_text(out, ",\"name\":");
    kk_json_write_string(out, kk_str_from(account->name));
    if (account->scheme != NULL) {
        kk_buf_append_text(out, ",\"scheme\":");
        kk_json_write_string(out, kk_str_from(account->scheme));
    }
    bool is_default = account->is_default && !has_default(self, index, account->plugin);
    kk_buf_append_text(out, is_default ? ",\"default\":true}" : "}");
}

// Those that the old tape lacks, comma-separated.
static size_t write_accounts(const merge *self, kk_buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < self->input->account_count; i++) {
        if (self->old != NULL && has_account(self->old, &self->input->accounts[i])) {
            continue;
        }
        kk_buf_append_text(out, count++ > 0 ? "," : "");
        write_account(self, i, out);
    }
    return count;
}

// ---- Names

// The entry's name, with a number behind it where that makes it the only one.
static void write_name(merge *self, const char *name, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    if (!kk_tape_names_make(&self->names, name, &text)) {
        out->failed = KK_ERR_INTERNAL;
    }
    kk_json_write_string(out, kk_buf_view(&text));
    kk_buf_clean(&text);
}

// ---- Entries as text

static void write_new(merge *self, size_t index, kk_buf *out)
{
    const kk_tape_recorded *entry = &self->input->entries[index];
    kk_buf_append_text(out, "{\"_id\":");
    write_name(self, entry->name, out);
    kk_buf_append_format(out, ",\"_seq\":%lld,", (long long)++self->last_seq);
    kk_buf_append(out, entry->members, entry->members_len);
    kk_buf_append_byte(out, '}');
}

// The new exchange under the old entry's name and rules.
static void write_replacing(const merge *self, const old_entry *old, kk_buf *out)
{
    static const char *const kept[] = {"_id", "_seq", "_repeat", "_optional", "_match", "comment"};
    const kk_tape_recorded *entry = &self->input->entries[old->replaced - 1];
    kk_buf_append_byte(out, '{');
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        char pointer[16];
        kk_str raw;
        (void)snprintf(pointer, sizeof pointer, "/%s", kept[i]);
        if (kk_json_find(old->text, pointer, &raw)) {
            kk_buf_append_format(out, "\"%s\":", kept[i]);
            kk_buf_append_str(out, raw);
            kk_buf_append_byte(out, ',');
        }
    }
    kk_buf_append(out, entry->members, entry->members_len);
    kk_buf_append_byte(out, '}');
}

// ---- The new tape alone

static void write_head(const merge *self, kk_buf *out)
{
    kk_buf accounts = {.limit = KK_TAPE_MAX};
    kk_buf_append_text(out, "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\","
                            "\"version\":\"1\"},\"pages\":[],\"_tape\":{\"format\":1,");
    if (self->input->base_url != NULL) {
        kk_buf_append_text(out, "\"base_url\":");
        kk_json_write_string(out, kk_str_from(self->input->base_url));
        kk_buf_append_byte(out, ',');
    }
    kk_buf_append_text(out, "\"recorded_at\":\"");
    kk_tape_write_time(self->input->recorded_ms, out);
    kk_buf_append_text(out, "\",\"redaction_policy\":1,\"accounts\":[");
    write_accounts(self, &accounts);
    kk_buf_append_str(out, kk_buf_view(&accounts));
    kk_buf_append_text(out, "]},\"entries\":[");
    out->failed = out->failed == KK_OK ? accounts.failed : out->failed;
    kk_buf_clean(&accounts);
}

static kk_code write_alone(merge *self, kk_buf *out)
{
    write_head(self, out);
    for (size_t i = 0; i < self->input->entry_count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        write_new(self, i, out);
    }
    kk_buf_append_text(out, "]}}");
    return kk_buf_check(out, "the recording", self->err);
}

// The new entries as a tape shows them: their keys and answers.
static kk_code load_fresh(merge *self)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_tape *old = self->old;
    self->old = NULL; // all accounts belong into the tape of the new ones
    kk_code code = write_alone(self, &text);
    self->old = old;
    self->last_seq = 0;
    kk_tape_names_clean(&self->names);
    if (code == KK_OK) {
        code = kk_tape_parse(kk_buf_view(&text), self->input->path, &self->fresh, self->err);
    }
    kk_buf_clean(&text);
    if (code != KK_OK) {
        return code;
    }
    self->added = calloc(self->input->entry_count + 1, sizeof(const kk_tape_entry *));
    self->appended = calloc(self->input->entry_count + 1, sizeof *self->appended);
    if (self->added == NULL || self->appended == NULL) {
        return no_memory(self);
    }
    for (size_t i = 0; i < self->fresh->entry_count; i++) {
        self->added[self->fresh->entries[i].number - 1] = &self->fresh->entries[i];
    }
    return KK_OK;
}

// ---- The old tape

static kk_code load_old(merge *self)
{
    kk_code code = kk_tape_parse(self->input->old, self->input->path, &self->old, self->err);
    if (code != KK_OK) {
        return code;
    }
    kk_str raw;
    kk_str *texts = calloc(self->old->entry_count + 1, sizeof *texts);
    kk_json_reader *reader = malloc(sizeof *reader);
    self->list = calloc(self->old->entry_count + 1, sizeof *self->list);
    self->count = self->old->entry_count;
    bool good = texts != NULL && reader != NULL && self->list != NULL &&
                kk_json_find(self->input->old, "/log/entries", &raw);
    if (good) {
        kk_json_reader_init(reader, raw);
        (void)kk_json_next(reader);
        kk_json_kind kind;
        for (size_t i = 0; (kind = kk_json_next(reader)) == KK_JSON_OBJECT && i < self->count;
             i++) {
            (void)kk_json_finish_value(reader, kind, &texts[i]);
        }
    }
    for (size_t i = 0; good && i < self->count; i++) {
        const kk_tape_entry *loaded = &self->old->entries[i];
        self->list[i] = (old_entry){.text = texts[loaded->number - 1], .loaded = loaded};
        self->last_seq = loaded->seq > self->last_seq ? loaded->seq : self->last_seq;
        good = loaded->id == NULL || kk_tape_names_take(&self->names, loaded->id);
    }
    free(texts);
    free(reader);
    return good ? KK_OK : no_memory(self);
}

// ---- Comparing

static bool same_body(const kk_tape_entry *old, const kk_tape_entry *fresh)
{
    if (old->match.body_ignored) {
        return true;
    }
    if (old->key.form != fresh->key.form || !kk_str_equals(old->key.media, fresh->key.media)) {
        return false;
    }
    if (old->key.form != KK_TAPE_JSON || old->match.ignored.count == 0) {
        return kk_str_equals(old->key.body, fresh->key.body);
    }
    kk_buf body = {.limit = KK_TAPE_MAX};
    bool same = kk_tape_canonical(fresh->key.body, &old->match.ignored, &body) &&
                kk_str_equals(kk_buf_view(&body), old->key.body);
    kk_buf_clean(&body);
    return same;
}

static bool same_headers(const kk_tape_entry *old, const kk_tape_entry *fresh)
{
    for (size_t i = 0; i < old->match.header_count; i++) {
        const char *name = old->match.headers[i];
        if (!same_text(kk_tape_header(old->headers, old->header_count, name),
                       kk_tape_header(fresh->headers, fresh->header_count, name))) {
            return false;
        }
    }
    return true;
}

// Whether the old entry would have answered the new request.
static bool same_request(const kk_tape_entry *old, const kk_tape_entry *fresh)
{
    const kk_tape_key *a = &old->key;
    const kk_tape_key *b = &fresh->key;
    bool same_place = a->place == b->place && kk_str_equals(a->method, b->method) &&
                      kk_str_equals(a->path, b->path) && kk_str_equals(a->query, b->query);
    if (!same_place || (old->account != NULL && !same_text(old->account, fresh->account))) {
        return false;
    }
    bool same_host = old->any_origin || (a->secure == b->secure && a->port == b->port &&
                                         kk_str_equals(a->host, b->host));
    return same_host && kk_str_equals(a->shape, b->shape) && same_body(old, fresh) &&
           same_headers(old, fresh);
}

static bool same_answer(const kk_tape_answer *a, const kk_tape_answer *b)
{
    if (a->failure != b->failure || a->failure_sent != b->failure_sent || a->status != b->status ||
        a->header_count != b->header_count) {
        return false;
    }
    for (size_t i = 0; i < a->header_count; i++) {
        // A fixture by hand need not have its headers in the order in which they are recorded.
        const char *other = kk_tape_header(b->headers, b->header_count, a->headers[i].name);
        if (other == NULL ||
            !kk_tape_same_level(kk_str_from(a->headers[i].value), kk_str_from(other))) {
            return false;
        }
    }
    return kk_tape_same_level(a->body, b->body);
}

// ---- Merging

static bool has_room(const old_entry *old)
{
    return old->loaded->repeat != KK_TAPE_TIMES || old->taken < old->loaded->times;
}

// Where the old entries are whose requests may be that of [entry].
static old_entry **bucket_of(const merge *self, const kk_tape_entry *entry)
{
    uint64_t place = entry->key.place;
    return &self->buckets[(place ^ place >> 32) & (self->bucket_count - 1)];
}

static bool fill_buckets(merge *self)
{
    self->bucket_count = 64;
    while (self->bucket_count < self->count) {
        self->bucket_count *= 2;
    }
    self->buckets = calloc(self->bucket_count, sizeof *self->buckets);
    for (size_t i = self->count; self->buckets != NULL && i-- > 0;) {
        old_entry **bucket = bucket_of(self, self->list[i].loaded);
        self->list[i].next = *bucket;
        *bucket = &self->list[i];
    }
    return self->buckets != NULL;
}

// Finds the old entry that an exchange uses up, and says whether it changes it.
static void place(merge *self, size_t index)
{
    const kk_tape_entry *fresh = self->added[index];
    old_entry **first = bucket_of(self, fresh);
    // What is used up stays so.
    while (*first != NULL && !has_room(*first)) {
        *first = (*first)->next;
    }
    for (old_entry *old = *first; old != NULL; old = old->next) {
        if (!has_room(old) || !same_request(old->loaded, fresh)) {
            continue;
        }
        const kk_tape_answer *now =
            old->replaced > 0 ? &self->added[old->replaced - 1]->answer : &old->loaded->answer;
        bool same = same_answer(now, &fresh->answer);
        if (!same && old->taken > 0 && old->loaded->repeat == KK_TAPE_TIMES) {
            old->taken = old->loaded->times;
            continue;
        }
        old->replaced = same ? old->replaced : index + 1;
        old->taken++;
        return;
    }
    self->appended[index] = true;
}

// A part of the old text and what takes its place.
typedef struct splice {
    size_t start;
    size_t end;
    size_t text; // where it begins in the buffer of texts
    size_t text_len;
} splice;

typedef struct splices {
    splice *list;
    size_t count;
    kk_buf texts;
} splices;

static void add_splice(splices *self, size_t start, size_t end, size_t text)
{
    self->list[self->count++] = (splice){start, end, text, self->texts.len - text};
}

static kk_code splice_entry(merge *self, splices *out, const old_entry *old)
{
    kk_buf json = {.limit = KK_TAPE_MAX};
    size_t start = (size_t)(old->text.ptr - self->input->old.ptr);
    size_t text = out->texts.len;
    write_replacing(self, old, &json);
    kk_code code = kk_buf_check(&json, "an entry", self->err);
    code = code == KK_OK ? kk_tape_layout_entry(kk_buf_view(&json), &out->texts, self->err) : code;
    kk_buf_clean(&json);
    add_splice(out, start, start + old->text.len, text);
    return code;
}

// Where the last byte that is no white space before [at] ends.
static size_t end_before(kk_str text, size_t at)
{
    while (at > 0 && strchr(" \t\r\n", text.ptr[at - 1]) != NULL) {
        at--;
    }
    return at;
}

static kk_code splice_appended(merge *self, splices *out)
{
    size_t text = out->texts.len;
    size_t count = 0;
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < self->input->entry_count; i++) {
        if (!self->appended[i]) {
            continue;
        }
        kk_buf json = {.limit = KK_TAPE_MAX};
        kk_buf_append_text(&out->texts, self->count + count++ > 0 ? ",\n   " : "\n   ");
        write_new(self, i, &json);
        code = kk_buf_check(&json, "an entry", self->err);
        code =
            code == KK_OK ? kk_tape_layout_entry(kk_buf_view(&json), &out->texts, self->err) : code;
        kk_buf_clean(&json);
    }
    kk_str raw;
    if (count > 0 && kk_json_find(self->input->old, "/log/entries", &raw)) {
        size_t close = (size_t)(raw.ptr - self->input->old.ptr) + raw.len - 1;
        kk_buf_append_text(&out->texts, "\n  ");
        add_splice(out, end_before(self->input->old, close), close, text);
    }
    return code;
}

// Accounts go behind those that are there, or into a list that is made before the other members.
static void splice_accounts(merge *self, splices *out)
{
    kk_buf fresh = {.limit = KK_TAPE_MAX};
    kk_str raw;
    size_t text = out->texts.len;
    if (write_accounts(self, &fresh) == 0) {
        kk_buf_clean(&fresh);
        return;
    }
    if (kk_json_find(self->input->old, "/log/_tape/accounts", &raw)) {
        size_t close = (size_t)(raw.ptr - self->input->old.ptr) + raw.len - 1;
        kk_buf_append_text(&out->texts, self->old->account_count > 0 ? "," : "");
        kk_buf_append_str(&out->texts, kk_buf_view(&fresh));
        add_splice(out, end_before(self->input->old, close), close, text);
    } else if (kk_json_find(self->input->old, "/log/_tape", &raw)) {
        size_t open = (size_t)(raw.ptr - self->input->old.ptr) + 1;
        // What the tape had without a list: one account, of every plugin.
        kk_buf_append_text(&out->texts, "\"accounts\":[{\"name\":\"main\",\"default\":true},");
        kk_buf_append_str(&out->texts, kk_buf_view(&fresh));
        kk_buf_append_text(&out->texts, "],");
        add_splice(out, open, open, text);
    }
    kk_buf_clean(&fresh);
}

static int by_start(const void *left, const void *right)
{
    const splice *a = left;
    const splice *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static void write_spliced(kk_str old, splices *parts, kk_buf *out)
{
    size_t done = 0;
    qsort(parts->list, parts->count, sizeof *parts->list, by_start);
    for (size_t i = 0; i < parts->count; i++) {
        const splice *part = &parts->list[i];
        kk_buf_append(out, old.ptr + done, part->start - done);
        kk_buf_append(out, parts->texts.ptr + part->text, part->text_len);
        done = part->end;
    }
    kk_buf_append(out, old.ptr + done, old.len - done);
}

static kk_code merge_into_old(merge *self, kk_buf *out, bool *changed)
{
    splices parts = {.texts = {.limit = KK_TAPE_MAX}};
    parts.list = calloc(self->count + 2, sizeof *parts.list);
    if (parts.list == NULL || !fill_buckets(self)) {
        free(parts.list);
        return no_memory(self);
    }
    for (size_t i = 0; i < self->input->entry_count; i++) {
        place(self, i);
    }
    splice_accounts(self, &parts);
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < self->count; i++) {
        if (self->list[i].replaced > 0) {
            code = splice_entry(self, &parts, &self->list[i]);
        }
    }
    code = code == KK_OK ? splice_appended(self, &parts) : code;
    code = code == KK_OK ? kk_buf_check(&parts.texts, "the recording", self->err) : code;
    if (code == KK_OK) {
        write_spliced(self->input->old, &parts, out);
        *changed = parts.count > 0;
        code = kk_buf_check(out, "the tape", self->err);
    }
    free(parts.list);
    kk_buf_clean(&parts.texts);
    return code;
}

static kk_code lay_out_alone(merge *self, kk_buf *out)
{
    kk_buf json = {.limit = KK_TAPE_MAX};
    kk_code code = write_alone(self, &json);
    code = code == KK_OK ? kk_tape_layout(kk_buf_view(&json), out, self->err) : code;
    kk_buf_clean(&json);
    return code;
}

static void unload(merge *self)
{
    kk_tape_free(self->old);
    kk_tape_free(self->fresh);
    free(self->list);
    free(self->buckets);
    free(self->added);
    free(self->appended);
    kk_tape_names_clean(&self->names);
    *self = (merge){.input = self->input, .err = self->err};
}

static kk_code load(merge *self)
{
    kk_code code = load_fresh(self);
    return code == KK_OK ? load_old(self) : code;
}

// Loads both, the new entries with the fakes of the old ones.
static kk_code load_joined(merge *self)
{
    bool changed = false;
    kk_code code = load(self);
    if (code == KK_OK) {
        code = kk_tape_join(self->input, self->old, self->added, self->input->entries, &changed,
                            self->err);
    }
    if (code == KK_OK && changed) {
        unload(self);
        code = load(self);
    }
    return code;
}

kk_code kk_tape_merge_run(const kk_tape_merge *input, kk_buf *out, bool *changed, kk_error *err)
{
    merge self = {.input = input, .err = err};
    kk_code code = KK_OK;
    *changed = true;
    if (input->old.len == 0) {
        code = lay_out_alone(&self, out);
    } else {
        code = load_joined(&self);
        code = code == KK_OK ? merge_into_old(&self, out, changed) : code;
    }
    unload(&self);
    return code;
}
