// Writing the configuration: the key file is remembered, directories are made.
#include "config_private.h"
#include "fail.h"
#include "io.h"
#include "secret.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SWEPT_AGE_S = 60 };

static const char temp_prefix[] = ".kk-config.tmp.";

kk_code kk_config_make_parent(const char *path, kk_error *err)
{
    char *dir = strdup(path);
    kk_code code = dir != NULL ? KK_OK : kk_config_fail_memory(err);
    for (char *slash = dir != NULL ? strchr(dir + 1, '/') : NULL; slash != NULL && code == KK_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
            int number = errno;
            // A directory that is there may lie in one where nothing can be made.
            code =
                access(dir, F_OK) == 0 ? KK_OK : kk_io_fail(err, number, "make the directory", dir);
        }
        *slash = '/';
    }
    free(dir);
    return code;
}

kk_code kk_config_make_cache_dir(const kk_config *self, kk_error *err)
{
    const char *dir = self->places.paths[KK_PLACE_CACHE];
    kk_code code = self->places.shared_parents ? kk_config_make_parent(dir, err) : KK_OK;
    if (code != KK_OK) {
        return code;
    }
    return mkdir(dir, 0700) == 0 || errno == EEXIST
               ? KK_OK
               : kk_io_fail(err, errno, "make the directory", dir);
}

static kk_code make_absolute(const char *path, char **out, kk_error *err)
{
    if (path[0] == '/') {
        *out = strdup(path);
        return *out != NULL ? KK_OK : kk_config_fail_memory(err);
    }
    char *here = getcwd(NULL, 0);
    if (here == NULL) {
        return kk_io_fail(err, errno, "find the directory of", path);
    }
    kk_code code = kk_config_join(out, here, path, err);
    free(here);
    return code;
}

// A tree with what is in force and the key file [path].
static kk_code make_tree(const kk_config *self, const char *path, cJSON **out, kk_error *err)
{
    cJSON *tree = self->tree != NULL ? cJSON_Duplicate(self->tree, true) : cJSON_CreateObject();
    if (tree == NULL) {
        return kk_config_fail_memory(err);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "key_source");
    cJSON *source = cJSON_AddObjectToObject(tree, "key_source");
    if (source == NULL || cJSON_AddStringToObject(source, "file", path) == NULL) {
        cJSON_Delete(tree);
        return kk_config_fail_memory(err);
    }
    *out = tree;
    return KK_OK;
}

static int replace(const kk_place *place, kk_str text)
{
    const kk_io *io = &kk_io_system;
    char temp[KK_IO_TEMP_NAME_SIZE];
    kk_io_sweep(io, place->dir, temp_prefix, SWEPT_AGE_S);
    kk_io_temp_name(temp_prefix, temp);
    int number = kk_io_write_new(io, place->dir, temp, text);
    if (number != 0) {
        return number;
    }
    if (io->rename(place->dir, temp, place->name) != 0) {
        number = errno;
        io->unlink(place->dir, temp);
        return number;
    }
    return io->sync(place->dir) != 0 ? errno : 0;
}

static kk_code write_tree(const kk_config *self, const cJSON *tree, kk_error *err)
{
    kk_place place = {.dir = -1};
    kk_buf text = {.limit = KK_CONFIG_MAX};
    kk_json_print(tree, &text);
    kk_buf_append_byte(&text, '\n');
    kk_code code = kk_buf_check(&text, "the configuration", err);
    if (code == KK_OK) {
        code = kk_config_make_parent(self->places.paths[KK_PLACE_CONFIG], err);
    }
    if (code == KK_OK) {
        int number =
            kk_place_open(&place, &kk_io_system, self->places.paths[KK_PLACE_CONFIG], true);
        if (number == 0) {
            number = replace(&place, kk_buf_view(&text));
        }
        code = number == 0 ? KK_OK
                           : kk_io_fail(err, number, "write", self->places.paths[KK_PLACE_CONFIG]);
    }
    kk_place_close(&place, &kk_io_system);
    kk_buf_clean(&text);
    return code;
}

kk_code kk_config_set_key_file(kk_config *self, const char *path, kk_error *err)
{
    char *absolute = NULL;
    cJSON *tree = NULL;
    kk_code code = kk_secret_start(err);
    if (code == KK_OK) {
        code = make_absolute(path, &absolute, err);
    }
    if (code == KK_OK) {
        code = make_tree(self, absolute, &tree, err);
    }
    if (code == KK_OK) {
        code = write_tree(self, tree, err);
    }
    if (code == KK_OK) {
        free(self->key_command);
        self->key_command = NULL;
        cJSON_Delete(self->tree);
        self->tree = tree;
        tree = NULL;
    }
    cJSON_Delete(tree);
    free(absolute);
    return code;
}
