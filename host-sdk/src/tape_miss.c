// What is said of a request that no entry answers: the nearest entry, and where it differs.
#include "fail.h"
#include "near.h"
#include "redact.h"
#include "tape_private.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

// The most entries whose requests are offered as near ones, and the most that are weighed by their
// differences.
enum { OFFERED_MAX = 256, WEIGHED_MAX = 1000, NEAREST = 3 };

// An entry, and the parts in which it differs from the request.
typedef struct near_entry {
    const kk_tape_entry *entry;
    unsigned parts;
    size_t part_count;
    size_t differences;
} near_entry;

// ---- Names

static void append_entry(kk_buf *out, const kk_tape_entry *entry)
{
    char id[64];
    if (entry->id != NULL) {
        kk_tape_show(kk_str_from(entry->id), id, sizeof id);
        kk_buf_append_format(out, "'%s' (line %zu)", id, entry->line);
    } else {
        kk_buf_append_format(out, "%zu (line %zu)", entry->number, entry->line);
    }
}

// "GET /v1/organizations", without the query.
static void append_request(kk_buf *out, const kk_tape_key *key)
{
    char path[96];
    kk_tape_show(key->path, path, sizeof path);
    kk_buf_append_format(out, "%.16s %s", key->method.ptr, path);
}

// ---- Weighing

static void find_differences(const kk_tape_entry *entry, kk_tape_asked *asked, unsigned part,
                             kk_tape_differences *out)
{
    const kk_tape_key *tape = &entry->key;
    *out = (kk_tape_differences){0};
    if (part == KK_TAPE_QUERY) {
        kk_tape_diff_pairs(tape->query, asked->key.query, out);
        return;
    }
    kk_str body = kk_tape_asked_body(asked, entry);
    if (tape->form != asked->key.form || body.ptr == NULL) {
        out->count = KK_TAPE_DIFFERENCES_MAX;
    } else if (tape->form == KK_TAPE_JSON) {
        kk_tape_diff_json(tape->body, body, out);
    } else if (tape->form == KK_TAPE_PAIRS) {
        kk_tape_diff_pairs(tape->body, body, out);
    }
}

static size_t count_differences(const near_entry *one, kk_tape_asked *asked)
{
    assert(one->entry != NULL);
    kk_tape_differences found;
    size_t count = 0;
    const unsigned compared[] = {KK_TAPE_QUERY, KK_TAPE_BODY};
    for (size_t i = 0; i < 2; i++) {
        if (one->parts & compared[i]) {
            find_differences(one->entry, asked, compared[i], &found);
            count += found.count;
        }
    }
    return count;
}

static bool is_nearer(const near_entry *a, const near_entry *b)
{
    if (b->entry == NULL || a->part_count != b->part_count) {
        return b->entry == NULL || a->part_count < b->part_count;
    }
    return a->differences < b->differences;
}

static void keep_if_near(near_entry best[NEAREST], const near_entry *one)
{
    size_t at = NEAREST;
    while (at > 0 && is_nearer(one, &best[at - 1])) {
        at--;
    }
    if (at < NEAREST) {
        memmove(&best[at + 1], &best[at], (NEAREST - 1 - at) * sizeof *best);
        best[at] = *one;
    }
}

// The entries that come nearest: of those with the request's method, host and path, the ones that
// differ in the fewest parts, then in the fewest places.
static void find_nearest(kk_tape *self, kk_tape_asked *asked, near_entry best[NEAREST])
{
    size_t weighed = 0;
    for (size_t i = 0; i < self->entry_count; i++) {
        near_entry one = {.entry = &self->entries[i]};
        one.parts = kk_tape_differs(self, one.entry, asked);
        if (one.parts & (KK_TAPE_METHOD | KK_TAPE_ORIGIN | KK_TAPE_PATH)) {
            continue;
        }
        one.part_count = (size_t)__builtin_popcount(one.parts);
        if (one.part_count > 0 && weighed < WEIGHED_MAX) {
            one.differences = count_differences(&one, asked);
            weighed++;
        }
        keep_if_near(best, &one);
    }
}

// ---- Reports

static kk_code report(kk_buf *text, const char *reason, kk_error *err)
{
    kk_fail(err, KK_ERR_REPLAY_MISS, "%s", kk_buf_text(text));
    kk_fail_reason(err, reason);
    kk_buf_clean(text);
    return KK_ERR_REPLAY_MISS;
}

static void append_differences(kk_buf *out, const kk_tape_differences *found)
{
    size_t shown = sizeof found->shown / sizeof found->shown[0];
    shown = found->count < shown ? found->count : shown;
    for (size_t i = 0; i < shown; i++) {
        const kk_tape_difference *one = &found->shown[i];
        kk_buf_append_format(out, "%s %s (tape %s, request %s)", i > 0 ? "," : "",
                             one->pointer[0] != '\0' ? one->pointer : "as a whole", one->tape,
                             one->request);
    }
    if (found->count > shown) {
        kk_buf_append_format(out, " and %zu%s more", found->count - shown,
                             found->count >= KK_TAPE_DIFFERENCES_MAX ? " or" : "");
    }
}

static const char *form_name(kk_tape_form form)
{
    static const char *const names[] = {"no body", "other than JSON", "a form", "JSON"};
    return names[form];
}

static void append_body(kk_buf *out, const kk_tape_entry *entry, kk_tape_asked *asked)
{
    const kk_tape_key *tape = &entry->key;
    if (tape->form != asked->key.form) {
        kk_buf_append_format(out, " the body differs: tape %s, request %s", form_name(tape->form),
                             form_name(asked->key.form));
        return;
    }
    if (tape->form == KK_TAPE_BYTES) {
        size_t same = 0;
        size_t len = tape->body.len < asked->key.body.len ? tape->body.len : asked->key.body.len;
        while (same < len && tape->body.ptr[same] == asked->key.body.ptr[same]) {
            same++;
        }
        kk_buf_append_format(out,
                             " the body differs from byte %zu on (tape %zu bytes, request %zu)",
                             same, tape->body.len, asked->key.body.len);
        return;
    }
    kk_tape_differences found;
    find_differences(entry, asked, KK_TAPE_BODY, &found);
    kk_buf_append_text(out, " the body differs at");
    append_differences(out, &found);
}

static void append_query(kk_buf *out, const kk_tape_entry *entry, kk_tape_asked *asked)
{
    kk_tape_differences found;
    find_differences(entry, asked, KK_TAPE_QUERY, &found);
    kk_buf_append_text(out, " the query differs at");
    append_differences(out, &found);
}

static void append_media(kk_buf *out, const kk_tape_entry *entry, const kk_tape_asked *asked)
{
    char tape[96];
    char request[96];
    kk_tape_show(entry->key.media, tape, sizeof tape);
    kk_tape_show(asked->key.media, request, sizeof request);
    kk_buf_append_format(out, " the media type of the body differs: tape '%s', request '%s'", tape,
                         request);
}

// A shape is all that is shown of a credential: placeholders, or that there is none.
static void append_shape_of(kk_buf *out, const char *whose, const kk_tape_key *key)
{
    char shape[96] = "(none)";
    char name[64] = "";
    if (key->shape_name.len > 0) {
        kk_tape_show(key->shape, shape, sizeof shape);
        kk_tape_show(key->shape_name, name, sizeof name);
    }
    bool usual = key->shape_name.len == 0 || kk_str_is(key->shape_name, "authorization");
    kk_buf_append_format(out, " %s %s%s%s", whose, usual ? "" : name, usual ? "" : ": ", shape);
}

static void append_shape(kk_buf *out, const kk_tape_entry *entry, const kk_tape_asked *asked)
{
    kk_buf_append_text(out, " the credential differs in shape:");
    append_shape_of(out, "tape", &entry->key);
    kk_buf_append_text(out, ",");
    append_shape_of(out, "request", &asked->key);
}

static void append_account(kk_buf *out, const kk_tape_entry *entry, const kk_tape_asked *asked)
{
    char tape[72];
    char request[72];
    const char *account = asked->request->account;
    kk_tape_show(kk_str_from(entry->account), tape, sizeof tape);
    kk_tape_show(kk_str_from(account != NULL ? account : "(none)"), request, sizeof request);
    kk_buf_append_format(out, " the account differs: tape '%s', request '%s'", tape, request);
}

static void append_header(kk_buf *out, const kk_tape_entry *entry, const kk_tape_asked *asked)
{
    (void)asked;
    kk_buf_append_text(out, " a header that '_match' names differs:");
    for (size_t i = 0; i < entry->match.header_count; i++) {
        kk_buf_append_format(out, "%s '%.40s'", i > 0 ? " or" : "", entry->match.headers[i]);
    }
}

// The parts in the order in which they decide the reason.
static const char *append_parts(kk_buf *out, const near_entry *nearest, kk_tape_asked *asked)
{
    const kk_tape_entry *entry = nearest->entry;
    const char *reason = NULL;
    if (nearest->parts & KK_TAPE_QUERY) {
        append_query(out, entry, asked);
        reason = "query_differs";
    }
    if (nearest->parts & (KK_TAPE_BODY | KK_TAPE_MEDIA)) {
        kk_buf_append_text(out, reason != NULL ? ";" : "");
        if (nearest->parts & KK_TAPE_MEDIA) {
            append_media(out, entry, asked);
        } else {
            append_body(out, entry, asked);
        }
        reason = reason != NULL ? reason : "body_differs";
    }
    if (nearest->parts & KK_TAPE_SHAPE) {
        kk_buf_append_text(out, reason != NULL ? ";" : "");
        append_shape(out, entry, asked);
        reason = reason != NULL ? reason : "auth_shape_differs";
    }
    if (nearest->parts & KK_TAPE_HEADER) {
        kk_buf_append_text(out, reason != NULL ? ";" : "");
        append_header(out, entry, asked);
        reason = reason != NULL ? reason : "header_differs";
    }
    if (nearest->parts & KK_TAPE_ACCOUNT) {
        kk_buf_append_text(out, reason != NULL ? ";" : "");
        append_account(out, entry, asked);
        reason = reason != NULL ? reason : "account_differs";
    }
    return reason;
}

// The next ones, each with the parts that differ and, where they are counted, in how many places.
static void append_others(kk_buf *out, const near_entry *others)
{
    static const struct {
        unsigned part;
        const char *name;
    } names[] = {{KK_TAPE_QUERY, "query"},      {KK_TAPE_BODY, "body"},
                 {KK_TAPE_MEDIA, "media type"}, {KK_TAPE_SHAPE, "credential"},
                 {KK_TAPE_HEADER, "header"},    {KK_TAPE_ACCOUNT, "account"}};
    for (size_t i = 0; i + 1 < NEAREST && others[i].entry != NULL; i++) {
        kk_buf_append_text(out, i == 0 ? "; others: " : ", ");
        append_entry(out, others[i].entry);
        const char *before = " in ";
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (others[i].parts & names[k].part) {
                kk_buf_append_format(out, "%s%s", before, names[k].name);
                before = " and ";
            }
        }
        if (others[i].differences > 1) {
            kk_buf_append_format(out, " (%zu places)", others[i].differences);
        }
    }
}

static void note_secret(void *context, const char *pointer, const char *what)
{
    kk_buf *out = context;
    if (out->len == 0) {
        kk_buf_append_format(out, "'%.100s' looks like %.60s", pointer, what);
    }
}

// Which part of the request, of those that no entry has, holds what looks like a secret and
// redaction does not know, or NULL; [found] gets where and what, as far as that may be told.
static const char *find_secret(const kk_tape_asked *asked, const near_entry *nearest, kk_buf *found)
{
    const kk_tape_key *key = &asked->key;
    if (nearest->entry == NULL) {
        return kk_redact_is_suspect(key->path) ? "path" : NULL;
    }
    if ((nearest->parts & KK_TAPE_QUERY) && kk_redact_is_suspect(key->query)) {
        return "query";
    }
    if ((nearest->parts & KK_TAPE_BODY) == 0) {
        return NULL;
    }
    bool suspect = key->form == KK_TAPE_JSON
                       ? kk_redact_scan(NULL, key->body, note_secret, found) > 0
                       : kk_redact_is_suspect(key->body);
    return suspect ? "body" : NULL;
}

// A recording may have replaced the secret, and nothing of the part may be shown.
static kk_code report_secret(kk_tape *self, kk_tape_asked *asked, const kk_tape_entry *nearest,
                             const char *part, kk_buf *found, kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&text, "no answer in '%s' to ", self->path);
    append_request(&text, &asked->key);
    if (nearest != NULL) {
        kk_buf_append_text(&text, "; nearest is entry ");
        append_entry(&text, nearest);
    }
    kk_buf_append_format(&text, "%s the %s of the request holds a secret%s%s",
                         nearest != NULL ? ", and" : ":", part, found->len > 0 ? ": " : "",
                         kk_buf_text(found));
    kk_code code = report(&text, "redaction_unknown_secret", err);
    kk_fail_hint(err, "a tape holds no secrets: use a value that belongs to nobody%s",
                 strcmp(part, "body") == 0
                     ? ", or leave it out of the comparison with 'ignore_json' in '_match'"
                     : "");
    return code;
}

static kk_code report_nearest(kk_tape *self, kk_tape_asked *asked, const near_entry *nearest,
                              kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&text, "no answer in '%s' to ", self->path);
    append_request(&text, &asked->key);
    kk_buf_append_text(&text, "; nearest is entry ");
    append_entry(&text, nearest->entry);
    kk_buf_append_text(&text, ":");
    const char *reason = append_parts(&text, nearest, asked);
    append_others(&text, nearest + 1);
    kk_code code = report(&text, reason, err);
    kk_fail_hint(err, nearest->parts & KK_TAPE_SHAPE
                          ? "use the account and scheme that the tape was recorded with, or edit "
                            "the entry, or record the tape again"
                          : "make the request as it was recorded, or edit the entry, or record the "
                            "tape again");
    return code;
}

static kk_code report_exhausted(kk_tape *self, kk_tape_asked *asked, const kk_tape_entry *entry,
                                kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&text, "no answer is left in '%s' to ", self->path);
    append_request(&text, &asked->key);
    size_t entries = 0;
    size_t uses = 0;
    for (size_t i = 0; i < self->entry_count; i++) {
        if (kk_tape_differs(self, &self->entries[i], asked) == 0) {
            entries++;
            uses += self->entries[i].used;
        }
    }
    kk_buf_append_text(&text, ": entry ");
    append_entry(&text, entry);
    if (entries > 1) {
        kk_buf_append_format(&text, " and %zu more with the same key", entries - 1);
    }
    kk_buf_append_format(&text, " answered %zu time%s already", uses, uses == 1 ? "" : "s");
    kk_code code = report(&text, "exhausted", err);
    kk_fail_hint(err, "set \"_repeat\" in the entry to a number, \"last\" or \"any\", or record "
                      "the tape again");
    return code;
}

// The near ones among the requests of the tape, "'GET /v1/organizations'".
static size_t offer(kk_tape *self, const kk_tape_asked *asked, char *out, size_t out_size)
{
    char texts[OFFERED_MAX][96];
    const char *names[OFFERED_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < self->entry_count && count < OFFERED_MAX; i++) {
        assert(self->entries != NULL);
        const kk_tape_key *key = &self->entries[i].key;
        if (kk_redact_is_suspect(key->path)) {
            continue;
        }
        snprintf(texts[count], sizeof texts[count], "%.8s %s", key->method.ptr, key->path.ptr);
        bool seen = false;
        for (size_t j = 0; j < count && !seen; j++) {
            seen = strcmp(texts[j], texts[count]) == 0;
        }
        names[count] = texts[count];
        count += seen ? 0 : 1;
    }
    char wanted[96];
    snprintf(wanted, sizeof wanted, "%.8s %s", asked->key.method.ptr, asked->key.path.ptr);
    return kk_near(wanted, names, count, out, out_size);
}

// An entry that differs only in scheme, host or port, or NULL.
static const kk_tape_entry *find_elsewhere(kk_tape *self, kk_tape_asked *asked)
{
    for (size_t i = 0; i < self->entry_count; i++) {
        if (kk_tape_differs(self, &self->entries[i], asked) == KK_TAPE_ORIGIN) {
            return &self->entries[i];
        }
    }
    return NULL;
}

static void append_origin(kk_buf *out, const kk_tape_key *key)
{
    char host[96];
    kk_tape_show(key->host, host, sizeof host);
    bool address = memchr(key->host.ptr, ':', key->host.len) != NULL;
    kk_buf_append_format(out, "%s://%s%s%s:%u", key->secure ? "https" : "http", address ? "[" : "",
                         host, address ? "]" : "", key->port);
}

static kk_code report_absent(kk_tape *self, kk_tape_asked *asked, kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    char near[320];
    const kk_tape_entry *elsewhere = find_elsewhere(self, asked);
    kk_buf_append_format(&text, "'%s' has no entry for ", self->path);
    append_request(&text, &asked->key);
    if (elsewhere != NULL) {
        kk_buf_append_text(&text, " at ");
        append_origin(&text, &asked->key);
        kk_buf_append_text(&text, "; entry ");
        append_entry(&text, elsewhere);
        kk_buf_append_text(&text, " is for ");
        append_origin(&text, &elsewhere->key);
    } else if (offer(self, asked, near, sizeof near) > 0) {
        kk_buf_append_format(&text, "; near ones are %s", near);
    } else {
        kk_buf_append_format(&text, "; it has %zu entr%s", self->entry_count,
                             self->entry_count == 1 ? "y" : "ies");
    }
    kk_code code = report(&text, "no_entry", err);
    kk_fail_hint(err, elsewhere != NULL ? "set log._tape.base_url, so that the host does not count"
                                        : "add an entry to the tape, or record the tape again");
    return code;
}

kk_code kk_tape_miss(kk_tape *self, kk_tape_asked *asked, kk_error *err)
{
    near_entry nearest[NEAREST] = {{0}};
    find_nearest(self, asked, nearest);
    kk_buf found = {.limit = KK_TEXT_MAX};
    const char *part = find_secret(asked, &nearest[0], &found);
    if (part != NULL) {
        kk_code code = report_secret(self, asked, nearest[0].entry, part, &found, err);
        kk_buf_clean(&found);
        return code;
    }
    if (nearest[0].entry == NULL) {
        return report_absent(self, asked, err);
    }
    return nearest[0].parts == 0 ? report_exhausted(self, asked, nearest[0].entry, err)
                                 : report_nearest(self, asked, nearest, err);
}

kk_code kk_tape_miss_order(kk_tape *self, kk_tape_asked *asked, const kk_tape_entry *wanted,
                           kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    size_t index = (size_t)(wanted - self->entries);
    bool early = index > self->first_open;
    const kk_tape_entry *other = &self->entries[early ? self->first_open : self->last_claimed - 1];
    kk_buf_append_format(&text, "'%s' is played in strict order, and ", self->path);
    append_request(&text, &asked->key);
    kk_buf_append_text(&text, " is entry ");
    append_entry(&text, wanted);
    kk_buf_append_text(&text, early ? ", but first comes entry " : ", but already used was entry ");
    append_entry(&text, other);
    kk_code code = report(&text, "out_of_order", err);
    kk_fail_hint(err, "send the requests in the order of '_seq', or set log._tape.strict_order to "
                      "false");
    return code;
}
