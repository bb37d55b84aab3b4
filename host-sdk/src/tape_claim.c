// Finding the entry that answers a request, and counting its uses.
#include "fail.h"
#include "tape_private.h"
#include <stdlib.h>
#include <strings.h>

// ---- The tables

static int by_order(const void *left, const void *right)
{
    const kk_tape_entry *a = left;
    const kk_tape_entry *b = right;
    if (a->seq != b->seq) {
        return a->seq < b->seq ? -1 : 1;
    }
    return a->number < b->number ? -1 : 1;
}

static bool has_rules(const kk_tape_entry *entry)
{
    return entry->match.body_ignored || entry->match.ignored.count > 0;
}

static kk_tape_entry **bucket(kk_tape *self, const kk_tape_entry *entry)
{
    size_t mask = self->bucket_count - 1;
    return has_rules(entry) ? &self->by_place[entry->key.place & mask]
                            : &self->by_all[entry->key.all & mask];
}

kk_code kk_tape_index(kk_tape *self, kk_error *err)
{
    self->bucket_count = 16;
    while (self->bucket_count < 2 * self->entry_count) {
        self->bucket_count *= 2;
    }
    self->by_all = calloc(self->bucket_count, sizeof *self->by_all);
    self->by_place = calloc(self->bucket_count, sizeof *self->by_place);
    if (self->by_all == NULL || self->by_place == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the tape '%s'", self->path);
    }
    if (self->entry_count > 1) {
        qsort(self->entries, self->entry_count, sizeof *self->entries, by_order);
    }
    for (size_t i = self->entry_count; i-- > 0;) {
        kk_tape_entry *entry = &self->entries[i];
        kk_tape_entry **head = bucket(self, entry);
        entry->next = *head;
        *head = entry;
        bool authorization = kk_str_is(entry->key.shape_name, "authorization");
        if (authorization || (self->shape == NULL && entry->key.shape_name.len > 0)) {
            self->shape = entry->key.shape.ptr;
        }
    }
    return KK_OK;
}

// ---- Comparing

kk_str kk_tape_asked_body(kk_tape_asked *asked, const kk_tape_entry *entry)
{
    if (asked->key.form != KK_TAPE_JSON || entry->match.ignored.count == 0) {
        return asked->key.body;
    }
    kk_buf body = {.limit = KK_TAPE_MAX};
    kk_str kept = {NULL, 0};
    if (kk_tape_canonical(asked->key.whole, &entry->match.ignored, &body)) {
        kept = kk_arena_keep(&asked->arena, &body);
    }
    kk_buf_clean(&body);
    return kept;
}

static unsigned differs_in_body(const kk_tape_entry *entry, kk_tape_asked *asked)
{
    const kk_tape_key *tape = &entry->key;
    const kk_tape_key *key = &asked->key;
    if (entry->match.body_ignored) {
        return 0;
    }
    if (tape->form != KK_TAPE_NO_BODY && key->form != KK_TAPE_NO_BODY &&
        !kk_str_equals(tape->media, key->media)) {
        return KK_TAPE_MEDIA;
    }
    if (tape->form != key->form || !kk_str_equals(tape->body, kk_tape_asked_body(asked, entry))) {
        return KK_TAPE_BODY;
    }
    return 0;
}

static unsigned differs_in_headers(const kk_tape_entry *entry, const kk_request *request)
{
    for (size_t i = 0; i < entry->match.header_count; i++) {
        const char *name = entry->match.headers[i];
        const char *tape = kk_tape_header(entry->headers, entry->header_count, name);
        const char *value = kk_tape_header(request->headers, request->header_count, name);
        if ((tape == NULL) != (value == NULL) || (tape != NULL && strcmp(tape, value) != 0)) {
            return KK_TAPE_HEADER;
        }
    }
    return 0;
}

static bool same_origin(const kk_tape_key *a, const kk_tape_key *b)
{
    return a->secure == b->secure && a->port == b->port && kk_str_equals(a->host, b->host);
}

unsigned kk_tape_differs(const kk_tape *self, const kk_tape_entry *entry, kk_tape_asked *asked)
{
    const kk_tape_key *tape = &entry->key;
    const kk_tape_key *key = &asked->key;
    unsigned parts = 0;
    parts |= kk_str_equals(tape->method, key->method) ? 0 : KK_TAPE_METHOD;
    parts |= entry->any_origin || same_origin(tape, key) ? 0 : KK_TAPE_ORIGIN;
    parts |= kk_str_equals(tape->path, key->path) ? 0 : KK_TAPE_PATH;
    if (parts != 0) {
        return parts;
    }
    parts |= kk_str_equals(tape->query, key->query) ? 0 : KK_TAPE_QUERY;
    parts |= differs_in_body(entry, asked);
    if (self->shape != NULL && (!kk_str_equals(tape->shape_name, key->shape_name) ||
                                !kk_str_equals(tape->shape, key->shape))) {
        parts |= KK_TAPE_SHAPE;
    }
    parts |= differs_in_headers(entry, asked->request);
    const char *account = asked->request->account;
    if (entry->account != NULL && (account == NULL || strcmp(entry->account, account) != 0)) {
        parts |= KK_TAPE_ACCOUNT;
    }
    return parts;
}

// ---- Uses

bool kk_tape_has_uses(const kk_tape_entry *entry)
{
    return entry->repeat != KK_TAPE_TIMES || entry->used < entry->times;
}

bool kk_tape_is_open(const kk_tape_entry *entry)
{
    switch (entry->repeat) {
    case KK_TAPE_ANY:
        return false;
    case KK_TAPE_LAST:
        return !entry->optional && entry->used == 0;
    default:
        return !entry->optional && entry->used < entry->times;
    }
}

// What a search has found: the first entry with uses left, else the last of those that repeat when
// nothing else is left.
typedef struct found {
    kk_tape_entry *entry;
    bool again;
} found;

static void consider(found *self, kk_tape_entry *entry)
{
    bool again = entry->repeat == KK_TAPE_LAST && entry->used > 0;
    bool better = self->entry == NULL || (self->again && !again);
    if (self->again == again && self->entry != NULL) {
        better = again ? entry > self->entry : entry < self->entry;
    }
    if (better) {
        *self = (found){entry, again};
    }
}

// Looks through one chain.  The chain is in order, so the first entry that is no repetition decides
// it.
static void search(const kk_tape *self, kk_tape_entry *entry, kk_tape_asked *asked, found *best)
{
    for (; entry != NULL; entry = entry->next) {
        if (kk_tape_differs(self, entry, asked) != 0) {
            continue;
        }
        consider(best, entry);
        if (entry->repeat != KK_TAPE_LAST || entry->used == 0) {
            return;
        }
    }
}

// Takes an entry without uses left out of its chain, so that the next search need not pass it.
static void unlink_entry(kk_tape *self, kk_tape_entry *entry)
{
    kk_tape_entry **at = bucket(self, entry);
    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
}

// Under strict order: KK_OK if the entry's turn has come.
static kk_code check_order(kk_tape *self, kk_tape_asked *asked, const kk_tape_entry *entry,
                           kk_error *err)
{
    size_t index = (size_t)(entry - self->entries);
    if (!self->strict_order || entry->repeat == KK_TAPE_ANY) {
        return KK_OK;
    }
    while (self->first_open < self->entry_count &&
           !kk_tape_is_open(&self->entries[self->first_open])) {
        self->first_open++;
    }
    if (index > self->first_open || index + 1 < self->last_claimed) {
        return kk_tape_miss_order(self, asked, entry, err);
    }
    self->last_claimed = index + 1;
    return KK_OK;
}

static kk_code claim_locked(kk_tape *self, kk_tape_asked *asked, kk_tape_answer *out, kk_error *err)
{
    size_t mask = self->bucket_count - 1;
    found best = {NULL, false};
    search(self, self->by_all[asked->key.all & mask], asked, &best);
    search(self, self->by_place[asked->key.place & mask], asked, &best);
    if (best.entry == NULL) {
        return kk_tape_miss(self, asked, err);
    }
    kk_code code = check_order(self, asked, best.entry, err);
    if (code != KK_OK) {
        return code;
    }
    best.entry->used += best.entry->used < UINT32_MAX ? 1 : 0;
    if (!kk_tape_has_uses(best.entry)) {
        unlink_entry(self, best.entry);
    }
    *out = best.entry->answer;
    return KK_OK;
}

static kk_header credential_of(const kk_request *request)
{
    return request->credential.name != NULL && request->credential.value != NULL
               ? request->credential
               : (kk_header){NULL, NULL};
}

kk_code kk_tape_claim(kk_tape *self, const kk_request *request, kk_tape_answer *out, kk_error *err)
{
    kk_tape_source source = {
        .method = request->method,
        .url = request->url,
        .body = request->body,
        .content_type = kk_tape_header(request->headers, request->header_count, "content-type"),
        .credential = credential_of(request)};
    kk_tape_asked asked = {.request = request};
    kk_code code = kk_tape_key_make(&source, &asked.arena, &asked.key, err);
    if (code == KK_OK) {
        pthread_mutex_lock(&self->lock);
        code = claim_locked(self, &asked, out, err);
        pthread_mutex_unlock(&self->lock);
    }
    kk_arena_clean(&asked.arena);
    return code;
}

// ---- What a tape says of itself

static void append_name(kk_buf *out, const kk_tape_entry *entry)
{
    kk_buf_append_text(out, out->len > 0 ? ", " : "");
    if (entry->id != NULL) {
        kk_buf_append_text(out, entry->id);
    } else {
        kk_buf_append_format(out, "#%zu", entry->number);
    }
}

size_t kk_tape_unused(const kk_tape *self, char *out, size_t out_size)
{
    kk_buf names = {.limit = KK_TEXT_MAX};
    pthread_mutex_t *lock = (pthread_mutex_t *)&self->lock;
    size_t count = 0;
    pthread_mutex_lock(lock);
    for (size_t i = 0; i < self->entry_count; i++) {
        const kk_tape_entry *entry = &self->entries[i];
        if (kk_tape_is_open(entry)) {
            append_name(&names, entry);
            count++;
        }
    }
    pthread_mutex_unlock(lock);
    if (out != NULL && out_size > 0) {
        kk_text_set(out, out_size, kk_buf_text(&names));
    }
    kk_buf_clean(&names);
    return count;
}

kk_code kk_tape_check_used(const kk_tape *self, kk_error *err)
{
    char names[400];
    size_t count = kk_tape_unused(self, names, sizeof names);
    if (count == 0) {
        return KK_OK;
    }
    kk_fail(err, KK_ERR_REPLAY_MISS, "%zu entr%s of '%.160s' %s not used: %s", count,
            count == 1 ? "y" : "ies", self->path, count == 1 ? "was" : "were", names);
    kk_fail_reason(err, "unused");
    kk_fail_hint(err,
                 "remove them with 'kk tape prune', or set \"_optional\": true in those that need "
                 "not be used");
    return KK_ERR_REPLAY_MISS;
}

const char *kk_tape_path(const kk_tape *self)
{
    return self->path;
}

int64_t kk_tape_recorded_ms(const kk_tape *self)
{
    return self->recorded_ms;
}

size_t kk_tape_account_count(const kk_tape *self)
{
    return self->account_count;
}

const kk_tape_account *kk_tape_account_at(const kk_tape *self, size_t index)
{
    return index < self->account_count ? &self->accounts[index] : NULL;
}

const char *kk_tape_shape(const kk_tape *self)
{
    return self->shape;
}
