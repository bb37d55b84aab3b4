// What is doubtful in a tape that loads.
#include "fail.h"
#include "near.h"
#include "redact.h"
#include "tape_file.h"
#include "tape_tools.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct linter {
    const kk_tape *tape;
    kk_str text;
    kk_tape_notes *notes;
} linter;

// ---- Entries that never answer

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool has_own_rules(const kk_tape_entry *entry)
{
    return entry->match.body_ignored || entry->match.ignored.count > 0 ||
           entry->match.header_count > 0;
}

bool kk_tape_hides(const kk_tape *self, const kk_tape_entry *first, const kk_tape_entry *later)
{
    const kk_tape_key *a = &first->key;
    const kk_tape_key *b = &later->key;
    bool origin = first->any_origin || (!later->any_origin && a->secure == b->secure &&
                                        a->port == b->port && kk_str_equals(a->host, b->host));
    bool shape = self->shape == NULL ||
                 (kk_str_equals(a->shape_name, b->shape_name) && kk_str_equals(a->shape, b->shape));
    bool body =
        first->match.body_ignored || (a->form == b->form && kk_str_equals(a->media, b->media) &&
                                      kk_str_equals(a->body, b->body) && !has_own_rules(later));
    return first < later && first->repeat == KK_TAPE_ANY && origin && shape && body &&
           first->match.header_count == 0 && kk_str_equals(a->method, b->method) &&
           kk_str_equals(a->path, b->path) && kk_str_equals(a->query, b->query) &&
           (first->account == NULL || same_text(first->account, later->account));
}

const kk_tape_entry *kk_tape_hidden_by(const kk_tape *self, const kk_tape_entry *entry)
{
    size_t mask = self->bucket_count - 1;
    kk_tape_entry *const heads[] = {self->by_all[entry->key.all & mask],
                                    self->by_place[entry->key.place & mask]};
    for (size_t i = 0; i < 2; i++) {
        for (const kk_tape_entry *one = heads[i]; one != NULL && one < entry; one = one->next) {
            if (kk_tape_hides(self, one, entry)) {
                return one;
            }
        }
    }
    return NULL;
}

static void check_reach(linter *self, const kk_tape_entry *entry)
{
    const kk_tape_entry *first = kk_tape_hidden_by(self->tape, entry);
    if (first == NULL) {
        return;
    }
    kk_tape_notes_add(self->notes, "warning", entry, "/_repeat",
                      "never answers: entry %zu (line %zu) has the same key and repeats \"any\"; "
                      "'kk tape prune' removes it",
                      first->number, first->line);
}

// ---- Names

static void check_name(linter *self, const kk_tape_entry *entry, const char *place, kk_str raw,
                       const char *const *known, size_t count)
{
    char near[64] = "";
    char pointer[160];
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_json_unescape(raw, &name);
    bool is_known = false;
    for (size_t i = 0; i < count; i++) {
        is_known = is_known || strcmp(known[i], kk_buf_text(&name)) == 0;
    }
    if (name.len > 0 && name.ptr[0] == '_' && !is_known &&
        kk_near(kk_buf_text(&name), known, count, near, sizeof near) > 0) {
        snprintf(pointer, sizeof pointer, "%s%s", place, kk_buf_text(&name));
        kk_tape_notes_add(self->notes, "warning", entry, pointer, "is passed over: a tape knows %s",
                          near);
    }
    kk_buf_clean(&name);
}

static void check_names(linter *self, const kk_tape_entry *entry, const char *place, kk_str object,
                        const char *const *known, size_t count)
{
    kk_json_reader reader;
    kk_str value;
    kk_json_reader_init(&reader, object);
    (void)kk_json_next(&reader);
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        check_name(self, entry, place, reader.raw, known, count);
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
    }
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void check_entry_names(linter *self, const kk_tape_entry *entry, kk_str raw)
{
    static const char *const of_entry[] = {"_id",       "_seq",   "_account", "_repeat",
                                           "_optional", "_match", "_failure", "_redacted"};
    static const char *const of_body[] = {"_json", "_base64"};
    static const char *const of_answer[] = {"_error"};
    kk_str part;
    check_names(self, entry, "/", raw, of_entry, COUNT(of_entry));
    if (kk_json_find(raw, "/response", &part)) {
        check_names(self, entry, "/response/", part, of_answer, COUNT(of_answer));
    }
    if (kk_json_find(raw, "/request/postData", &part)) {
        check_names(self, entry, "/request/postData/", part, of_body, COUNT(of_body));
    }
    if (kk_json_find(raw, "/response/content", &part)) {
        check_names(self, entry, "/response/content/", part, of_body, 1);
    }
}

// ---- Entries

static void check_headers(linter *self, const kk_tape_entry *entry, kk_redact_side side,
                          const kk_header *list, size_t count)
{
    const char *place = side == KK_REDACT_REQUEST ? "/request/headers" : "/response/headers";
    for (size_t i = 0; i < count; i++) {
        bool credential = side == KK_REDACT_REQUEST && kk_tape_is_shape(kk_str_from(list[i].value));
        if (!credential && !kk_redact_keeps_header(side, list[i].name)) {
            kk_tape_notes_add(self->notes, "warning", entry, place,
                              "the header '%.60s' is none that a recording keeps", list[i].name);
        }
    }
}

static void check_account(linter *self, const kk_tape_entry *entry)
{
    bool known = entry->account == NULL;
    for (size_t i = 0; i < self->tape->account_count; i++) {
        known = known || strcmp(self->tape->accounts[i].name, entry->account) == 0;
    }
    if (!known) {
        kk_tape_notes_add(self->notes, "warning", entry, "/_account",
                          "never answers: log._tape.accounts has no '%.64s'", entry->account);
    }
}

static void check_match(linter *self, const kk_tape_entry *entry)
{
    for (size_t i = 0; i < entry->match.header_count; i++) {
        const char *name = entry->match.headers[i];
        if (kk_tape_header(entry->headers, entry->header_count, name) == NULL) {
            kk_tape_notes_add(self->notes, "warning", entry, "/_match/headers",
                              "answers only requests without the header '%.60s', which the entry "
                              "lacks",
                              name);
        }
    }
    if (entry->match.ignored.count > 0 && entry->key.form != KK_TAPE_JSON) {
        kk_tape_notes_add(self->notes, "warning", entry, "/_match/ignore_json",
                          "has no use: the request has no JSON body");
    }
}

static const kk_tape_entry *find_number(const kk_tape *tape, const kk_tape_entry **by_number,
                                        size_t number)
{
    return number < tape->entry_count ? by_number[number] : NULL;
}

static kk_code check_entries(linter *self, kk_error *err)
{
    const kk_tape *tape = self->tape;
    const kk_tape_entry **by_number = calloc(tape->entry_count + 1, sizeof *by_number);
    if (by_number == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the tape '%s'", tape->path);
    }
    for (size_t i = 0; i < tape->entry_count; i++) {
        by_number[tape->entries[i].number - 1] = &tape->entries[i];
    }
    kk_tape_walk walk = {.started = false};
    kk_str raw;
    int64_t last = 0;
    for (size_t i = 0; kk_tape_walk_next(&walk, self->text, &raw); i++) {
        const kk_tape_entry *entry = find_number(tape, by_number, i);
        if (entry == NULL) {
            break;
        }
        if (entry->seq < last) {
            kk_tape_notes_add(self->notes, "warning", entry, "/_seq",
                              "stands behind an entry that is used later");
        }
        last = entry->seq;
        check_entry_names(self, entry, raw);
        check_headers(self, entry, KK_REDACT_REQUEST, entry->headers, entry->header_count);
        check_headers(self, entry, KK_REDACT_RESPONSE, entry->answer.headers,
                      entry->answer.header_count);
        check_account(self, entry);
        check_match(self, entry);
        check_reach(self, entry);
    }
    free(by_number);
    return KK_OK;
}

// ---- The whole tape

static void check_head(linter *self)
{
    static const char *const known[] = {"_tape"};
    kk_str part;
    bool used = false;
    if (kk_json_find(self->text, "/log", &part)) {
        check_names(self, NULL, "/log/", part, known, COUNT(known));
    }
    for (size_t i = 0; i < self->tape->entry_count; i++) {
        used = used || self->tape->entries[i].any_origin;
    }
    if (!used && self->tape->entry_count > 0 &&
        kk_json_find(self->text, "/log/_tape/base_url", &part)) {
        kk_tape_notes_add(self->notes, "warning", NULL, "/log/_tape/base_url",
                          "no entry's URL lies below it");
    }
}

static void note_secret(void *context, const char *pointer, const char *what)
{
    kk_tape_notes_add(context, "error", NULL, pointer, "looks like %s", what);
}

static kk_code lint_text(kk_str text, const char *path, kk_tape_notes *notes, kk_error *err)
{
    kk_tape *tape = NULL;
    kk_buf formatted = {.limit = KK_TAPE_MAX};
    kk_code code = kk_tape_parse(text, path, &tape, err);
    if (code != KK_OK) {
        return code;
    }
    if (kk_str_starts_with(text, "\xEF\xBB\xBF")) {
        text = (kk_str){text.ptr + 3, text.len - 3};
    }
    linter self = {tape, text, notes};
    kk_redact_scan(NULL, text, note_secret, notes);
    check_head(&self);
    code = check_entries(&self, err);
    if (code == KK_OK) {
        code = kk_tape_write_formatted(text, path, &formatted, err);
    }
    if (code == KK_OK && !kk_str_equals(text, kk_buf_view(&formatted))) {
        kk_tape_notes_add(notes, "warning", NULL, "", "is not as 'kk tape fmt' writes it");
    }
    kk_buf_clean(&formatted);
    kk_tape_free(tape);
    return code == KK_OK ? kk_tape_notes_check(notes, err) : code;
}

kk_code kk_tape_lint(const char *path, kk_tape_notes **out, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_tape_notes *notes = kk_tape_notes_new();
    kk_code code = notes != NULL ? kk_tape_file_read(path, &text, err)
                                 : kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", path);
    if (code == KK_OK) {
        code = lint_text(kk_buf_view(&text), path, notes, err);
    }
    kk_buf_clean(&text);
    if (code != KK_OK) {
        kk_tape_notes_free(notes);
        return code;
    }
    *out = notes;
    return KK_OK;
}
