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
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void name_variable(const kk_account *self, const char *account, const char *field, char *out,
                          size_t out_size)
{
    snprintf(out, out_size, "KK_CRED__");
    kk_text_append_upper(out, out_size, kk_plugin_manifest(self->plugin)->id);
    kk_text_append_upper(out, out_size, "__");
    if (account != NULL) {
        kk_text_append_upper(out, out_size, account);
        kk_text_append_upper(out, out_size, "__");
    }
    kk_text_append_upper(out, out_size, field);
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
        // The path is not repeated: it may be the credential itself, set in place of a path.
        kk_code code = kk_fail(err, KK_ERR_IO, "the file that %s names cannot be read: %s",
                               variable, strerror_r(errno, text, sizeof text));
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

// Reads a whole file into locked memory, without the newlines at its end.
static kk_code read_file(const char *variable, const char *path, kk_secret *out, kk_error *err)
{
    // Room for the longest value, a "\r\n" behind it, and one byte that is too many.
    const size_t size = KK_KEYRING_VALUE_MAX + 3;
    int fd = -1;
    size_t len = 0;
    kk_code code = open_file(variable, path, &fd, err);
    if (code != KK_OK) {
        return code;
    }
    int number = 0;
    code = kk_secret_make(out, size, err);
    if (code == KK_OK) {
        number = kk_io_read(&kk_io_system, fd, out->ptr, size, &len);
    }
    close(fd);
    if (code != KK_OK || number != 0) {
        return code != KK_OK ? code : kk_io_fail(err, number, "read", path);
    }
    bool whole = len < size;
    while (len > 0 && (out->ptr[len - 1] == '\n' || out->ptr[len - 1] == '\r')) {
        len--;
    }
    // An empty file is a credential that went missing, not one that was never given.
    bool fits = whole && len <= KK_KEYRING_VALUE_MAX;
    if (len == 0 || !fits) {
        return kk_fail(err, KK_ERR_IO, "the file '%s' that %s names is %s", path, variable,
                       fits ? "empty" : "longer than 65536 bytes");
    }
    out->len = len;
    return KK_OK;
}

static kk_code take_variable(kk_account *self, size_t index, const char *variable, bool *found,
                             kk_error *err)
{
    char of_file[KK_ACCOUNT_SOURCE_SIZE + 8];
    char source[KK_ACCOUNT_SOURCE_SIZE];
    snprintf(of_file, sizeof of_file, "%s__FILE", variable);
    const char *text = secure_getenv(variable);
    const char *path = secure_getenv(of_file);
    *found = (text != NULL && text[0] != '\0') || (path != NULL && path[0] != '\0');
    if (text != NULL && text[0] != '\0') {
        snprintf(source, sizeof source, "environment %.220s", variable);
        return kk_account_put(self, index, kk_str_from(text), source, err);
    }
    if (!*found) {
        return KK_OK;
    }
    kk_secret value = {0};
    snprintf(source, sizeof source, "environment %.220s", of_file);
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
        char variable[KK_ACCOUNT_SOURCE_SIZE];
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

static size_t find_field(const kk_account *self, const char *key)
{
    size_t i = 0;
    while (i < self->field_count && strcmp(self->credential->fields[i]->key, key) != 0) {
        i++;
    }
    return i;
}

// Splits the fields of a scheme into those that are there and those that are not, by their
// variables' names.
static void split_scheme(const kk_account *self, const kk_scheme *scheme, char (*lists)[160])
{
    lists[0][0] = lists[1][0] = '\0';
    for (const char *const *key = scheme->fields; *key != NULL; key++) {
        size_t i = find_field(self, *key);
        const kk_field *field = self->credential->fields[i];
        bool present = self->values[i].value.len > 0;
        if (!present && field->default_value != NULL) {
            continue;
        }
        char *list = lists[present ? 0 : 1];
        size_t len = strlen(list);
        snprintf(list + len, sizeof lists[0] - len, "%s%s", len > 0 ? " and " : "",
                 field->env != NULL ? field->env : field->key);
    }
}

// Names the variables of the first scheme that has some.
static kk_code fail_half(const kk_account *self, kk_error *err)
{
    char lists[2][160] = {"", ""};
    for (const kk_scheme *const *scheme = self->credential->schemes;
         *scheme != NULL && lists[0][0] == '\0'; scheme++) {
        split_scheme(self, *scheme, lists);
    }
    kk_fail(err, KK_ERR_PARTIAL, "%s is set and %s is not", lists[0], lists[1]);
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
        char source[KK_ACCOUNT_SOURCE_SIZE];
        snprintf(source, sizeof source, "environment %.220s", field->env);
        kk_code code = kk_account_put(self, i, kk_str_from(text), source, err);
        if (code != KK_OK) {
            return code;
        }
        *taken += kk_account_is_in_a_scheme(self, field->key);
    }
    return *taken > 0 && kk_account_scheme(self) == NULL ? fail_half(self, err) : KK_OK;
}

// Whether the text up to [end] is a field in upper case, perhaps with "__FILE" behind.
static bool is_field(const kk_account *self, const char *text, const char *end)
{
    size_t len = (size_t)(end - text);
    if (len > 6 && strncmp(end - 6, "__FILE", 6) == 0) {
        len -= 6;
    }
    for (size_t i = 0; i < self->field_count; i++) {
        char key[64] = "";
        kk_text_append_upper(key, sizeof key, self->credential->fields[i]->key);
        if (strlen(key) == len && strncmp(key, text, len) == 0) {
            return true;
        }
    }
    return false;
}

// The account in "NAME__FIELD=..." or "NAME__FIELD__FILE=...", lower case.  False for "FIELD=..."
// and "FIELD__FILE=...", for a field that there is not, and for an empty value, which gives
// nothing.
static bool read_account(const kk_account *self, const char *rest, char *out, size_t out_size)
{
    const char *end = strchr(rest, '=');
    const char *split = strstr(rest, "__");
    if (end == NULL || end[1] == '\0' || split == NULL || split > end ||
        (size_t)(split - rest) >= out_size) {
        return false;
    }
    size_t len = (size_t)(split - rest);
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)tolower((unsigned char)rest[i]);
    }
    out[len] = '\0';
    return kk_name_is_valid(out, false) && strcmp(out, "default") != 0 &&
           is_field(self, split + 2, end);
}

size_t kk_account_env_names(const kk_account *self, char (*names)[64], size_t size)
{
    char prefix[128];
    size_t count = 0;
    name_variable(self, NULL, "", prefix, sizeof prefix);
    size_t len = strlen(prefix);
    if (getauxval(AT_SECURE) != 0) {
        return 0;
    }
    for (char **entry = environ; *entry != NULL && count < size; entry++) {
        bool known = strncmp(*entry, prefix, len) != 0 ||
                     !read_account(self, *entry + len, names[count], sizeof names[count]);
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
    kk_text_append_upper(variable, variable_size, kk_plugin_manifest(self->plugin)->id);
    const char *name = secure_getenv(variable);
    return name != NULL && name[0] != '\0' ? name : NULL;
}
