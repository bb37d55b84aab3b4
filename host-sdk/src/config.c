// Where the files are, and what the user configured.
#include "config_private.h"
#include "fail.h"
#include "io.h"
#include "json.h"
#include "near.h"
#include "secret.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_SIZE_MAX = 63, LEVELS_MAX = 256, COMMAND_MAX = 32 };

static const char project_name[] = ".kk.json";

kk_code kk_config_fail_memory(kk_error *err)
{
    return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the configuration");
}

kk_code kk_config_join(char **out, const char *base, const char *rest, kk_error *err)
{
    if (asprintf(out, "%s/%s", base, rest) < 0) {
        *out = NULL;
        return kk_config_fail_memory(err);
    }
    return KK_OK;
}

// ---- Reading

static kk_code parse(kk_str text, const char *path, cJSON **out, kk_error *err)
{
    kk_error why = {0};
    cJSON *tree = NULL;
    char what[512];
    snprintf(what, sizeof what, "'%s'", path);
    if (kk_json_parse(text, what, &tree, &why) != KK_OK) {
        return kk_fail(err, KK_ERR_USAGE, "%s", why.message);
    }
    if (!cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        return kk_fail(err, KK_ERR_USAGE, "'%s' is not one JSON object", path);
    }
    *out = tree;
    return KK_OK;
}

static kk_code read_text(int fd, const char *path, cJSON **out, kk_error *err)
{
    char *text = malloc(KK_CONFIG_MAX + 1);
    size_t len = 0;
    if (text == NULL) {
        return kk_config_fail_memory(err);
    }
    kk_code code = KK_OK;
    int number = kk_io_read(&kk_io_system, fd, text, KK_CONFIG_MAX + 1, &len);
    if (number != 0) {
        code = kk_io_fail(err, number, "read", path);
    } else if (len > KK_CONFIG_MAX) {
        code = kk_fail(err, KK_ERR_USAGE, "'%s' is longer than %d bytes", path, KK_CONFIG_MAX);
    } else {
        code = parse((kk_str){text, len}, path, out, err);
    }
    free(text);
    return code;
}

// The tree of config.json; *out stays as it is if there is no such file.
static kk_code read_config(const char *path, cJSON **out, kk_error *err)
{
    kk_place place = {.dir = -1};
    struct stat status;
    bool absent = false;
    int fd = -1;
    int number = kk_place_open(&place, &kk_io_system, path, true);
    if (number == ENOENT) {
        return KK_OK;
    }
    if (number != 0) {
        return kk_io_fail(err, number, "open the directory of", path);
    }
    kk_code code = kk_place_read(&place, &kk_io_system, KK_TRUST_OWN, &fd, &status, &absent, err);
    if (code == KK_OK && !absent) {
        code = read_text(fd, path, out, err);
        close(fd);
    }
    kk_place_close(&place, &kk_io_system);
    return code;
}

static kk_code fail_member(const char *path, const char *name, const char *const *known,
                           size_t count, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_USAGE, "'%s' has the unknown member '%s'", path, name);
    kk_fail_near(err, name, known, count);
    kk_fail_hint(err, "remove it");
    return code;
}

static kk_code check_members(const cJSON *object, const char *path, const char *const *known,
                             size_t count, kk_error *err)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        size_t i = 0;
        while (i < count && strcmp(member->string, known[i]) != 0) {
            i++;
        }
        if (i == count) {
            return fail_member(path, member->string, known, count, err);
        }
    }
    return KK_OK;
}

static kk_code check_text(const cJSON *object, const char *name, const char *path, kk_error *err)
{
    const cJSON *member = kk_json_get(object, name);
    const char *text = kk_json_text(object, name);
    if (member == NULL || (text != NULL && text[0] != '\0')) {
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_USAGE, "the member '%s' of '%s' must be a text", name, path);
}

static kk_code fail_key_source(const char *path, kk_error *err)
{
    return kk_fail(err, KK_ERR_USAGE,
                   "the member 'key_source' of '%s' must be an object with either the text 'file' "
                   "or the list of texts 'command'",
                   path);
}

// A program and its arguments; there is no shell that would look for it.
static kk_code check_command(const cJSON *command, const char *path, kk_error *err)
{
    const cJSON *word;
    int count = cJSON_GetArraySize(command);
    if (!cJSON_IsArray(command) || count < 1 || count > COMMAND_MAX) {
        return fail_key_source(path, err);
    }
    cJSON_ArrayForEach(word, command)
    {
        if (!cJSON_IsString(word)) {
            return fail_key_source(path, err);
        }
    }
    return kk_place_check("the command of 'key_source'", command->child->valuestring, err);
}

static kk_code check_key_source(const cJSON *tree, const char *path, kk_error *err)
{
    static const char *const known[] = {"file", "command"};
    const cJSON *source = kk_json_get(tree, "key_source");
    if (source == NULL) {
        return KK_OK;
    }
    const char *file = kk_json_text(source, "file");
    const cJSON *command = kk_json_get(source, "command");
    if (!cJSON_IsObject(source) || (file != NULL) == (command != NULL)) {
        return fail_key_source(path, err);
    }
    kk_code code = check_members(source, path, known, 2, err);
    if (code != KK_OK) {
        return code;
    }
    return file != NULL ? kk_place_check("'key_source' of the configuration", file, err)
                        : check_command(command, path, err);
}

static kk_code check_config(const cJSON *tree, const char *path, kk_error *err)
{
    static const char *const known[] = {"key_source", "ca_file", "proxy", "log"};
    kk_code code = check_members(tree, path, known, sizeof known / sizeof *known, err);
    for (size_t i = 1; i < sizeof known / sizeof *known && code == KK_OK; i++) {
        code = check_text(tree, known[i], path, err);
    }
    return code == KK_OK ? check_key_source(tree, path, err) : code;
}

// Gathers the words of the key's command as a program takes them.
static kk_code keep_command(kk_config *self, kk_error *err)
{
    const cJSON *command = kk_json_get(kk_json_get(self->tree, "key_source"), "command");
    const cJSON *word;
    size_t count = 0;
    if (command == NULL) {
        return KK_OK;
    }
    self->key_command = calloc(COMMAND_MAX + 1, sizeof *self->key_command);
    if (self->key_command == NULL) {
        return kk_config_fail_memory(err);
    }
    cJSON_ArrayForEach(word, command)
    {
        self->key_command[count++] = word->valuestring;
    }
    return KK_OK;
}

static kk_code load_config(kk_config *self, kk_error *err)
{
    kk_code code = read_config(self->places.paths[KK_PLACE_CONFIG], &self->tree, err);
    if (code != KK_OK || self->tree == NULL) {
        return code;
    }
    code = check_config(self->tree, self->places.paths[KK_PLACE_CONFIG], err);
    return code == KK_OK ? keep_command(self, err) : code;
}

// ---- The project's file

static kk_code check_accounts(const cJSON *accounts, const char *path, kk_error *err)
{
    const cJSON *account;
    if (accounts != NULL && !cJSON_IsObject(accounts)) {
        return kk_fail(err, KK_ERR_USAGE, "the member 'accounts' of '%s' must be an object", path);
    }
    cJSON_ArrayForEach(account, accounts)
    {
        if (!cJSON_IsString(account) || account->valuestring[0] == '\0' ||
            strlen(account->valuestring) > NAME_SIZE_MAX) {
            return kk_fail(err, KK_ERR_USAGE, "'%s' names no account for '%s'", path,
                           account->string);
        }
    }
    return KK_OK;
}

static kk_code check_project(const cJSON *tree, const char *path, kk_error *err)
{
    static const char *const known[] = {"accounts"};
    kk_code code = check_members(tree, path, known, 1, err);
    if (code != KK_OK) {
        kk_fail_hint(err, "a project may choose account names and nothing else");
        return code;
    }
    return check_accounts(kk_json_get(tree, "accounts"), path, err);
}

// A link that leads nowhere is there too: to pass over it would choose another account in silence.
static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

// Sets the path of the nearest project file, or leaves it NULL.
static kk_code find_project(kk_config *self, kk_error *err)
{
    char *dir = getcwd(NULL, 0);
    kk_code code = KK_OK;
    for (int i = 0; dir != NULL && i < LEVELS_MAX && code == KK_OK; i++) {
        char *path = NULL;
        code = kk_config_join(&path, strcmp(dir, "/") == 0 ? "" : dir, project_name, err);
        if (code == KK_OK && is_there(path)) {
            self->project_path = path;
            break;
        }
        free(path);
        char *slash = strrchr(dir, '/');
        if (slash == NULL || dir[1] == '\0') {
            break;
        }
        slash[slash == dir ? 1 : 0] = '\0';
    }
    free(dir);
    return code;
}

// Whose file it may be: ours, root's, or that of whoever owns the directory; not one that a
// stranger put into a directory for all, such as /tmp.  It chooses accounts, perhaps for a write.
static kk_code check_project_owner(const kk_config *self, int fd, kk_error *err)
{
    struct stat file;
    struct stat dir;
    const char *path = self->project_path;
    char *parent = strndup(path, (size_t)(strrchr(path, '/') - path) + 1);
    if (parent == NULL) {
        return kk_config_fail_memory(err);
    }
    bool found = fstat(fd, &file) == 0 && stat(parent, &dir) == 0;
    free(parent);
    if (!found) {
        return kk_io_fail(err, errno, "examine", path);
    }
    bool known = file.st_uid == geteuid() || file.st_uid == 0 || file.st_uid == dir.st_uid;
    if (known && (file.st_mode & S_IWOTH) == 0) {
        return KK_OK;
    }
    kk_code code = kk_fail(err, KK_ERR_PERMS, "'%s' chooses accounts, and %s", path,
                           known ? "everybody may write it" : "belongs to a stranger");
    kk_fail_hint(err, known ? "chmod o-w '%s'" : "remove '%s', or work elsewhere", path);
    return code;
}

static kk_code load_project(kk_config *self, kk_error *err)
{
    kk_code code = find_project(self, err);
    if (code != KK_OK || self->project_path == NULL) {
        return code;
    }
    int fd = open(self->project_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return kk_io_fail(err, errno, "open", self->project_path);
    }
    code = check_project_owner(self, fd, err);
    if (code == KK_OK) {
        code = read_text(fd, self->project_path, &self->project, err);
    }
    close(fd);
    return code == KK_OK ? check_project(self->project, self->project_path, err) : code;
}

// ---- The handle

static kk_code load_all(kk_config *self, const char *home, bool use_environment, kk_error *err)
{
    kk_code code = kk_places_find(home, use_environment, &self->places, err);
    const char *ca_file = use_environment ? secure_getenv("KK_CA_FILE") : NULL;
    if (code == KK_OK && ca_file != NULL) {
        self->environment_ca_file = strdup(ca_file);
        code = self->environment_ca_file != NULL ? KK_OK : kk_config_fail_memory(err);
    }
    if (code == KK_OK) {
        code = load_config(self, err);
    }
    return code == KK_OK ? load_project(self, err) : code;
}

kk_code kk_config_load(const char *home, bool use_environment, kk_config **out, kk_error *err)
{
    kk_config *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_config_fail_memory(err);
    }
    kk_code code = load_all(self, home, use_environment, err);
    if (code != KK_OK) {
        kk_config_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

void kk_config_free(kk_config *self)
{
    if (self == NULL) {
        return;
    }
    kk_places_clean(&self->places);
    free(self->environment_ca_file);
    free(self->project_path);
    free(self->key_command);
    cJSON_Delete(self->tree);
    cJSON_Delete(self->project);
    free(self);
}

const char *kk_config_keyring_path(const kk_config *self)
{
    return self->places.paths[KK_PLACE_KEYRING];
}

const char *kk_config_pin_path(const kk_config *self)
{
    return self->places.paths[KK_PLACE_PIN];
}

const char *kk_config_cache_dir(const kk_config *self)
{
    return self->places.paths[KK_PLACE_CACHE];
}

const char *kk_config_plugin_dir(const kk_config *self)
{
    return self->places.paths[KK_PLACE_PLUGINS];
}

const char *kk_config_key_file(const kk_config *self)
{
    return kk_json_text(kk_json_get(self->tree, "key_source"), "file");
}

const char *const *kk_config_key_command(const kk_config *self)
{
    return self->key_command;
}

const char *kk_config_ca_file(const kk_config *self)
{
    if (self->environment_ca_file != NULL) {
        return self->environment_ca_file;
    }
    return kk_json_text(self->tree, "ca_file");
}

const char *kk_config_proxy(const kk_config *self)
{
    return kk_json_text(self->tree, "proxy");
}

const char *kk_config_project_account(const kk_config *self, const char *plugin)
{
    return kk_json_text(kk_json_get(self->project, "accounts"), plugin);
}

const char *kk_config_project_path(const kk_config *self)
{
    return self->project_path;
}
