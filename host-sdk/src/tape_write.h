// Recording: exchanges in, a tape in its file out.
//
// What is added is redacted at once and kept; kk_tape_writer_save() merges it with the tape that
// was in the file when the writer was opened, and replaces the file:
//
//   - An exchange that the tape has already - the same request, by the tape's own rules of
//     matching, and the same answer but for the numbers of fakes - leaves its entry alone, byte for
//     byte.  If all are there, the file is not touched.
//   - One with another answer takes the place of the entry that it would have used up, whose _id,
//     _seq, _repeat, _optional, _match and comment stay.
//   - One without an entry goes to the end, in the order in which the requests began.
//
// The file is refused rather than written with a finding of kk_redact_scan().  A recording that was
// refused, or whose run failed, goes to NAME.rejected.har beside it, with what was found masked;
// the old tape stays.
//
// Threads: any may add at once.  Opening, saving and freeing are one thread's.
#ifndef KK_TAPE_WRITE_H
#define KK_TAPE_WRITE_H

#include "redact.h"
#include "tape.h"
#include "transport.h"

// Readies the recording into [path]: loads the tape that is there, and locks PATH.lock, so that a
// second recorder of the same tape is refused.  *out is new, for kk_tape_writer_free().
// Errors: KK_ERR_LOCKED, TAPE_INVALID (for what is in the file), IO, READ_ONLY, INTERNAL.
KK_MUST_USE kk_code kk_tape_writer_open(const char *path, kk_tape_writer **out, kk_error *err);

// Makes the secrets of the account known, before a request of it is sent.
// Errors: KK_ERR_INVALID_ARGS for a secret that is too short to be kept out; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_tape_writer_learn(kk_tape_writer *self, const kk_request_account *account,
                                         kk_error *err);

// The place of a request that begins now.
int64_t kk_tape_writer_begin(kk_tape_writer *self);

// One exchange.  All borrowed for the call.
typedef struct kk_tape_exchange {
    int64_t seq; // as kk_tape_writer_begin() gave it
    int64_t started_ms;
    uint64_t wait_ms;
    const kk_request *request;
    const kk_response *response; // on failure only `sent` counts
    kk_code failure;             // KK_OK, or what it failed with
    const char *problem;         // of a failure: what was said, or ""
    const char *hint;            // and how to mend it, or ""
} kk_tape_exchange;

// Adds an exchange.  A failure that no tape can hold, such as one before anything was tried, is
// left out; one that the caller's cancelling caused, too, and rejects the run.  What goes wrong
// here is told by kk_tape_writer_save().
void kk_tape_writer_add(kk_tape_writer *self, const kk_tape_exchange *exchange);

// The run failed: what it recorded shall not replace the tape.
void kk_tape_writer_reject(kk_tape_writer *self);

// Writes the tape.  Without anything new it writes nothing.  Later additions need a further save.
// Errors: KK_ERR_TAPE_INVALID, reason "redaction_unknown_secret" where the last look found
// something (its JSON Pointer in err->argument) and reason "rejected" where the run failed;
// KK_ERR_IO, NO_SPACE, READ_ONLY, PERMS, TOO_LARGE, INTERNAL.
KK_MUST_USE kk_code kk_tape_writer_save(kk_tape_writer *self, kk_error *err);

// Lets the lock go.  What was not saved is lost.  Harmless for NULL.
void kk_tape_writer_free(kk_tape_writer *self);

#endif
