// Where the files of one user are: below one home, or in the XDG base directories.
#ifndef KK_CONFIG_PLACES_H
#define KK_CONFIG_PLACES_H

#include <kk/error.h>
#include <stdbool.h>

typedef enum kk_place_id {
    KK_PLACE_CONFIG,  // config.json
    KK_PLACE_KEYRING, // keyring.kkr
    KK_PLACE_PIN,     // keyring.pin
    KK_PLACE_PLUGINS, // a directory
    KK_PLACE_CACHE,   // a directory of what can be lost
    KK_PLACE_COUNT
} kk_place_id;

// Absolute paths.  Nothing has to be there.
typedef struct kk_places {
    char *paths[KK_PLACE_COUNT];
    bool shared_parents; // the directories above them are not kk's own
} kk_places;

// [home] NULL = KK_HOME if [use_environment], else XDG.  *out, which may be partly filled after a
// failure, is to be released with kk_places_clean().
// Errors: KK_ERR_USAGE for a place that is not absolute, or for no place at all; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_places_find(const char *home, bool use_environment, kk_places *out,
                                   kk_error *err);
void kk_places_clean(kk_places *self);

// Checks that [path], which [source] gives, is absolute.  Errors: KK_ERR_USAGE.
KK_MUST_USE kk_code kk_place_check(const char *source, const char *path, kk_error *err);

#endif
