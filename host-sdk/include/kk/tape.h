// kk/tape.h - tapes: recorded HTTP exchanges, to be checked, read, compared and mended.
//
// A tape is a HAR 1.2 file in the profile that docs/tapes.md describes.  A host answers from one
// with kk_host_options.replay_file.  This header is for what surrounds that: a test that asks what
// of its tape was used, and programs that keep tapes in order.
//
//     const kk_tape *tape = kk_host_tape(host);
//     if (kk_tape_check_used(tape, &err) != KK_OK) {
//         fprintf(stderr, "%s\n", err.message); // "2 entries of 'a.har' were not used: ..."
//     }
//
// Texts are UTF-8.  A text with a length need not end in NUL.  Nothing here touches the network.
//
// SPDX-License-Identifier: MIT
#ifndef KK_TAPE_H
#define KK_TAPE_H

#include <kk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kk_tape kk_tape;

// ---- Loading

// Loads the tape at [path].  *out is new: for kk_tape_free().
// Errors: KK_ERR_TAPE_INVALID, with the line in the message and the JSON Pointer of what is wrong
// in err->argument; reason "tape_missing" where there is no file, else "tape_invalid".
KK_PUBLIC KK_MUST_USE kk_code kk_tape_load(const char *path, kk_tape **out, kk_error *err);

// Harmless for NULL.
KK_PUBLIC void kk_tape_free(kk_tape *tape);

// The path that it was loaded from.
KK_PUBLIC const char *kk_tape_path(const kk_tape *tape);

// ---- What a replay leaves

// The text of log._tape.variables.NAME: what a test made up when it was recorded, such as a name,
// and needs again when it is replayed.  A value that is no string is given as its JSON text.  NULL
// if there is none.  Borrowed from the tape.  Threads: any.
KK_PUBLIC const char *kk_tape_variable(const kk_tape *tape, const char *name);

// How many entries have not answered, or not as often as `_repeat` says: optional ones, and those
// that repeat "any", do not count.  Their `_id`s, "#3" for the third without one, are written into
// [names] with ", " between them and a NUL at the end; what does not fit is cut.  [names] may be
// NULL.  Threads: any.
KK_PUBLIC size_t kk_tape_unused(const kk_tape *tape, char *names, size_t names_size);

// The same as an error.  Ask only when all went well otherwise: after a failure, unused entries are
// its consequence.
// Errors: KK_ERR_REPLAY_MISS, reason "unused"; the message names the entries.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_check_used(const kk_tape *tape, kk_error *err);

#ifdef __cplusplus
}
#endif

#endif
