// What the model of PlanetScale's API knows.
#include "api_data.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const acme_names[] = {"shop",      "billing",   "search", "sessions",
                                         "warehouse", "catalogue", "orders", "metrics",
                                         "mail-logs", "uploads",   "flags",  "archive"};
static const char *const my_org_names[] = {"my-database", "my-analytics"};
static const char *const example_names[] = {"example-database", "example-reports", "example-cache"};
static const char *const staging_names[] = {"shop-staging", "billing-staging"};
static const char *const lossy_names[] = {"orders"};

static const api_organization organizations[] = {
    {"acme", acme_names, 12, false, NULL, {4, 2}, false},
    {"my-org", my_org_names, 2, false, NULL, {3, 1}, false},
    {"example_organization", example_names, 3, false, NULL, {2, 1}, false},
    {"many", NULL, 237, false, "", {1, 1}, false},
    {"endless", NULL, UINT32_MAX, false, "", {1, 1}, false},
    {"repeats", NULL, 30, true, "", {1, 1}, false},
    {"empty", NULL, 0, false, "", {0, 0}, false},
    {"acme-staging", staging_names, 2, false, "staging", {2, 1}, false},
    {"lossy", lossy_names, 1, false, "", {1, 1}, true},
};

static const api_region regions[] = {
    {"us-east-1", "AWS", "AWS us-east-1", "Ashburn, Virginia"},
    {"eu-west-1", "AWS", "AWS eu-west-1", "Dublin"},
    {"ap-northeast-1", "AWS", "AWS ap-northeast-1", "Tokyo"},
    {"us-central1", "GCP", "GCP us-central1", "Council Bluffs, Iowa"},
};

static const char *const branch_names[] = {"main", "dev", "add-index", "load-test"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

// ---- Finding

const api_organization *api_organization_at(size_t index)
{
    return index < COUNT(organizations) ? &organizations[index] : NULL;
}

const api_organization *api_organization_find(const char *name)
{
    for (size_t i = 0; i < COUNT(organizations); ++i) {
        if (strcmp(organizations[i].name, name) == 0) {
            return &organizations[i];
        }
    }
    return NULL;
}

const api_region *api_region_find(const char *slug)
{
    for (size_t i = 0; i < COUNT(regions); ++i) {
        if (strcmp(regions[i].slug, slug) == 0) {
            return &regions[i];
        }
    }
    return NULL;
}

// One database in five is not ready, each in another state.
static const char *state_of(unsigned index)
{
    static const char *const states[] = {"sleeping", "pending", "awakening", "sleep_in_progress",
                                         "importing"};
    return index % 5 == 2 ? states[index / 5 % COUNT(states)] : "ready";
}

void api_database_at(const api_organization *organization, unsigned index, api_database *out)
{
    *out = (api_database){.organization = organization,
                          .region = &regions[index % COUNT(regions)],
                          .kind = index % 3 == 1 ? "postgresql" : "mysql",
                          .state = state_of(index),
                          .branch_count = organization->database_branches[index % 2]};
    if (organization->databases != NULL) {
        snprintf(out->name, sizeof out->name, "%s", organization->databases[index]);
    } else {
        snprintf(out->name, sizeof out->name, "database-%05u", index + 1);
    }
}

bool api_database_find(const api_organization *organization, const char *name, api_database *out)
{
    unsigned count = organization->database_count < 1000 ? organization->database_count : 1000;
    for (unsigned i = 0; i < count; ++i) {
        api_database database;
        api_database_at(organization, i, &database);
        if (strcmp(database.name, name) == 0) {
            *out = database;
            return true;
        }
    }
    return false;
}

void api_branch_at(const api_database *database, unsigned index, api_branch *out)
{
    *out = (api_branch){.database = database,
                        .name = branch_names[index % COUNT(branch_names)],
                        .index = index,
                        .production = index == 0};
}

bool api_branch_find(const api_database *database, const char *name, api_branch *out)
{
    for (unsigned i = 0; i < database->branch_count; ++i) {
        api_branch branch;
        api_branch_at(database, i, &branch);
        if (strcmp(branch.name, name) == 0) {
            *out = branch;
            return true;
        }
    }
    return false;
}

// ---- Ids and times

// FNV-1a over the three parts and what separates them.
static uint64_t hash_of(const char *kind, const char *owner, const char *name)
{
    const char *const parts[] = {kind, owner, name};
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < COUNT(parts); ++i) {
        for (const char *at = parts[i]; *at != '\0'; ++at) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211u;
        }
        hash = (hash ^ '/') * 1099511628211u;
    }
    return hash;
}

// What a row is known by: twelve characters and two times that follow from its name.
typedef struct stamp {
    char id[13];
    char created_at[32];
    char updated_at[32];
} stamp;

static stamp stamp_of(const char *kind, const char *owner, const char *name)
{
    uint64_t hash = hash_of(kind, owner, name);
    stamp made;
    uint64_t rest = hash;
    for (size_t i = 0; i < sizeof made.id - 1; ++i) {
        made.id[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
        rest /= 36;
    }
    made.id[sizeof made.id - 1] = '\0';
    unsigned day = (unsigned)(hash % 28) + 1;
    unsigned minute = (unsigned)(hash / 28 % 60);
    snprintf(made.created_at, sizeof made.created_at, "2026-%02u-%02uT08:%02u:00.000Z",
             (unsigned)(hash % 6) + 1, day, minute);
    snprintf(made.updated_at, sizeof made.updated_at, "2026-%02u-%02uT17:%02u:30.000Z",
             (unsigned)(hash % 4) + 7, day, minute);
    return made;
}

// ---- Writing

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

void api_organization_write(const api_organization *self, kk_buf *out)
{
    stamp made = stamp_of("organization", "", self->name);
    kk_buf_append_format(out,
                         "{\"id\":\"%s\",\"name\":\"%s\",\"billing_email\":\"billing@%s.example\","
                         "\"created_at\":\"%s\",\"updated_at\":\"%s\",\"plan\":\"scaler_pro\","
                         "\"valid_billing_info\":true,\"sso\":false,\"sso_directory\":false,"
                         "\"single_tenancy\":false,\"managed_tenancy\":false,"
                         "\"has_past_due_invoices\":false,\"database_count\":%u,",
                         made.id, self->name, self->name, made.created_at, made.updated_at,
                         self->database_count < 100000 ? self->database_count : 100000);
    kk_buf_append_text(out, "\"sso_portal_url\":null,\"features\":{\"insights\":true},"
                            "\"idp_managed_roles\":false,\"invoice_budget_amount\":\"250.00\","
                            "\"keyspace_shard_limit\":64,\"has_card\":true,"
                            "\"payment_info_required\":false}");
}

// Addresses from the blocks that are set aside for documentation.
#define REGION_ADDRESSES                                                                           \
    "[\"192.0.2.10\",\"192.0.2.11\",\"192.0.2.12\",\"192.0.2.13\",\"198.51.100.20\","              \
    "\"198.51.100.21\",\"198.51.100.22\",\"203.0.113.30\",\"203.0.113.31\",\"203.0.113.32\"]"

static void write_region(const api_region *self, kk_buf *out)
{
    stamp made = stamp_of("region", "", self->slug);
    kk_buf_append_format(out,
                         "{\"id\":\"%s\",\"provider\":\"%s\",\"enabled\":true,"
                         "\"public_ip_addresses\":" REGION_ADDRESSES
                         ",\"display_name\":\"%s\",\"location\":\"%s\",\"slug\":\"%s\","
                         "\"current_default\":%s,\"mysql_supported\":true,"
                         "\"postgresql_supported\":true}",
                         made.id, self->provider, self->display_name, self->location, self->slug,
                         boolean(self == regions));
}

static void write_import(const api_database *self, kk_buf *out)
{
    if (strcmp(self->state, "importing") != 0) {
        kk_buf_append_text(out, "null");
        return;
    }
    kk_buf_append_format(out,
                         "{\"state\":\"in_progress\",\"import_check_errors\":\"\","
                         "\"started_at\":\"2026-11-20T09:00:00.000Z\",\"finished_at\":null,"
                         "\"data_source\":{\"hostname\":\"db.%s.example\",\"port\":3306,"
                         "\"database\":\"%s\"}}",
                         self->organization->name, self->name);
}

static void write_database_head(const api_database *self, const char *id, kk_buf *out)
{
    const char *owner = self->organization->name;
    unsigned production = self->branch_count > 0 ? 1 : 0;
    kk_buf_append_format(out,
                         "{\"id\":\"%s\",\"url\":\"" API_BASE "/organizations/%s/databases/%s\","
                         "\"branches_url\":\"" API_BASE "/organizations/%s/databases/%s/branches\","
                         "\"branches_count\":%u,\"open_schema_recommendations_count\":0,"
                         "\"development_branches_count\":%u,\"production_branches_count\":%u,",
                         id, owner, self->name, owner, self->name, self->branch_count,
                         self->branch_count - production, production);
    kk_buf_append_format(out,
                         "\"issues_count\":0,\"multiple_admins_required_for_deletion\":false,"
                         "\"ready\":%s,\"at_backup_restore_branches_limit\":false,"
                         "\"at_development_branch_usage_limit\":false,\"data_import\":",
                         boolean(strcmp(self->state, "ready") == 0));
    write_import(self, out);
    kk_buf_append_text(out, ",\"region\":");
    write_region(self->region, out);
    kk_buf_append_format(out, ",\"html_url\":\"https://app.planetscale.com/%s/%s\",\"name\":\"%s\"",
                         owner, self->name, self->name);
}

void api_database_write(const api_database *self, kk_buf *out)
{
    stamp made = stamp_of("database", self->organization->name, self->name);
    bool mysql = strcmp(self->kind, "mysql") == 0;
    write_database_head(self, made.id, out);
    kk_buf_append_format(out,
                         ",\"state\":\"%s\",\"sharded\":false,\"default_branch_shard_count\":%d,"
                         "\"default_branch_read_only_regions_count\":0,"
                         "\"default_branch_table_count\":%d,\"default_branch\":\"main\","
                         "\"require_approval_for_deploy\":%s,\"deletion_protected\":false,"
                         "\"resizing\":false,\"resize_queued\":false,\"config_changing\":false,"
                         "\"config_change_queued\":false,\"allow_data_branching\":%s,",
                         self->state, mysql ? 1 : 0, (int)(made.id[0] % 40), boolean(mysql),
                         boolean(mysql));
    kk_buf_append_format(out,
                         "\"foreign_keys_enabled\":%s,\"automatic_migrations\":%s,"
                         "\"restrict_branch_region\":false,\"insights_raw_queries\":false,"
                         "\"plan\":\"scaler_pro\",\"insights_enabled\":true,"
                         "\"production_branch_web_console\":false,"
                         "\"migration_table_name\":%s,\"migration_framework\":%s,"
                         "\"created_at\":\"%s\",\"updated_at\":\"%s\","
                         "\"schema_last_updated_at\":\"%s\",\"kind\":\"%s\"}",
                         boolean(!mysql), mysql ? "true" : "null",
                         mysql ? "\"schema_migrations\"" : "null", mysql ? "\"rails\"" : "null",
                         made.created_at, made.updated_at, made.updated_at, self->kind);
}

static void write_branch_cluster(const api_branch *self, kk_buf *out)
{
    bool mysql = strcmp(self->database->kind, "mysql") == 0;
    const char *slug = self->database->region->slug;
    kk_buf_append_format(out,
                         "\"kind\":\"%s\",\"mysql_address\":\"%s.connect.example.com\","
                         "\"mysql_edge_address\":\"%s.edge.example.com\",\"state\":\"%s\","
                         "\"direct_vtgate\":false,\"vtgate_size\":\"%s\",\"vtgate_name\":%s,"
                         "\"vtgate_count\":%d,\"vtgate_autoscaling\":false,"
                         "\"vtgate_max_count\":null,\"vtgate_target_cpu_utilization\":null,"
                         "\"cluster_name\":\"%s\",\"cluster_iops\":%s,",
                         self->database->kind, slug, slug, self->index == 3 ? "sleeping" : "ready",
                         mysql ? "vg.c1.nano" : "", mysql ? "\"VTG_5\"" : "null",
                         mysql ? (self->production ? 3 : 1) : 0,
                         self->production ? "PS_10" : "PS_DEV", mysql ? "null" : "3000");
    kk_buf_append_format(out,
                         "\"ready\":%s,\"schema_ready\":%s,\"metal\":false,\"production\":%s,"
                         "\"safe_migrations\":%s,\"deletion_protected\":false,\"sharded\":false,"
                         "\"shard_count\":%d,\"keyspace_count\":%d,\"stale_schema\":%s,",
                         boolean(self->index != 3), boolean(self->index != 3),
                         boolean(self->production), boolean(self->production && mysql),
                         mysql ? 1 : 0, mysql ? 1 : 0, boolean(self->index == 2));
}

static void write_branch_origin(const api_branch *self, kk_buf *out)
{
    const char *database = self->database->name;
    stamp actor = stamp_of("user", "", "main");
    kk_buf_append_format(out,
                         "\"actor\":{\"id\":\"%s\",\"display_name\":\"Robin Example\","
                         "\"avatar_url\":\"https://avatars.example.com/robin.png\"},",
                         actor.id);
    if (self->index != 3) {
        kk_buf_append_text(out, "\"restored_from_branch\":null,");
        return;
    }
    stamp origin = stamp_of("branch", database, "main");
    kk_buf_append_format(out,
                         "\"restored_from_branch\":{\"id\":\"%s\",\"name\":\"main\","
                         "\"created_at\":\"%s\",\"updated_at\":\"%s\",\"deleted_at\":null},",
                         origin.id, origin.created_at, origin.updated_at);
}

void api_branch_write(const api_branch *self, kk_buf *out)
{
    const char *owner = self->database->organization->name;
    const char *database = self->database->name;
    stamp made = stamp_of("branch", database, self->name);
    kk_buf_append_format(out,
                         "{\"id\":\"%s\",\"name\":\"%s\",\"created_at\":\"%s\","
                         "\"updated_at\":\"%s\",\"deleted_at\":null,"
                         "\"restore_checklist_completed_at\":null,"
                         "\"schema_last_updated_at\":\"%s\",",
                         made.id, self->name, made.created_at, made.updated_at, made.updated_at);
    write_branch_cluster(self, out);
    write_branch_origin(self, out);
    kk_buf_append_format(
        out,
        "\"private_edge_connectivity\":false,\"has_replicas\":%s,"
        "\"has_read_only_replicas\":false,"
        "\"html_url\":\"https://app.planetscale.com/%s/%s/%s\","
        "\"url\":\"" API_BASE "/organizations/%s/databases/%s/branches/%s\",\"region\":",
        boolean(self->production), owner, database, self->name, owner, database, self->name);
    write_region(self->database->region, out);
    kk_buf_append_format(out, ",\"parent_branch\":%s,\"vtgate_options\":{}}",
                         self->production ? "null" : "\"main\"");
}

void api_user_write(const char *account, kk_buf *out)
{
    bool staging = strcmp(account, "staging") == 0;
    const char *name = staging ? "Kim Example" : "Robin Example";
    const char *mailbox = staging ? "kim" : "robin";
    const api_organization *home = api_organization_find(staging ? "acme-staging" : "acme");
    stamp made = stamp_of("user", "", account);
    stamp owner = stamp_of("organization", "", home->name);
    kk_buf_append_format(out,
                         "{\"id\":\"%s\",\"display_name\":\"%s\",\"name\":\"%s\","
                         "\"email\":\"%s@example.com\","
                         "\"avatar_url\":\"https://avatars.example.com/%s.png\","
                         "\"created_at\":\"%s\",\"updated_at\":\"%s\","
                         "\"two_factor_auth_configured\":true,",
                         made.id, name, name, mailbox, mailbox, made.created_at, made.updated_at);
    kk_buf_append_format(out,
                         "\"default_organization\":{\"id\":\"%s\",\"name\":\"%s\","
                         "\"created_at\":\"%s\",\"updated_at\":\"%s\",\"deleted_at\":null},"
                         "\"sso\":false,\"managed\":false,\"directory_managed\":false,"
                         "\"email_verified\":true}",
                         owner.id, home->name, owner.created_at, owner.updated_at);
}
