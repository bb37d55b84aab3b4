// What the tools of kk/tape.h share.
#ifndef KK_TAPE_TOOLS_H
#define KK_TAPE_TOOLS_H

#include "tape_private.h"

// Appends the tape in [text] with its members in order and its copies made from their sources.
// Errors: those of kk_tape_parse(); KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_tape_write_formatted(kk_str text, const char *name, kk_buf *out,
                                            kk_error *err);

// Makes an empty list.  NULL if memory runs out.
kk_tape_notes *kk_tape_notes_new(void);

// Adds one note; the texts are copied.  [entry] may be NULL.  What does not fit because memory runs
// out shows in kk_tape_notes_check().
void kk_tape_notes_add(kk_tape_notes *self, const char *kind, const kk_tape_entry *entry,
                       const char *pointer, const char *format, ...) KK_PRINTF(5, 6);
KK_MUST_USE kk_code kk_tape_notes_check(const kk_tape_notes *self, kk_error *err);

// Whether [later] can never answer, because [first], before it, answers all that it would.
bool kk_tape_hides(const kk_tape *self, const kk_tape_entry *first, const kk_tape_entry *later);

// The entry that hides [entry], or NULL.
const kk_tape_entry *kk_tape_hidden_by(const kk_tape *self, const kk_tape_entry *entry);

// Steps over the entries of a tape's text in the order of the file.  False at the end.
typedef struct kk_tape_walk {
    kk_json_reader reader;
    bool started;
} kk_tape_walk;
bool kk_tape_walk_next(kk_tape_walk *self, kk_str text, kk_str *entry);

#endif
