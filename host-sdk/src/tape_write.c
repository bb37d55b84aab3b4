// The writer of a tape: its lock, what is added, and saving.
#include "tape_write.h"
#include "fail.h"
#include "io.h"
#include "tape_file.h"
#include "tape_write_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { ACCOUNTS_MAX = 256, LOCK_TRIES = 100 };

struct kk_tape_writer {
    char *path;
    kk_buf old; // the bytes of the file; empty for none
    int lock;
    char *lock_path;
    pthread_mutex_t guard; // of everything below
    kk_redactor *redactor;
    int64_t next_seq;
    kk_tape_recorded *entries;
    size_t count;
    size_t capacity;
    size_t bytes;
    kk_tape_recorded_account accounts[ACCOUNTS_MAX];
    size_t account_count;
    char *base_url;
    int64_t recorded_ms;
    bool rejected;
    kk_error failed; // the first failure of an addition
};

// ---- The lock

static kk_code fail_lock(const kk_tape_writer *self, kk_error *err)
{
    kk_fail(err, KK_ERR_LOCKED, "another process is recording to '%s'", self->path);
    kk_fail_hint(err, "wait for it, or record to another file");
    return KK_ERR_LOCKED;
}

// Whether the file that was locked still has its name: the holder before removed it.
static bool is_current(const kk_tape_writer *self)
{
    struct stat opened;
    struct stat named;
    return fstat(self->lock, &opened) == 0 && stat(self->lock_path, &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static kk_code take_lock(kk_tape_writer *self, kk_error *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        self->lock = open(self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (self->lock < 0) {
            return kk_io_fail(err, errno, "make the lock", self->lock_path);
        }
        if (flock(self->lock, LOCK_EX | LOCK_NB) != 0) {
            bool held = errno == EWOULDBLOCK;
            kk_code code =
                held ? fail_lock(self, err) : kk_io_fail(err, errno, "lock", self->lock_path);
            close(self->lock);
            self->lock = -1;
            return code;
        }
        if (is_current(self)) {
            return KK_OK;
        }
        close(self->lock);
        self->lock = -1;
    }
    return fail_lock(self, err);
}

static void leave_lock(kk_tape_writer *self)
{
    if (self->lock >= 0) {
        unlink(self->lock_path);
        close(self->lock);
    }
}

// ---- Opening and closing

// What is there already has to be a tape.
static kk_code read_old(kk_tape_writer *self, kk_error *err)
{
    kk_tape *tape = NULL;
    if (access(self->path, F_OK) != 0) {
        return KK_OK;
    }
    kk_code code = kk_tape_file_read(self->path, &self->old, err);
    if (code == KK_OK) {
        code = kk_tape_parse(kk_buf_view(&self->old), self->path, &tape, err);
    }
    if (code == KK_OK) {
        kk_redactor_skip(self->redactor, kk_redact_last_fake(kk_buf_view(&self->old)));
    }
    kk_tape_free(tape);
    return code;
}

kk_code kk_tape_writer_open(const char *path, kk_tape_writer **out, kk_error *err)
{
    kk_tape_writer *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for recording");
    }
    self->lock = -1;
    self->old.limit = KK_TAPE_FILE_LIMIT;
    pthread_mutex_init(&self->guard, NULL);
    self->path = strdup(path);
    kk_buf lock_path = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&lock_path, "%s.lock", path);
    self->lock_path = kk_buf_steal(&lock_path);
    kk_buf_clean(&lock_path);
    kk_code code = self->path != NULL && self->lock_path != NULL
                       ? kk_redactor_new(&self->redactor, err)
                       : kk_fail(err, KK_ERR_INTERNAL, "out of memory for recording");
    code = code == KK_OK ? take_lock(self, err) : code;
    code = code == KK_OK ? read_old(self, err) : code;
    if (code != KK_OK) {
        kk_tape_writer_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

void kk_tape_writer_free(kk_tape_writer *self)
{
    if (self == NULL) {
        return;
    }
    leave_lock(self);
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].name);
        free(self->entries[i].members);
    }
    for (size_t i = 0; i < self->account_count; i++) {
        free(self->accounts[i].plugin);
        free(self->accounts[i].name);
        free(self->accounts[i].scheme);
    }
    free(self->entries);
    free(self->base_url);
    free(self->path);
    free(self->lock_path);
    kk_buf_clean(&self->old);
    kk_redactor_free(self->redactor);
    pthread_mutex_destroy(&self->guard);
    free(self);
}

// ---- Adding

kk_code kk_tape_writer_learn(kk_tape_writer *self, const kk_request_account *account, kk_error *err)
{
    kk_code code = KK_OK;
    pthread_mutex_lock(&self->guard);
    for (size_t i = 0; code == KK_OK && i < account->secret_count; i++) {
        code = kk_redactor_know(self->redactor, account->secrets[i].field,
                                account->secrets[i].value, err);
    }
    pthread_mutex_unlock(&self->guard);
    return code;
}

int64_t kk_tape_writer_begin(kk_tape_writer *self)
{
    pthread_mutex_lock(&self->guard);
    int64_t seq = ++self->next_seq;
    pthread_mutex_unlock(&self->guard);
    return seq;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static void keep_account(kk_tape_writer *self, const kk_request *request)
{
    for (size_t i = 0; i < self->account_count; i++) {
        kk_tape_recorded_account *there = &self->accounts[i];
        if (strcmp(there->plugin, request->plugin) == 0 &&
            strcmp(there->name, request->account) == 0) {
            there->is_default = there->is_default || request->recorded->is_default;
            return;
        }
    }
    kk_tape_recorded_account made = {.plugin = copy(request->plugin),
                                     .name = copy(request->account),
                                     .scheme = copy(request->recorded->scheme),
                                     .is_default = request->recorded->is_default};
    if (made.plugin == NULL || made.name == NULL || self->account_count == ACCOUNTS_MAX) {
        kk_fail(&self->failed, KK_ERR_TOO_LARGE, "a tape holds at most %d accounts", ACCOUNTS_MAX);
        free(made.plugin);
        free(made.name);
        free(made.scheme);
        return;
    }
    self->accounts[self->account_count++] = made;
    if (self->base_url == NULL) {
        const kk_request_account *recorded = request->recorded;
        self->base_url =
            copy(recorded->public_url != NULL ? recorded->public_url : recorded->base_url);
    }
}

static bool make_room(kk_tape_writer *self)
{
    if (self->count < self->capacity) {
        return true;
    }
    size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
    kk_tape_recorded *grown = realloc(self->entries, capacity * sizeof *grown);
    if (grown == NULL) {
        kk_fail(&self->failed, KK_ERR_INTERNAL, "out of memory for a recording");
        return false;
    }
    self->entries = grown;
    self->capacity = capacity;
    return true;
}

static void add(kk_tape_writer *self, const kk_tape_exchange *exchange)
{
    kk_tape_recorded entry = {0};
    if (self->bytes > KK_TAPE_MAX) {
        kk_fail(&self->failed, KK_ERR_TOO_LARGE, "the recording is longer than a tape may be");
        return;
    }
    if (!make_room(self) ||
        kk_tape_write_entry(self->redactor, exchange, &entry, &self->failed) != KK_OK) {
        return;
    }
    self->entries[self->count++] = entry;
    self->bytes += entry.members_len;
    if (self->recorded_ms == 0 || exchange->started_ms < self->recorded_ms) {
        self->recorded_ms = exchange->started_ms;
    }
    if (exchange->request->recorded != NULL) {
        keep_account(self, exchange->request);
    }
}

void kk_tape_writer_add(kk_tape_writer *self, const kk_tape_exchange *exchange)
{
    pthread_mutex_lock(&self->guard);
    if (exchange->failure == KK_ERR_CANCELLED) {
        self->rejected = true;
    } else if (kk_tape_can_hold(exchange->failure)) {
        add(self, exchange);
    }
    pthread_mutex_unlock(&self->guard);
}

void kk_tape_writer_reject(kk_tape_writer *self)
{
    pthread_mutex_lock(&self->guard);
    self->rejected = true;
    pthread_mutex_unlock(&self->guard);
}

// ---- Saving

static int by_seq(const void *left, const void *right)
{
    const kk_tape_recorded *a = left;
    const kk_tape_recorded *b = right;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

// What was learnt from later answers goes from earlier entries too.
static kk_code redact_again(kk_tape_writer *self, kk_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        kk_tape_recorded *entry = &self->entries[i];
        kk_buf whole = {.limit = KK_TAPE_MAX};
        kk_buf out = {.limit = KK_TAPE_MAX};
        kk_buf_append_byte(&whole, '{');
        kk_buf_append(&whole, entry->members, entry->members_len);
        kk_buf_append_byte(&whole, '}');
        bool changed = kk_redact_known(self->redactor, kk_buf_view(&whole), &out);
        kk_code code = kk_buf_check(&whole, "an entry", err);
        code = code == KK_OK ? kk_buf_check(&out, "an entry", err) : code;
        if (code == KK_OK && changed) {
            char *members = strndup(out.ptr + 1, out.len - 2);
            code = members != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
            if (members != NULL) {
                free(entry->members);
                entry->members = members;
                entry->members_len = out.len - 2;
            }
        }
        kk_buf_clean(&whole);
        kk_buf_clean(&out);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

// NAME.har becomes NAME.rejected.har.
static kk_code write_rejected(kk_tape_writer *self, kk_str text, kk_buf *path, kk_error *err)
{
    kk_buf masked = {.limit = KK_TAPE_MAX};
    size_t len = strlen(self->path);
    len -= len > 4 && strcmp(self->path + len - 4, ".har") == 0 ? 4 : 0;
    kk_buf_append_format(path, "%.*s.rejected.har", (int)len, self->path);
    kk_redact_mask(self->redactor, text, &masked);
    kk_code code = kk_buf_check(&masked, "the rejected recording", err);
    code = code == KK_OK ? kk_tape_file_write(kk_buf_text(path), kk_buf_view(&masked), err) : code;
    kk_buf_clean(&masked);
    return code;
}

typedef struct first_finding {
    char pointer[sizeof((kk_error *)NULL)->argument];
    char what[64];
} first_finding;

static void keep_first(void *context, const char *pointer, const char *what)
{
    first_finding *self = context;
    if (self->what[0] == '\0') {
        kk_text_set(self->pointer, sizeof self->pointer, pointer);
        kk_text_set(self->what, sizeof self->what, what);
    }
}

static kk_code fail_scan(kk_tape_writer *self, kk_str text, size_t count,
                         const first_finding *first, kk_error *err)
{
    kk_buf path = {.limit = KK_TEXT_MAX};
    kk_code code = write_rejected(self, text, &path, err);
    if (code == KK_OK) {
        code = kk_fail(err, KK_ERR_TAPE_INVALID,
                       "'%s' was not written: %zu values of the recording look like secrets, the "
                       "first, %s, at %s",
                       self->path, count, first->what, first->pointer);
        kk_fail_hint(err,
                     "look at '%s', where they are masked; if it is good so, it may take the "
                     "tape's place",
                     kk_buf_text(&path));
        kk_fail_argument(err, first->pointer);
        kk_fail_reason(err, "redaction_unknown_secret");
    }
    kk_buf_clean(&path);
    return code;
}

static kk_code fail_rejected(kk_tape_writer *self, kk_str text, kk_error *err)
{
    kk_buf path = {.limit = KK_TEXT_MAX};
    kk_code code = write_rejected(self, text, &path, err);
    if (code == KK_OK) {
        code = kk_fail(err, KK_ERR_TAPE_INVALID,
                       "'%s' was not written, since the run that was recorded failed", self->path);
        kk_fail_hint(err, "what was recorded is in '%s'", kk_buf_text(&path));
        kk_fail_reason(err, "rejected");
    }
    kk_buf_clean(&path);
    return code;
}

// The last look, and the file.
static kk_code write_checked(kk_tape_writer *self, kk_str text, bool changed, kk_error *err)
{
    kk_tape *tape = NULL;
    first_finding first = {{0}, {0}};
    if (self->rejected) {
        return fail_rejected(self, text, err);
    }
    if (!changed) {
        return KK_OK;
    }
    size_t count = kk_redact_scan(self->redactor, text, keep_first, &first);
    if (count > 0) {
        return fail_scan(self, text, count, &first, err);
    }
    kk_code code = kk_tape_parse(text, self->path, &tape, err);
    kk_tape_free(tape);
    return code == KK_OK ? kk_tape_file_write(self->path, text, err) : code;
}

static kk_code save(kk_tape_writer *self, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    bool changed = false;
    qsort(self->entries, self->count, sizeof *self->entries, by_seq);
    kk_code code = redact_again(self, err);
    kk_tape_merge input = {.old = kk_buf_view(&self->old),
                           .path = self->path,
                           .base_url = self->base_url,
                           .recorded_ms = self->recorded_ms,
                           .entries = self->entries,
                           .entry_count = self->count,
                           .last_fake = kk_redactor_last_fake(self->redactor),
                           .accounts = self->accounts,
                           .account_count = self->account_count};
    code = code == KK_OK ? kk_tape_merge_run(&input, &text, &changed, err) : code;
    code = code == KK_OK ? write_checked(self, kk_buf_view(&text), changed, err) : code;
    kk_buf_clean(&text);
    return code;
}

kk_code kk_tape_writer_save(kk_tape_writer *self, kk_error *err)
{
    pthread_mutex_lock(&self->guard);
    kk_code code = self->failed.code;
    if (code != KK_OK && err != NULL) {
        *err = self->failed;
    } else if (code == KK_OK && self->count > 0) {
        code = save(self, err);
    }
    pthread_mutex_unlock(&self->guard);
    return code;
}
