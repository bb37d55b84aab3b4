// The user behind the credential.
#include "schema.h"
#include "tools.h"

const ps_parameter ps_nothing[] = {{0}};

static kk_str trim_front(kk_str text)
{
    while (text.len > 0 && text.ptr[0] == ' ') {
        text = (kk_str){text.ptr + 1, text.len - 1};
    }
    return text;
}

// Appends the text of the first of the two members that is one and is not blank, or nothing.
static void append_name(const kk_json_object *object, kk_buf *out)
{
    static const char *const members[] = {"name", "display_name"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        kk_str raw;
        if (!kk_json_object_get(object, members[i], &raw) || raw.ptr[0] != '"') {
            continue;
        }
        kk_json_unescape(raw, out);
        if (trim_front(kk_buf_view(out)).len > 0) {
            return;
        }
        kk_buf_clear(out);
    }
}

// first_name and last_name are the name split at its first space; always strings.
size_t ps_extend_user(void *context, const kk_json_object *object, kk_json_member *added,
                      kk_buf *scratch)
{
    (void)context;
    kk_buf text = {.limit = scratch->limit};
    append_name(object, &text);
    kk_str first = trim_front(kk_buf_view(&text));
    const char *space = first.len > 0 ? memchr(first.ptr, ' ', first.len) : NULL;
    kk_str last = {0};
    if (space != NULL) {
        last = trim_front((kk_str){space, (size_t)(first.ptr + first.len - space)});
        first.len = (size_t)(space - first.ptr);
    }
    size_t start = scratch->len;
    kk_json_write_string(scratch, first);
    size_t middle = scratch->len;
    kk_json_write_string(scratch, last);
    kk_buf_clean(&text);
    if (scratch->failed != KK_OK) {
        return 0;
    }
    kk_str written = kk_buf_view(scratch);
    added[0] = (kk_json_member){"first_name", {written.ptr + start, middle - start}};
    added[1] = (kk_json_member){"last_name", {written.ptr + middle, written.len - middle}};
    return 2;
}

// clang-format would indent each member of such a list deeper than the last.
// clang-format off
#define MEMBERS                                                                                    \
    PS_DESCRIBED("first_name", "string", "What stands before the first space of the name.")        \
    PS_DESCRIBED("last_name", "string", "What stands after it, or empty.")                         \
    PS_STRING_OR_NULL("name") PS_STRING_OR_NULL("display_name") PS_STRING("email")                 \
    PS_STRING_OR_NULL("avatar_url") PS_STRING("created_at") PS_STRING("updated_at")                \
    PS_BOOLEAN("two_factor_auth_configured") PS_MEMBER("default_organization", PS_NAMED)           \
    PS_BOOLEAN_OR_NULL("sso") PS_BOOLEAN_OR_NULL("managed")                                        \
    PS_BOOLEAN_OR_NULL("directory_managed") PS_BOOLEAN_OR_NULL("email_verified")
// clang-format on

#define USER PS_OBJECT("id", MEMBERS)

static const kk_example *const examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print who is calling",
        .lua = "local user = app.integrations.planetscale.get_current_user({})\n"
               "print(\"User: \" .. user.first_name .. \" \" .. user.last_name)\n"
               "print(\"Email: \" .. user.email)\n",
        .args = "{}",
    },
    NULL,
};

const kk_tool ps_tool_get_current_user = {
    PS_TOOL_HEAD(get_current_user),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "Get the current user",
    .summary = "Returns the user that the credential belongs to.",
    .description =
        "Returns the profile of the user behind the credential; a quick way to see whether an "
        "OAuth access token works. PlanetScale documents it for access tokens only and may refuse "
        "a service token here: to try one of those, call list_organizations.",
    .input_schema = PS_INPUT("", ""),
    .output_schema = USER,
    .result_notes =
        "The result is the user: `email`, `name`, `display_name`, `first_name` and `last_name` "
        "(the name split at its first space), `default_organization` and some more members.",
    .examples = examples,
    .access = (const char *const[]){"read_user", NULL},
};
