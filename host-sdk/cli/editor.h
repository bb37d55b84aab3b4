// A line at the terminal, edited while it is typed.
//
// Keys: the arrows, Home, End, Delete and Backspace; Ctrl-A and Ctrl-E to the ends, Ctrl-U and
// Ctrl-K delete to them, Ctrl-W a word; the arrows up and down, or Ctrl-P and Ctrl-N, go through
// earlier lines; Tab completes.  A line longer than the terminal is wide moves sideways.  Where the
// terminal can do none of this (TERM is dumb or missing), lines are read as the terminal gives
// them.
#ifndef KK_EDITOR_H
#define KK_EDITOR_H

#include "buf.h"

// What [text], the word before the cursor, may become: NULL-terminated, for free() as one piece; or
// NULL.
typedef char **(*kk_complete_fn)(void *context, const char *text);

typedef enum kk_edit {
    KK_EDIT_LINE,    // a line was entered
    KK_EDIT_DROPPED, // Ctrl-C: what was typed is given up
    KK_EDIT_WOKEN,   // there is a byte on wake_fd
    KK_EDIT_END      // Ctrl-D on an empty line, or the terminal is gone
} kk_edit;

typedef struct kk_editor kk_editor;

// [complete] may be NULL.  NULL if memory runs out.
kk_editor *kk_editor_new(kk_complete_fn complete, void *context);
void kk_editor_free(kk_editor *self);

// Shows [prompt] and reads a line from the terminal at stdin and stdout into [out], without its
// newline.  The terminal is as it was when this returns.  Lines are UTF-8 and at most out->limit
// bytes long.
kk_edit kk_editor_read(kk_editor *self, const char *prompt, int wake_fd, kk_buf *out);

#endif
