// Branches: list, get.
#include "schema.h"
#include "tools.h"

size_t ps_extend_branch(void *context, const kk_json_object *object, kk_json_member *added,
                        kk_buf *scratch)
{
    (void)context;
    (void)scratch;
    kk_str production;
    if (!kk_json_object_get(object, "production", &production)) {
        return 0;
    }
    bool is_production = kk_str_is(production, "true");
    if (!is_production && !kk_str_is(production, "false")) {
        return 0;
    }
    added->name = "role";
    added->value = is_production ? KK_STR("\"production\"") : KK_STR("\"development\"");
    return 1;
}

#define ACTOR PS_NULLABLE("id", PS_STRING("display_name") PS_STRING_OR_NULL("avatar_url"))

#define ROLES "production or development, from the member production"
#define STATES "pending, awakening, ready, sleep_in_progress or sleeping"

// clang-format would indent each member of such a list deeper than the last.
// clang-format off
#define IDENTITY                                                                                   \
    PS_STRING("name") PS_DESCRIBED("role", "string", ROLES)                                        \
    PS_DESCRIBED("kind", "string", "mysql or postgresql") PS_DESCRIBED("state", "string", STATES)  \
    PS_BOOLEAN("ready") PS_BOOLEAN("production") PS_MEMBER("region", PS_REGION)                    \
    PS_STRING_OR_NULL("parent_branch") PS_MEMBER("actor", ACTOR)                                   \
    PS_MEMBER("restored_from_branch", PS_NAMED) PS_STRING("url") PS_STRING("html_url")             \
    PS_STRING("created_at") PS_STRING("updated_at") PS_STRING_OR_NULL("deleted_at")                \
    PS_STRING_OR_NULL("restore_checklist_completed_at")                                            \
    PS_STRING_OR_NULL("schema_last_updated_at")

// What only one of the two engines has may be null on the other.
#define CLUSTER                                                                                    \
    PS_STRING_OR_NULL("mysql_address") PS_STRING_OR_NULL("mysql_edge_address")                     \
    PS_BOOLEAN("direct_vtgate") PS_STRING_OR_NULL("vtgate_size") PS_STRING_OR_NULL("vtgate_name")  \
    PS_INTEGER_OR_NULL("vtgate_count") PS_BOOLEAN_OR_NULL("vtgate_autoscaling")                    \
    PS_INTEGER_OR_NULL("vtgate_max_count") PS_INTEGER_OR_NULL("vtgate_target_cpu_utilization")     \
    PS_OBJECT_OR_NULL("vtgate_options") PS_STRING_OR_NULL("cluster_name")                          \
    PS_INTEGER_OR_NULL("cluster_iops") PS_BOOLEAN("metal") PS_BOOLEAN("sharded")                   \
    PS_INTEGER("shard_count") PS_INTEGER("keyspace_count") PS_BOOLEAN("has_replicas")              \
    PS_BOOLEAN("has_read_only_replicas") PS_BOOLEAN("private_edge_connectivity")

#define SETTINGS                                                                                   \
    PS_BOOLEAN("schema_ready") PS_BOOLEAN("safe_migrations") PS_BOOLEAN("deletion_protected")      \
    PS_BOOLEAN("stale_schema")
// clang-format on

#define BRANCH PS_OBJECT("id", IDENTITY CLUSTER SETTINGS)

#define BRANCH_NOTES                                                                               \
    "A branch has `name`, `role` (production or development), `state`, `ready`, `region.slug`, "   \
    "`parent_branch` and other members. "

static const kk_example *const list_examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print the branches and what they are for",
        .lua = "local result = app.integrations.planetscale.list_branches({\n"
               "  organization = \"my-org\",\n"
               "  database = \"my-database\",\n"
               "})\n"
               "for _, branch in ipairs(result.data) do\n"
               "  print(branch.name .. \" is a \" .. branch.role .. \" branch\")\n"
               "end\n",
        .args = "{\"organization\":\"my-org\",\"database\":\"my-database\"}",
    },
    NULL,
};

const kk_tool ps_tool_list_branches = {
    PS_TOOL_HEAD(list_branches),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "List branches",
    .summary = "Lists the branches of a database, a page at a time.",
    .description =
        "Lists the branches of a database with their role, state and region. A page has 20 rows "
        "unless `limit` says otherwise; `all` walks every page. A row is about 1500 bytes, so name "
        "the members that matter in `fields`.",
    .input_schema = PS_INPUT(PS_ORGANIZATION "," PS_DATABASE "," PS_PAGE
                                             "," PS_LIMIT("20") "," PS_QUERY("branches") "," PS_ALL,
                             "\"organization\",\"database\""),
    .output_schema = PS_LIST(BRANCH),
    .result_notes = PS_LIST_NOTES BRANCH_NOTES,
    .examples = list_examples,
    .rows = "/data",
    .access = (const char *const[]){"read_branch", "read_branches", NULL},
};

static const kk_example *const get_examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print whether a branch can be used",
        .lua = "local branch = app.integrations.planetscale.get_branch({\n"
               "  organization = \"my-org\",\n"
               "  database = \"my-database\",\n"
               "  branch = \"main\",\n"
               "})\n"
               "print(\"Role: \" .. branch.role)\n"
               "print(\"Ready: \" .. tostring(branch.ready))\n"
               "print(\"Region: \" .. branch.region.slug)\n",
        .args = "{\"organization\":\"my-org\",\"database\":\"my-database\",\"branch\":\"main\"}",
    },
    NULL,
};

const kk_tool ps_tool_get_branch = {
    PS_TOOL_HEAD(get_branch),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "Get a branch",
    .summary = "Returns one branch with its role, region and readiness.",
    .description = "Returns one branch of a database.",
    .input_schema = PS_INPUT(PS_ORGANIZATION "," PS_DATABASE "," PS_BRANCH,
                             "\"organization\",\"database\",\"branch\""),
    .output_schema = BRANCH,
    .result_notes = "The result is the branch itself. " BRANCH_NOTES,
    .examples = get_examples,
    .access = (const char *const[]){"read_branch", "read_branches", NULL},
};
