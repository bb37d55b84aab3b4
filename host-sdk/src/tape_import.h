// Making entries of a tape from those of a HAR file that another program wrote.
#ifndef KK_TAPE_IMPORT_H
#define KK_TAPE_IMPORT_H

#include "redact.h"
#include "tape_tools.h"

// One entry of the HAR file.
typedef struct kk_tape_har {
    kk_str raw;
    size_t number; // place in the file, from 1
    int64_t started_ms;
} kk_tape_har;

typedef struct kk_tape_importer {
    kk_redactor *redactor;
    kk_tape_notes *notes;
    const kk_tape_har *har; // that is being read
    size_t seq;
    kk_buf redacted; // JSON Pointers of what was replaced in it, as members of an array
    const char *place;
} kk_tape_importer;

// Makes the credentials of an entry known, so that they are found wherever they occur.
KK_MUST_USE kk_code kk_tape_import_learn(kk_tape_importer *self, kk_error *err);

// Appends the entry of a tape.  False if there can be none: a note says why, and what was appended
// is of no use.
bool kk_tape_import_entry(kk_tape_importer *self, kk_buf *out);

// Appends the tape of the HAR file in [text].  Errors: as kk_tape_import_file().
KK_MUST_USE kk_code kk_tape_import_text(kk_str text, const char *path, kk_buf *out,
                                        kk_tape_notes *notes, kk_error *err);

// Adds a note on the entry that is being read.
void kk_tape_import_note(kk_tape_importer *self, const char *kind, const char *pointer,
                         const char *text);

#endif
