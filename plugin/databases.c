// Databases: list, get, create.
#include "schema.h"
#include "tools.h"

const ps_parameter ps_search[] = {
    {.name = "page", .value = "1"},
    {.name = "limit", .sent_as = "per_page", .value = "20"},
    {.name = "q"},
    {0},
};

// The API refuses a new database without a cluster size.
const ps_parameter ps_new_database[] = {
    {.name = "name"},          {.name = "region"},
    {.name = "notes"},         {.name = "cluster_size", .value = "\"PS_10\""},
    {.name = "kind"},          {.name = "replicas"},
    {.name = "major_version"}, {0},
};

size_t ps_extend_database(void *context, const kk_json_object *object, kk_json_member *added,
                          kk_buf *scratch)
{
    (void)context;
    (void)scratch;
    return ps_add_copy(object, "branches_count", "branches", added);
}

#define DATA_SOURCE PS_OBJECT("hostname", PS_INTEGER("port") PS_STRING("database"))

// clang-format would indent each member of such a list deeper than the last.
// clang-format off
#define DATA_IMPORT_MEMBERS                                                                        \
    PS_STRING_OR_NULL("import_check_errors") PS_STRING_OR_NULL("started_at")                       \
    PS_STRING_OR_NULL("finished_at") PS_MEMBER("data_source", DATA_SOURCE)

#define STATES "pending, importing, import_ready, awakening, ready, sleep_in_progress or sleeping"

#define IDENTITY                                                                                   \
    PS_STRING("name") PS_DESCRIBED("kind", "string", "mysql or postgresql")                        \
    PS_DESCRIBED("state", "string", STATES) PS_BOOLEAN("ready") PS_MEMBER("region", PS_REGION)     \
    PS_STRING("plan") PS_STRING("url") PS_STRING("branches_url") PS_STRING("html_url")             \
    PS_STRING("created_at") PS_STRING("updated_at") PS_STRING_OR_NULL("schema_last_updated_at")

#define COUNTS                                                                                     \
    PS_DESCRIBED("branches", "integer", "The same as branches_count.")                             \
    PS_INTEGER("branches_count") PS_INTEGER("development_branches_count")                          \
    PS_INTEGER("production_branches_count") PS_INTEGER_OR_NULL("issues_count")                     \
    PS_INTEGER("open_schema_recommendations_count") PS_STRING("default_branch")                    \
    PS_INTEGER("default_branch_shard_count") PS_INTEGER("default_branch_table_count")              \
    PS_INTEGER("default_branch_read_only_regions_count")

#define SETTINGS                                                                                   \
    PS_BOOLEAN("multiple_admins_required_for_deletion") PS_BOOLEAN("sharded")                      \
    PS_BOOLEAN("at_backup_restore_branches_limit") PS_BOOLEAN("at_development_branch_usage_limit") \
    PS_MEMBER("data_import", PS_NULLABLE("state", DATA_IMPORT_MEMBERS))                            \
    PS_BOOLEAN("require_approval_for_deploy") PS_BOOLEAN("deletion_protected")                     \
    PS_BOOLEAN("resizing") PS_BOOLEAN("resize_queued") PS_BOOLEAN("config_changing")               \
    PS_BOOLEAN("config_change_queued") PS_BOOLEAN("allow_data_branching")                          \
    PS_BOOLEAN("foreign_keys_enabled") PS_BOOLEAN_OR_NULL("automatic_migrations")                  \
    PS_BOOLEAN("restrict_branch_region") PS_BOOLEAN("insights_raw_queries")                        \
    PS_BOOLEAN("insights_enabled") PS_BOOLEAN("production_branch_web_console")                     \
    PS_STRING_OR_NULL("migration_table_name") PS_STRING_OR_NULL("migration_framework")
// clang-format on

#define DATABASE PS_OBJECT("id", IDENTITY COUNTS SETTINGS)

#define DATABASE_NOTES                                                                             \
    "A database has `name`, `kind` (mysql or postgresql), `state` (ready when it can be used), "   \
    "`region.slug`, `branches` (how many it has), `default_branch` and other members. "

static const kk_example *const list_examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print every database of the first page",
        .lua = "local result = app.integrations.planetscale.list_databases({\n"
               "  organization = \"my-org\",\n"
               "  page = 1,\n"
               "  limit = 10,\n"
               "})\n"
               "for _, db in ipairs(result.data) do\n"
               "  print(db.name .. \" is \" .. db.state .. \" in \" .. db.region.slug)\n"
               "end\n",
        .args = "{\"organization\":\"my-org\",\"page\":1,\"limit\":10}",
    },
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Count all databases, reading only what is needed",
        .lua = "local result = app.integrations.planetscale.list_databases({\n"
               "  organization = \"my-org\",\n"
               "  all = true,\n"
               "  fields = { \"name\", \"kind\" },\n"
               "})\n"
               "print(#result.data, result.complete)\n",
        .args = "{\"organization\":\"my-org\",\"all\":true,\"fields\":[\"name\",\"kind\"]}",
    },
    NULL,
};

const kk_tool ps_tool_list_databases = {
    PS_TOOL_HEAD(list_databases),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "List databases",
    .summary = "Lists the databases of an organization, a page at a time.",
    .description =
        "Lists the databases of an organization with their kind, state, region and settings. "
        "A page has 20 rows unless `limit` says otherwise; `all` walks every page. A row is about "
        "1700 bytes, so name the members that matter in `fields`.\n\n"
        "An empty list can mean that the service token was granted no database: it is not proof "
        "that there are none.",
    .input_schema = PS_INPUT(PS_ORGANIZATION
                             "," PS_PAGE "," PS_LIMIT("20") "," PS_QUERY("databases") "," PS_ALL,
                             "\"organization\""),
    .output_schema = PS_LIST(DATABASE),
    .result_notes = PS_LIST_NOTES DATABASE_NOTES,
    .examples = list_examples,
    .rows = "/data",
    .access = (const char *const[]){"read_databases", "read_database", NULL},
};

static const kk_example *const get_examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Print where a database stands",
        .lua = "local db = app.integrations.planetscale.get_database({\n"
               "  organization = \"my-org\",\n"
               "  database = \"my-database\",\n"
               "})\n"
               "print(\"State: \" .. db.state)\n"
               "print(\"Region: \" .. db.region.slug)\n"
               "print(\"Branches: \" .. db.branches)\n",
        .args = "{\"organization\":\"my-org\",\"database\":\"my-database\"}",
    },
    NULL,
};

const kk_tool ps_tool_get_database = {
    PS_TOOL_HEAD(get_database),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .title = "Get a database",
    .summary = "Returns one database with its state, region and number of branches.",
    .description =
        "Returns one database of an organization. After create_database, call it until `ready` is "
        "true; pause between calls, and stop at an error of the credential.",
    .input_schema = PS_INPUT(PS_ORGANIZATION "," PS_DATABASE, "\"organization\",\"database\""),
    .output_schema = DATABASE,
    .result_notes = "The result is the database itself. " DATABASE_NOTES,
    .examples = get_examples,
    .access = (const char *const[]){"read_database", "read_databases", NULL},
};

#define NEW_DATABASE                                                                               \
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"description\":"                               \
    "\"Name of the new database: lower-case letters, digits and hyphens.\"},"                      \
    "\"region\":{\"type\":\"string\",\"description\":"                                             \
    "\"Slug of the region, such as us-east-1; the organization's own region by default.\"},"       \
    "\"notes\":{\"type\":\"string\",\"description\":\"Free text about the database.\"},"           \
    "\"cluster_size\":{\"type\":\"string\",\"default\":\"PS_10\",\"description\":"                 \
    "\"Size of the cluster, such as PS_10 or PS_80. It decides what the database costs.\"},"       \
    "\"kind\":{\"type\":\"string\",\"enum\":[\"mysql\",\"postgresql\"],\"description\":"           \
    "\"Which engine the database runs.\"},"                                                        \
    "\"replicas\":{\"type\":\"integer\",\"minimum\":0,\"description\":"                            \
    "\"Number of replicas: 0 for a single node, 2 or more for high availability.\"},"              \
    "\"major_version\":{\"type\":\"string\",\"description\":"                                      \
    "\"Major version of PostgreSQL, such as 17; the newest by default.\"}"

static const kk_example *const create_examples[] = {
    &(const kk_example){
        .struct_size = sizeof(kk_example),
        .title = "Create a database in a region",
        .lua = "local db = app.integrations.planetscale.create_database({\n"
               "  organization = \"my-org\",\n"
               "  name = \"my-new-database\",\n"
               "  region = \"us-east-1\",\n"
               "  notes = \"Production database for project X\",\n"
               "})\n"
               "print(\"Created: \" .. db.name)\n"
               "print(\"State: \" .. db.state)\n",
        .args = "{\"organization\":\"my-org\",\"name\":\"my-new-database\","
                "\"region\":\"us-east-1\",\"notes\":\"Production database for project X\"}",
    },
    NULL,
};

const kk_tool ps_tool_create_database = {
    PS_TOOL_HEAD(create_database),
    .flags = KK_TOOL_ADDITIVE_ONLY,
    .title = "Create a database",
    .summary = "Creates a database in an organization, which costs money from then on.",
    .description =
        "Creates a database. The service needs a cluster size; without `cluster_size` PS_10, one "
        "of the smaller ones, is asked for. PlanetScale bills a database by cluster size, replicas "
        "and storage for as long as it exists, so do not create one that nobody asked for.\n\n"
        "The database is not usable at once: call get_database until `ready` is true. If the "
        "answer is lost on the way, the database may exist all the same; look with get_database "
        "before trying again.",
    .input_schema = PS_INPUT(PS_ORGANIZATION "," NEW_DATABASE, "\"organization\",\"name\""),
    .output_schema = DATABASE,
    .result_notes =
        "The result is the new database, at first with the state pending. " DATABASE_NOTES,
    .examples = create_examples,
    .access = (const char *const[]){"create_databases", NULL},
};
