// The plugin template, host-sdk/examples/hello, inside the program: cmake/KkTemplate.cmake makes
// the table when kk is built, so that the example that ships and `kk plugin new` are one text.
#ifndef KK_PLUGIN_TEMPLATE_H
#define KK_PLUGIN_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kk_template_file {
    const char *path; // in the new directory, "tapes/hello.har"; at most one directory deep
    const char *text; // text[len] == 0
    size_t len;
    bool in_c;   // belongs to the C variant
    bool in_cxx; // belongs to the C++ variant
} kk_template_file;

// The name that stands in paths and texts for that of the new plugin: as it is; as a title; and in
// upper case, where it is part of a variable's name.
#define KK_TEMPLATE_NAME "hello"
#define KK_TEMPLATE_TITLE "Hello"
#define KK_TEMPLATE_UPPER "HELLO"

// Each path once in each variant.
extern const kk_template_file kk_template_files[];
extern const size_t kk_template_file_count;

#endif
