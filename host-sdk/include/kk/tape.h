// kk/tape.h - tapes: recorded HTTP exchanges, to be checked, read, compared and mended.
//
// A tape is a HAR 1.2 file in the profile that docs/tapes.md describes.  A host answers from one
// with kk_host_options.replay_file.  This header is for what surrounds that: a test that asks what
// of its tape was used, and programs that keep tapes in order.
//
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

// ---- Reading entries

// One exchange.  All texts belong to the tape.
typedef struct kk_tape_entry_info {
    size_t number;       // place in the file, from 1
    size_t line;         // where it begins in the file, from 1
    const char *id;      // `_id`, or NULL
    const char *account; // `_account`, or NULL
    const char *method;
    const char *url;
    size_t request_bytes; // of the body
    unsigned status;      // 0 where no answer had begun
    const char *failure;  // "timeout", or NULL
    const char *body;     // of the answer, followed by a NUL
    size_t body_len;
    uint32_t uses; // how often it has to answer; 0 = any number of times
    bool repeats;  // and may answer more often
    bool optional;
    int64_t started_ms; // since 1970-01-01 UTC; 0 = not said
    uint64_t took_ms;
} kk_tape_entry_info;

KK_PUBLIC size_t kk_tape_entry_count(const kk_tape *tape);

// The entries in the order of use.  False where there is no entry [index].
KK_PUBLIC bool kk_tape_entry_at(const kk_tape *tape, size_t index, kk_tape_entry_info *out);

// ---- Remarks

// One thing that a tool has to say.
typedef struct kk_tape_note {
    const char *kind;    // lint: "error", "warning"; diff: "added", "removed", "changed"; import:
                         // "dropped", "changed"
    const char *entry;   // the `_id`, or "#3", or "" for the tape as a whole
    size_t line;         // where the entry begins, or 0
    const char *pointer; // JSON Pointer from the entry, or from the file where there is none; or ""
    const char *text;    // one line
} kk_tape_note;

typedef struct kk_tape_notes kk_tape_notes;

KK_PUBLIC size_t kk_tape_notes_count(const kk_tape_notes *notes);
KK_PUBLIC const kk_tape_note *kk_tape_notes_at(const kk_tape_notes *notes, size_t index);
KK_PUBLIC void kk_tape_notes_free(kk_tape_notes *notes); // harmless for NULL

// Looks for what is doubtful in the tape at [path]: what looks like a secret ("error"), entries
// that never answer, misspelt members, headers that no recording keeps, another layout than
// kk_tape_format_file() gives ("warning").  *out is new: for kk_tape_notes_free().
// Errors: as kk_tape_load(), for a tape that cannot be replayed at all.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_lint(const char *path, kk_tape_notes **out, kk_error *err);

// Compares what two tapes answer: entries with equal keys, then entries of the same `_id`.  Times,
// layout and order in the file do not count.  No notes: they answer alike.  *out is new.
// Errors: KK_ERR_INTERNAL.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_diff(const kk_tape *a, const kk_tape *b, kk_tape_notes **out,
                                           kk_error *err);

// ---- Changing a tape

// A changed file is replaced whole, and keeps its mode; a file that cannot be replaced stays as it
// was.  Errors of all of these: those of kk_tape_load(), KK_ERR_IO, NO_SPACE, READ_ONLY, INTERNAL.

// Brings the tape into the one form: members in order, copies made from their sources, JSON bodies
// as `_json`.  What it answers stays the same to the byte, and a second time changes nothing.
// *changed tells whether the file was, or without [write] would be, changed.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_format_file(const char *path, bool write, bool *changed,
                                                  kk_error *err);

// Removes the entries in [names], a NULL-terminated list of `_id`s and "#3"s; with NULL those that
// can never answer.  *count is how many.  Errors: KK_ERR_USAGE for a name that there is not.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_prune_file(const char *path, const char *const *names,
                                                 bool write, size_t *count, kk_error *err);

// Makes the tape [to] of the HAR file [from], as browsers, Playwright and mitmproxy write it.
// Everything is redacted as in a recording: cookies and most headers are dropped, credentials
// become placeholders, and what still looks like a secret becomes {{SUSPECTED_SECRET}}.  *out is
// new: the entries that no tape can hold and were dropped, and what was changed in others.  With
// [write] false nothing is written.  An existing file is replaced only with [replace].
// Errors: KK_ERR_TAPE_INVALID where [from] is no HAR file, or nothing of it is left; KK_ERR_USAGE
// where [to] exists.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_import_file(const char *from, const char *to, bool write,
                                                  bool replace, kk_tape_notes **out, kk_error *err);

// Replaces in the tape at [path] what a recording would have replaced or left out: headers that it
// does not keep, values under the names of secrets and of people.  *out is new: "changed" for each
// place, by its JSON Pointer from the file, and "error" for what looks like a secret still and has
// to be mended by hand.  Bodies in base64 are not looked into.
KK_PUBLIC KK_MUST_USE kk_code kk_tape_redact_file(const char *path, bool write, kk_tape_notes **out,
                                                  kk_error *err);

// ---- Age

typedef struct kk_tape_age {
    int64_t recorded_ms; // log._tape.recorded_at; 0 = not said
    int64_t oldest_ms;   // the oldest of it and of the entries; 0 = not said
    int64_t days;        // since then
    uint32_t limit_days; // 0 = none
} kk_tape_age;

// How old the tape is by the clock of the machine, and whether that is more than [fail_after_days],
// or with 0 than log._tape.expires_days.  *out is filled either way.  A tape's age never changes
// how it is replayed.
// Errors: KK_ERR_TAPE_INVALID, reason "expired".
KK_PUBLIC KK_MUST_USE kk_code kk_tape_check_age(const kk_tape *tape, uint32_t fail_after_days,
                                                kk_tape_age *out, kk_error *err);

#ifdef __cplusplus
}
#endif

#endif
