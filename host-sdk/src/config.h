// Where the files are, and what the user configured.
//
// With a home D (kk_host_options.home, or KK_HOME): D/config.json, D/keyring.kkr, D/keyring.lock,
// D/keyring.pin, D/plugins/, D/cache/.  Otherwise the XDG base directories, each with `kk/` below:
// config.json in the configuration; keyring.kkr, keyring.lock and plugins/ in the data directory;
// keyring.pin in the state; what can be lost in the cache directory.  A place that is not absolute
// is refused; there is no fallback to the current directory.
//
// config.json is one JSON object with the members key_source ({"file": PATH}, or
// {"command": [PATH, ARGUMENT...]}), ca_file, proxy and log; an unknown member is refused with near
// names.  It must not be writable by others.  A project's .kk.json, in the current directory or the
// nearest above it that has one, may choose an account name per plugin, {"accounts":
// {"planetscale": "staging"}}, and nothing else.
#ifndef KK_CONFIG_H
#define KK_CONFIG_H

#include <kk/error.h>

typedef struct kk_config kk_config;

// [home] NULL = KK_HOME if [use_environment], else XDG.  *out is new, freed with kk_config_free().
// Errors: KK_ERR_USAGE, KK_ERR_PERMS, KK_ERR_IO.
KK_MUST_USE kk_code kk_config_load(const char *home, bool use_environment, kk_config **out,
                                   kk_error *err);
void kk_config_free(kk_config *self);

// Absolute paths.  Borrowed.
const char *kk_config_keyring_path(const kk_config *self);
const char *kk_config_pin_path(const kk_config *self);
const char *kk_config_plugin_dir(const kk_config *self);
const char *kk_config_cache_dir(const kk_config *self);

// Makes the cache directory, 0700, if it is not there; a home that is not there is not made.
// Errors: KK_ERR_IO, KK_ERR_NO_SPACE, KK_ERR_READ_ONLY.
KK_MUST_USE kk_code kk_config_make_cache_dir(const kk_config *self, kk_error *err);

// Values of config.json, or NULL.
const char *kk_config_key_file(const kk_config *self);
const char *const *kk_config_key_command(const kk_config *self); // NULL-terminated
const char *kk_config_ca_file(const kk_config *self); // KK_CA_FILE goes before config.json
const char *kk_config_proxy(const kk_config *self);

// The account that the project's .kk.json names for [plugin], or NULL; the path of that file.
const char *kk_config_project_account(const kk_config *self, const char *plugin);
const char *kk_config_project_path(const kk_config *self);

// Remembers [path], made absolute, as the key source, in one rename; makes the directory (0700) and
// the file (0600).
// Errors: KK_ERR_IO, KK_ERR_NO_SPACE, KK_ERR_READ_ONLY.
KK_MUST_USE kk_code kk_config_set_key_file(kk_config *self, const char *path, kk_error *err);

// Makes every directory down to the one that will hold [path], 0700.  Errors: as above.
KK_MUST_USE kk_code kk_config_make_parent(const char *path, kk_error *err);

#endif
