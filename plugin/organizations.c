// Organizations: list.
#include "schema.h"
#include "tools.h"

// Its documentation has no limit, so that the largest page comes nearest to it.
const ps_parameter ps_organizations[] = {
    {.name = "page", .value = "1"},
    {.name = "limit", .sent_as = "per_page", .value = "100"},
    {0},
};

// The API's name of an organization is the slug that its web pages show.
size_t ps_extend_organization(void *context, const kk_json_object *object, kk_json_member *added,
                              kk_buf *scratch)
{
    (void)context;
    (void)scratch;
    return ps_add_copy(object, "name", "slug", added);
}

// clang-format would indent each member of such a list deeper than the last.
// clang-format off
#define MEMBERS                                                                                    \
    PS_STRING("name") PS_DESCRIBED("slug", "string", "The same as name.")                          \
    PS_STRING_OR_NULL("billing_email") PS_STRING("created_at") PS_STRING("updated_at")             \
    PS_STRING("plan") PS_BOOLEAN("valid_billing_info") PS_BOOLEAN("sso")                           \
    PS_BOOLEAN("sso_directory") PS_BOOLEAN("single_tenancy") PS_BOOLEAN("managed_tenancy")         \
    PS_BOOLEAN_OR_NULL("has_past_due_invoices") PS_INTEGER("database_count")                       \
    PS_STRING_OR_NULL("sso_portal_url") PS_OBJECT_OR_NULL("features")                              \
    PS_BOOLEAN("idp_managed_roles") PS_STRING_OR_NULL("invoice_budget_amount")                     \
    PS_INTEGER("keyspace_shard_limit") PS_BOOLEAN("has_card") PS_BOOLEAN("payment_info_required")
// clang-format on

#define ORGANIZATION PS_OBJECT("id", MEMBERS)

#define ORGANIZATION_NOTES                                                                         \
    "An organization has `name`, `slug` (the same), `plan`, `database_count` and other members. "

static const kk_example *const examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print every organization",
        .lua = "local result = app.integrations.planetscale.list_organizations({})\n"
               "for _, org in ipairs(result.data) do\n"
               "  print(org.name .. \" (\" .. org.slug .. \") has \" .. org.database_count .. "
               "\" databases\")\n"
               "end\n",
        .args = "{}",
    },
    NULL,
};

const kk_tool ps_tool_list_organizations = {
    PS_TOOL_HEAD(list_organizations),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "List organizations",
    .summary = "Lists the organizations that the credential can see.",
    .description =
        "Lists organizations. Start here: every other function about databases and branches needs "
        "the `name` of an organization. A page has up to 100 rows; `all` walks every page.",
    .input_schema = PS_INPUT(PS_PAGE "," PS_LIMIT("100") "," PS_ALL, ""),
    .output_schema = PS_LIST(ORGANIZATION),
    .result_notes = PS_LIST_NOTES ORGANIZATION_NOTES,
    .examples = examples,
    .rows = "/data",
    .access = (const char *const[]){"read_organization", "read_organizations", NULL},
};
