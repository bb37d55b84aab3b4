// What the files of the recording share.
//
//     tape_write.c        the writer: lock, additions, saving
//     tape_write_entry.c  an exchange as an entry, redacted
//     tape_merge.c        new entries and the tape that was there
//     tape_join.c         their fakes under the numbers that they had there
#ifndef KK_TAPE_WRITE_PRIVATE_H
#define KK_TAPE_WRITE_PRIVATE_H

#include "redact.h"
#include "tape_private.h"
#include "tape_write.h"

// An entry that was recorded: the object's text without its braces, _id and _seq.
typedef struct kk_tape_recorded {
    int64_t seq;
    char *name; // what its _id begins with
    char *members;
    size_t members_len;
} kk_tape_recorded;

// An account that made entries.
typedef struct kk_tape_recorded_account {
    char *plugin;
    char *name;
    char *scheme; // or NULL
    bool is_default;
} kk_tape_recorded_account;

// Writes the entry of an exchange.  False if it is none that a tape can hold.
// Errors: KK_ERR_TOO_LARGE, INTERNAL.
KK_MUST_USE kk_code kk_tape_write_entry(kk_redactor *redactor, const kk_tape_exchange *exchange,
                                        kk_tape_recorded *out, kk_error *err);

// Whether a tape can hold this outcome of an exchange.
bool kk_tape_can_hold(kk_code failure);

// What a merge begins with.
typedef struct kk_tape_merge {
    kk_str old;       // the text of the file, len 0 for none
    const char *path; // for messages
    const char *base_url;
    int64_t recorded_ms;
    kk_tape_recorded *entries; // by seq; the fakes in them may get other numbers
    size_t entry_count;
    uint64_t last_fake; // the highest number of a fake in them
    const kk_tape_recorded_account *accounts;
    size_t account_count;
} kk_tape_merge;

// Whether both are the same value, or the same text, but for the numbers of fakes.
bool kk_tape_same_level(kk_str a, kk_str b);

// Gives the fakes in [entries] the numbers that the same values have on [old], if a request repeats
// any.  [fresh] are the same entries as they were loaded.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_tape_join(const kk_tape_merge *input, const kk_tape *old,
                                 const kk_tape_entry *const *fresh, kk_tape_recorded *entries,
                                 bool *changed, kk_error *err);

// Appends the text of the merged tape; *changed is false if it is the old one.
// Errors: KK_ERR_TAPE_INVALID, TOO_LARGE, INTERNAL.
KK_MUST_USE kk_code kk_tape_merge_run(const kk_tape_merge *self, kk_buf *out, bool *changed,
                                      kk_error *err);

// A time as RFC 3339 writes it, with milliseconds.
void kk_tape_write_time(int64_t unix_ms, kk_buf *out);

#endif
