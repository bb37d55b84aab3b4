// Where the key of a keyring comes from: the sources, looked through in order.
//
//     1. a descriptor or a key file that the caller names
//     2. KK_KEY_FD, KK_KEY_FILE, KK_KEY, KK_PASSPHRASE_FD, KK_PASSPHRASE_FILE, KK_PASSPHRASE
//     3. $CREDENTIALS_DIRECTORY/kk.key, as systemd hands it to a service
//     4. the configuration's key_source: a key file, or a command that prints the key
//
// The first that is configured is the one, and its failure is final.  Two of the same step are
// KK_ERR_KEY_AMBIGUOUS.  What is configured, yet does not give a key, is never passed over.
#ifndef KK_KEYRING_SOURCE_H
#define KK_KEYRING_SOURCE_H

#include "buf.h"
#include "keyring_key.h"

typedef struct kk_key_sources {
    int option_fd;                     // above 2; 0 = none
    const char *option_file;           // or NULL
    bool environment;                  // steps 2 and 3
    const char *config_file;           // or NULL
    const char *const *config_command; // NULL-terminated, or NULL
} kk_key_sources;

// Start with {0}.
typedef struct kk_found_key {
    kk_kring_slot_kind kind;
    kk_secret secret;
    char source[64]; // "KK_KEY_FILE", "the configuration", ...
} kk_found_key;

void kk_found_key_clean(kk_found_key *self);

// Takes KK_KEY and KK_PASSPHRASE out of the environment: their bytes there are overwritten and they
// are unset, so that no child and no reader of /proc sees them.  The texts stay in locked memory of
// the process, for every keyring that is opened later.  Changes the environment: not beside threads
// that read it.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_key_capture_environment(kk_error *err);

// The key of the first source that is configured.  *found is false if none is.  A descriptor is
// read to its end once, closed, and remembered like KK_KEY.
// Errors: KK_ERR_KEY_AMBIGUOUS, KEY_SYNTAX, PERMS, IO (a file is missing, a descriptor is not open,
// a command failed or took longer than 5 seconds), INTERNAL.
KK_MUST_USE kk_code kk_key_find(const kk_io *io, const kk_key_sources *sources, kk_found_key *out,
                                bool *found, kk_error *err);

// The name of the first source that is configured, without reading it; NULL if none is.
const char *kk_key_configured(const kk_key_sources *sources);

// Appends why each source has no key, for a message.
void kk_key_write_absent(const kk_key_sources *sources, kk_buf *out);

#endif
