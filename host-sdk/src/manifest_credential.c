// The rules for credentials: what may be asked of the user, rendered into a header, and sent where.
#include "fail.h"
#include "loader.h"
#include "manifest.h"
#include "url.h"
#include <ctype.h>
#include <strings.h>

static bool list_has(const char *const *list, const char *name, size_t len)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strlen(list[i]) == len && memcmp(list[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_declared(const kk_credential *credential, const char *key)
{
    for (size_t i = 0; credential->fields[i] != NULL; i++) {
        if (strcmp(credential->fields[i]->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool env_is_valid(const char *name)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool letter = (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_';
        if (!letter && (i == 0 || name[i] < '0' || name[i] > '9')) {
            return false;
        }
    }
    return name[0] != '\0';
}

static kk_code check_url(const kk_spot *spot, const char *field, const char *text, kk_url *out)
{
    kk_error problem = {0};
    kk_code code = kk_url_parse(text, out, &problem);
    if (code == KK_OK) {
        code = kk_url_check_secure(out, &problem);
    }
    return code == KK_OK ? KK_OK : kk_spot_refuse(spot, field, "'%s': %s", text, problem.message);
}

static kk_code check_default(const kk_spot *spot, const kk_field *field)
{
    kk_url url;
    if (field->default_value == NULL) {
        return KK_OK;
    }
    if ((field->flags & KK_FIELD_SECRET) != 0) {
        return kk_spot_refuse(spot, "default_value", "is set for a secret");
    }
    bool is_url = (field->flags & KK_FIELD_URL) != 0;
    return is_url ? check_url(spot, "default_value", field->default_value, &url) : KK_OK;
}

static kk_code check_field(const kk_spot *outer, const kk_credential *credential, size_t index)
{
    const kk_field *field = credential->fields[index];
    kk_spot spot = kk_spot_in(outer, "field", index, field->key);
    if (!kk_name_is_valid(field->key, false)) {
        return kk_spot_refuse(&spot, "key", "is not a name such as 'service_token'");
    }
    if (strcmp(field->key, "file") == 0) {
        return kk_spot_refuse(&spot, "key", "is 'file', which ends variables that name a file");
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(credential->fields[i]->key, field->key) == 0) {
            return kk_spot_refuse(&spot, "key", "occurs twice");
        }
    }
    if (field->env != NULL && !env_is_valid(field->env)) {
        return kk_spot_refuse(&spot, "env", "'%s' is not the name of a variable", field->env);
    }
    if ((field->flags & KK_FIELD_SECRET) != 0 && (field->flags & KK_FIELD_URL) != 0) {
        return kk_spot_refuse(&spot, "flags", "says both SECRET and URL");
    }
    if (field->length_max != 0 && field->length_min > field->length_max) {
        return kk_spot_refuse(&spot, "length_min", "is %u, above length_max, %u", field->length_min,
                              field->length_max);
    }
    return check_default(&spot, field);
}

// Headers that would change how the message is read, or that the host sets itself.
static bool header_is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "Host",         "Content-Length", "Transfer-Encoding",   "Connection", "Cookie",
        "Content-Type", "Upgrade",        "Proxy-Authorization", "Expect",     "TE",
        "Trailer",      "Accept-Encoding"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

static kk_code check_header_name(const kk_spot *spot, const char *name)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)name[i];
        if (byte > 0x7E || (!isalnum(byte) && strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return kk_spot_refuse(spot, "header_name", "'%s' is not the name of a header", name);
        }
    }
    if (header_is_reserved(name)) {
        return kk_spot_refuse(spot, "header_name", "'%s' belongs to the host", name);
    }
    return KK_OK;
}

// Checks the field name that begins behind a '{'.  *at is moved past its '}'.
static kk_code check_placeholder(const kk_spot *spot, const kk_scheme *scheme, const char **at)
{
    const char *name = *at;
    const char *end = strchr(name, '}');
    if (end == NULL) {
        return kk_spot_refuse(spot, "header_format",
                              "has a '{' without '}'; write '{{' for a brace");
    }
    if (!list_has(scheme->fields, name, (size_t)(end - name))) {
        return kk_spot_refuse(spot, "header_format", "uses {%.*s}, which 'fields' does not name",
                              (int)(end - name > 63 ? 63 : end - name), name);
    }
    *at = end + 1;
    return KK_OK;
}

static kk_code check_header_format(const kk_spot *spot, const kk_scheme *scheme)
{
    const char *at = scheme->header_format;
    while (*at != '\0') {
        if ((unsigned char)*at > 0x7E) {
            return kk_spot_refuse(spot, "header_format", "has a byte that is not ASCII");
        }
        if (*at != '{' && *at != '}') {
            at++;
            continue;
        }
        if (at[1] == *at) {
            at += 2;
            continue;
        }
        if (*at == '}') {
            return kk_spot_refuse(spot, "header_format",
                                  "has a '}' without '{'; write '}}' for a brace");
        }
        at++;
        kk_code code = check_placeholder(spot, scheme, &at);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

static kk_code check_scheme(const kk_spot *outer, const kk_credential *credential, size_t index)
{
    const kk_scheme *scheme = credential->schemes[index];
    kk_spot spot = kk_spot_in(outer, "scheme", index, scheme->name);
    if (!kk_manifest_word_is_valid(scheme->name, '-')) {
        return kk_spot_refuse(&spot, "name", "is not a name such as 'service-token'");
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(credential->schemes[i]->name, scheme->name) == 0) {
            return kk_spot_refuse(&spot, "name", "occurs twice");
        }
    }
    for (size_t i = 0; scheme->fields[i] != NULL; i++) {
        if (!is_declared(credential, scheme->fields[i])) {
            return kk_spot_refuse(&spot, "fields",
                                  "names '%.63s', which is no field of the credential",
                                  scheme->fields[i]);
        }
    }
    kk_code code = check_header_name(&spot, scheme->header_name);
    return code != KK_OK ? code : check_header_format(&spot, scheme);
}

static kk_code check_origin(const kk_spot *spot, const char *origin)
{
    kk_url url;
    kk_code code = check_url(spot, "origins", origin, &url);
    if (code != KK_OK) {
        return code;
    }
    if (url.path.len > 0 || url.query.len > 0 || origin[strlen(origin) - 1] == '?') {
        return kk_spot_refuse(spot, "origins", "'%s' has more than a scheme, a host and a port",
                              origin);
    }
    if (memchr(url.host.ptr, '*', url.host.len) != NULL) {
        return kk_spot_refuse(spot, "origins", "'%s' has a wildcard; name each host", origin);
    }
    return KK_OK;
}

static kk_code check_credential(const kk_spot *top, const kk_credential *credential)
{
    kk_spot spot = kk_spot_in(top, "credential", 0, credential->slot);
    if (!kk_name_is_valid(credential->slot, true)) {
        return kk_spot_refuse(&spot, "slot", "is not a name such as 'planetscale'");
    }
    kk_code code = KK_OK;
    for (size_t i = 0; credential->fields[i] != NULL && code == KK_OK; i++) {
        code = i < KK_MANIFEST_FIELDS_MAX
                   ? check_field(&spot, credential, i)
                   : kk_spot_refuse(&spot, "fields", "has more than %d", KK_MANIFEST_FIELDS_MAX);
    }
    for (size_t i = 0; code == KK_OK && credential->schemes[i] != NULL; i++) {
        code = check_scheme(&spot, credential, i);
    }
    for (size_t i = 0; code == KK_OK && credential->origins[i] != NULL; i++) {
        code = check_origin(&spot, credential->origins[i]);
    }
    return code;
}

kk_code kk_manifest_check_credentials(const kk_spot *top, const kk_manifest *manifest)
{
    const kk_credential *const *credentials = manifest->credentials;
    if (credentials == NULL || credentials[0] == NULL) {
        return KK_OK;
    }
    // An account is resolved for the plugin, not for a slot: a second one would get the header of
    // the first.
    if (credentials[1] != NULL) {
        return kk_spot_refuse(top, "credentials", "has more than one; this host keeps one");
    }
    return check_credential(top, credentials[0]);
}
