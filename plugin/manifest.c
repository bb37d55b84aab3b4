// What planetscale.so says of itself: tools, credential, and the instance for one account.
#include "tools.h"
#include <stdlib.h>

#define ENTRY(id, verb, template, list, additions, hint)                                           \
    static const ps_operation operation_##id = {                                                   \
        .tool = &ps_tool_##id,                                                                     \
        .method = verb,                                                                            \
        .path = template,                                                                          \
        .parameters = list,                                                                        \
        .extend = additions,                                                                       \
        .lost_hint = hint,                                                                         \
    };                                                                                             \
    KK_TOOL_DECLARE(planetscale, id)                                                               \
    {                                                                                              \
        return ps_run(&operation_##id, self, call, (kk_str){args, args_len});                      \
    }
PS_TOOLS(ENTRY)
#undef ENTRY

static const kk_tool *const tools[] = {
#define POINTER(id, verb, template, list, additions, hint) &ps_tool_##id,
    PS_TOOLS(POINTER)
#undef POINTER
        NULL,
};

// ---- Credential

static const kk_field service_token_id = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_SECRET,
    .key = "service_token_id",
    .label = "Service token ID",
    .hint = "12 characters, shown beside the token's name in the organization's settings under "
            "Service tokens",
    .placeholder = "abcdefghijkl",
    .env = "PLANETSCALE_SERVICE_TOKEN_ID",
    .length_min = 12,
    .length_max = 12,
};

static const kk_field service_token = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_SECRET,
    .key = "service_token",
    .label = "Service token",
    .hint = "begins with pscale_tkn_ and is shown only once, when the service token is created",
    .placeholder = "pscale_tkn_...",
    .env = "PLANETSCALE_SERVICE_TOKEN",
    .prefix = "pscale_tkn_",
};

static const kk_field access_token = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_SECRET,
    .key = "access_token",
    .label = "OAuth access token",
    .hint = "from an OAuth application; a value that begins with pscale_tkn_ is a service token "
            "and goes into service_token, with its service_token_id",
};

static const kk_field url = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_URL,
    .key = "url",
    .label = "Base URL of the API",
    .hint = "with the version at its end; leave it out unless requests go through a proxy",
    .placeholder = PS_DEFAULT_URL,
    .default_value = PS_DEFAULT_URL,
};

static const kk_scheme service_token_scheme = {
    .struct_size = sizeof(kk_scheme),
    .name = "service-token",
    .fields = (const char *const[]){"service_token_id", "service_token", NULL},
    .header_name = "Authorization",
    .header_format = "{service_token_id}:{service_token}",
};

static const kk_scheme bearer_scheme = {
    .struct_size = sizeof(kk_scheme),
    .name = "bearer",
    .fields = (const char *const[]){"access_token", NULL},
    .header_name = "Authorization",
    .header_format = "Bearer {access_token}",
};

static const kk_credential credential = {
    .struct_size = sizeof(kk_credential),
    .slot = "planetscale",
    .title = "PlanetScale API",
    .fields =
        (const kk_field *const[]){&service_token_id, &service_token, &access_token, &url, NULL},
    .schemes = (const kk_scheme *const[]){&service_token_scheme, &bearer_scheme, NULL},
    .origins = (const char *const[]){"https://api.planetscale.com", NULL},
};

// ---- Instance

// The API is known under its host alone, too; the version belongs to every path all the same.
static const char *complete_url(const char *text, size_t *len)
{
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == '/') {
        end--;
    }
    *len = end;
    if (kk_str_equals((kk_str){text, end}, KK_STR("https://api.planetscale.com"))) {
        *len = strlen(PS_DEFAULT_URL);
        return PS_DEFAULT_URL;
    }
    return text;
}

static kk_status open_instance(const kk_host_api *host, const char *config, size_t config_len,
                               kk_instance **out)
{
    cJSON *tree = NULL;
    kk_error err = {0};
    if (kk_json_parse((kk_str){config, config_len}, "the configuration", &tree, &err) != KK_OK) {
        host->log(host, KK_LOG_ERROR, err.message, strlen(err.message));
        return KK_E_INVALID_ARGS;
    }
    const char *text = kk_json_text(kk_json_get(tree, "fields"), "url");
    const char *scheme = kk_json_text(tree, "scheme");
    size_t len = 0;
    const char *base = complete_url(text != NULL && text[0] != '\0' ? text : PS_DEFAULT_URL, &len);
    kk_instance *self = malloc(sizeof *self + len + 1);
    if (self != NULL) {
        self->service_token = scheme != NULL && strcmp(scheme, service_token_scheme.name) == 0;
        memcpy(self->base_url, base, len);
        self->base_url[len] = '\0';
        *out = self;
    }
    cJSON_Delete(tree);
    return self != NULL ? KK_E_OK : KK_E_NO_MEMORY;
}

static void close_instance(kk_instance *self)
{
    free(self);
}

// ---- Manifest

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "planetscale",
    .title = "PlanetScale",
    .summary = "Databases and branches on PlanetScale (MySQL and PostgreSQL).",
    .description =
        "Reads organizations, databases, branches and the current user, and creates databases, "
        "through version 1 of the PlanetScale API. An account holds a service token (its ID and "
        "its secret) or an OAuth access token.",
    .category = "data",
    .version = "1.0.0",
    .license = "MIT",
    .tags = (const char *const[]){"database", "mysql", "postgresql", "vitess", NULL},
    .concurrency = KK_PARALLEL,
    .tool_count = sizeof tools / sizeof tools[0] - 1,
    .tools = tools,
    .credentials = (const kk_credential *const[]){&credential, NULL},
    .needs = (const char *const[]){KK_SERVICE_HTTP, NULL},
    .open = open_instance,
    .close = close_instance,
};

const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    return host_abi >> 16 == KK_ABI_MAJOR ? &manifest : NULL;
}
