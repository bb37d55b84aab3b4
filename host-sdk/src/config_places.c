// Where the files of one user are.
#include "config_places.h"
#include "fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One place: its name below a home, and its XDG base directory with the name below that.
typedef struct place {
    const char *in_home;
    const char *variable;
    const char *below_home; // the base directory where the variable is not set
    const char *in_base;
} place;

static const place places[KK_PLACE_COUNT] = {
    [KK_PLACE_CONFIG] = {"config.json", "XDG_CONFIG_HOME", ".config", "kk/config.json"},
    [KK_PLACE_KEYRING] = {"keyring.kkr", "XDG_DATA_HOME", ".local/share", "kk/keyring.kkr"},
    [KK_PLACE_PIN] = {"keyring.pin", "XDG_STATE_HOME", ".local/state", "kk/keyring.pin"},
    [KK_PLACE_PLUGINS] = {"plugins", "XDG_DATA_HOME", ".local/share", "kk/plugins"},
    [KK_PLACE_CACHE] = {"cache", "XDG_CACHE_HOME", ".cache", "kk"},
};

kk_code kk_place_check(const char *source, const char *path, kk_error *err)
{
    if (path[0] == '/') {
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_USAGE, "%s is '%s', which is not an absolute path", source, path);
}

// [middle] may be NULL.
static kk_code join(char **out, const char *base, const char *middle, const char *rest,
                    kk_error *err)
{
    int len = middle == NULL ? asprintf(out, "%s/%s", base, rest)
                             : asprintf(out, "%s/%s/%s", base, middle, rest);
    if (len < 0) {
        *out = NULL;
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the configuration");
    }
    return KK_OK;
}

static kk_code find_in_home(kk_places *self, const char *home, const char *source, kk_error *err)
{
    kk_code code = kk_place_check(source, home, err);
    for (size_t i = 0; code == KK_OK && i < KK_PLACE_COUNT; i++) {
        code = join(&self->paths[i], home, NULL, places[i].in_home, err);
    }
    return code;
}

static kk_code find_in_xdg(const place *row, char **out, kk_error *err)
{
    const char *value = secure_getenv(row->variable);
    if (value != NULL && value[0] != '\0') {
        kk_code code = kk_place_check(row->variable, value, err);
        return code == KK_OK ? join(out, value, NULL, row->in_base, err) : code;
    }
    const char *home = secure_getenv("HOME");
    if (home == NULL || home[0] == '\0') {
        kk_fail(err, KK_ERR_USAGE, "there is no place for the files: HOME is not set");
        kk_fail_hint(err, "set KK_HOME to an absolute path");
        return KK_ERR_USAGE;
    }
    kk_code code = kk_place_check("HOME", home, err);
    return code == KK_OK ? join(out, home, row->below_home, row->in_base, err) : code;
}

kk_code kk_places_find(const char *home, bool use_environment, kk_places *out, kk_error *err)
{
    if (home != NULL) {
        return find_in_home(out, home, "the home", err);
    }
    const char *variable = use_environment ? secure_getenv("KK_HOME") : NULL;
    if (variable != NULL) {
        return find_in_home(out, variable, "KK_HOME", err);
    }
    out->shared_parents = true;
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < KK_PLACE_COUNT; i++) {
        code = find_in_xdg(&places[i], &out->paths[i], err);
    }
    return code;
}

void kk_places_clean(kk_places *self)
{
    for (size_t i = 0; i < KK_PLACE_COUNT; i++) {
        free(self->paths[i]);
    }
    *self = (kk_places){0};
}
