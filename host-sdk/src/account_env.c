// What the environment says about accounts.
#include "account_private.h"
#include "fail.h"
#include "io.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

// Appends [name] as it stands in a variable: upper case, '-' as '_'.
static void append_upper(char *out, size_t out_size, const char *name)
{
    size_t len = strlen(out);
    for (; *name != '\0' && len + 1 < out_size; name++) {
        out[len++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    }
    out[len] = '\0';
}

static void name_variable(const kk_account *self, const char *account, const char *field, char *out,
                          size_t out_size)
{
    snprintf(out, out_size, "KK_CRED__");
    append_upper(out, out_size, kk_plugin_manifest(self->plugin)->id);
    append_upper(out, out_size, "__");
    if (account != NULL) {
        append_upper(out, out_size, account);
        append_upper(out, out_size, "__");
    }
    append_upper(out, out_size, field);
}

// Opens the file of a variable: a regular one that nobody else may write, since who writes it
// chooses the credential.  That others may read it is how container systems mount secrets.
static kk_code open_file(const char *variable, const char *path, int *out, kk_error *err)
{
    char text[128];
    struct stat status;
    // A FIFO in the place of the file must not make the open wait.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        kk_code code = kk_fail(err, KK_ERR_IO, "the file '%s' that %s names cannot be read: %s",
                               path, variable, strerror_r(errno, text, sizeof text));
        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    kk_code code = kk_trust_check(&status, KK_TRUST_OWN, path, err);
    if (code != KK_OK) {
        close(fd);
        return code;
    }
    *out = fd;
    return KK_OK;
}

// Reads a whole file into locked memory, without the newline at its end.
static kk_code read_file(const char *variable, const char *path, kk_secret *out, kk_error *err)
{
    int fd = -1;
    size_t len = 0;
    kk_code code = open_file(variable, path, &fd, err);
    if (code != KK_OK) {
        return code;
    }
    int number = 0;
    code = kk_secret_make(out, KK_KEYRING_VALUE_MAX + 2, err);
    if (code == KK_OK) {
        number = kk_io_read(&kk_io_system, fd, out->ptr, KK_KEYRING_VALUE_MAX + 2, &len);
    }
    close(fd);
    if (code != KK_OK || number != 0) {
        return code != KK_OK ? code : kk_io_fail(err, number, "read", path);
    }
    bool fits = len <= KK_KEYRING_VALUE_MAX;
    while (len > 0 && (out->ptr[len - 1] == '\n' || out->ptr[len - 1] == '\r')) {
        len--;
    }
    // An empty file is a credential that went missing, not one that was never given.
    if (len == 0 || !fits) {
        return kk_fail(err, KK_ERR_IO, "the file '%s' that %s names is %s", path, variable,
                       fits ? "empty" : "too long");
    }
    out->len = len;
    return KK_OK;
}

static kk_code take_variable(kk_account *self, size_t index, const char *variable, bool *found,
                             kk_error *err)
{
    char of_file[sizeof self->values[0].source + 8];
    char source[sizeof self->values[0].source];
    snprintf(of_file, sizeof of_file, "%s__FILE", variable);
    const char *text = secure_getenv(variable);
    const char *path = secure_getenv(of_file);
    *found = (text != NULL && text[0] != '\0') || (path != NULL && path[0] != '\0');
    if (text != NULL && text[0] != '\0') {
        snprintf(source, sizeof source, "environment %.160s", variable);
        return kk_account_put(self, index, kk_str_from(text), source, err);
    }
    if (!*found) {
        return KK_OK;
    }
    kk_secret value = {0};
    snprintf(source, sizeof source, "environment %.160s", of_file);
    kk_code code = read_file(of_file, path, &value, err);
    if (code == KK_OK) {
        code = kk_account_put(self, index, kk_secret_view(&value), source, err);
    }
    kk_secret_clean(&value);
    return code;
}

kk_code kk_account_take_overrides(kk_account *self, const char *account, size_t *taken,
                                  kk_error *err)
{
    *taken = 0;
    for (size_t i = 0; i < self->field_count; i++) {
        char variable[sizeof self->values[0].source];
        bool found = false;
        name_variable(self, account, self->credential->fields[i]->key, variable, sizeof variable);
        kk_code code = take_variable(self, i, variable, &found, err);
        if (code != KK_OK) {
            return code;
        }
        *taken += found;
    }
    return KK_OK;
}

kk_code kk_account_check_url_override(const kk_account *self, kk_error *err)
{
    for (size_t i = 0; i < self->field_count; i++) {
        const kk_account_value *held = &self->values[i];
        const kk_field *field = self->credential->fields[i];
        if ((field->flags & KK_FIELD_URL) == 0 || held->value.len == 0 ||
            kk_account_declares(self, (const char *)held->value.ptr)) {
            continue;
        }
        kk_fail(err, KK_ERR_PARTIAL,
                "%s gives '%s' alone, and would send the stored credential to another place",
                held->source, field->key);
        kk_fail_hint(err,
                     "give the credential in the environment too, or store the URL: kk "
                     "keyring set %s/%s/%s",
                     kk_plugin_manifest(self->plugin)->id, self->name, field->key);
        return KK_ERR_PARTIAL;
    }
    return KK_OK;
}

static bool any_scheme_complete(const kk_account *self)
{
    return kk_account_scheme(self) != NULL;
}

// Names the variables of the first scheme that would be complete with them.
static kk_code fail_half(const kk_account *self, kk_error *err)
{
    char present[128] = "", missing[128] = "";
    for (size_t i = 0; i < self->field_count; i++) {
        const kk_field *field = self->credential->fields[i];
        if (field->env == NULL) {
            continue;
        }
        char *list = self->values[i].value.len > 0 ? present : missing;
        size_t len = strlen(list);
        snprintf(list + len, sizeof present - len, "%s%s", len > 0 ? ", " : "", field->env);
    }
    kk_fail(err, KK_ERR_PARTIAL, "%s is set and %s is not", present, missing);
    kk_fail_hint(err, "set both, or store an account: kk keyring set %s/main",
                 kk_plugin_manifest(self->plugin)->id);
    return KK_ERR_PARTIAL;
}

kk_code kk_account_take_vendor(kk_account *self, size_t *taken, kk_error *err)
{
    *taken = 0;
    for (size_t i = 0; i < self->field_count; i++) {
        const kk_field *field = self->credential->fields[i];
        const char *text = field->env != NULL ? secure_getenv(field->env) : NULL;
        if (text == NULL || text[0] == '\0') {
            continue;
        }
        char source[sizeof self->values[0].source];
        snprintf(source, sizeof source, "environment %.160s", field->env);
        kk_code code = kk_account_put(self, i, kk_str_from(text), source, err);
        if (code != KK_OK) {
            return code;
        }
        ++*taken;
    }
    return *taken > 0 && !any_scheme_complete(self) ? fail_half(self, err) : KK_OK;
}

// The account in "NAME__FIELD=..." or "NAME__FIELD__FILE=...", lower case; false for "FIELD=..."
// and "FIELD__FILE=...".
static bool read_account(const char *rest, char *out, size_t out_size)
{
    const char *end = strchr(rest, '=');
    const char *split = strstr(rest, "__");
    if (end == NULL || split == NULL || split > end || split == rest ||
        strncmp(split, "__FILE=", 7) == 0 || (size_t)(split - rest) >= out_size) {
        return false;
    }
    size_t len = (size_t)(split - rest);
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)tolower((unsigned char)rest[i]);
    }
    out[len] = '\0';
    return kk_name_is_valid(out, false);
}

size_t kk_account_env_names(const kk_account *self, char (*names)[64], size_t size)
{
    char prefix[128];
    size_t count = 0;
    name_variable(self, NULL, "", prefix, sizeof prefix);
    size_t len = strlen(prefix);
    for (char **entry = environ; *entry != NULL && count < size; entry++) {
        bool known = strncmp(*entry, prefix, len) != 0 ||
                     !read_account(*entry + len, names[count], sizeof names[count]);
        for (size_t i = 0; i < count && !known; i++) {
            known = strcmp(names[i], names[count]) == 0;
        }
        count += !known;
    }
    return count;
}

const char *kk_account_env_choice(const kk_account *self, char *variable, size_t variable_size)
{
    snprintf(variable, variable_size, "KK_ACCOUNT_");
    append_upper(variable, variable_size, kk_plugin_manifest(self->plugin)->id);
    const char *name = secure_getenv(variable);
    return name != NULL && name[0] != '\0' ? name : NULL;
}
