// What the model of PlanetScale's API knows: its organizations, databases, branches and users, and
// how each is written as the API writes it.
//
// Everything is computed from a name and a number, so the same request has the same answer in
// every run, and ids and times never change.  All names, addresses and people are invented.
#ifndef KK_TEST_API_DATA_H
#define KK_TEST_API_DATA_H

#include "buf.h"
#include <stdbool.h>

// Where the API lives, in every URL that a body holds, whatever the port of the test server.
#define API_BASE "https://api.planetscale.com/v1"

typedef struct api_organization {
    const char *name;
    const char *const *databases; // their names, database_count of them; NULL = numbered
    unsigned database_count;      // UINT32_MAX = every page is full and there is always another
    bool repeats;                 // names its own page as the next one
    const char *only_for; // the account that sees it in its list; NULL = all but staging, "" = none
    unsigned database_branches[2]; // the number of branches of even and of odd databases
    bool loses_answers; // to what creates a database: the database is there, the connection is not
} api_organization;

typedef struct api_region {
    const char *slug;
    const char *provider;
    const char *display_name;
    const char *location;
} api_region;

typedef struct api_database {
    const api_organization *organization;
    const api_region *region;
    const char *kind;  // "mysql" or "postgresql"
    const char *state; // "ready", "sleeping", ...
    unsigned branch_count;
    char name[64];
} api_database;

typedef struct api_branch {
    const api_database *database;
    const char *name;
    unsigned index;
    bool production;
} api_branch;

// The organization number [index], NULL past the last; the one of that name, or NULL.
const api_organization *api_organization_at(size_t index);
const api_organization *api_organization_find(const char *name);

const api_region *api_region_find(const char *slug);

void api_database_at(const api_organization *organization, unsigned index, api_database *out);
bool api_database_find(const api_organization *organization, const char *name, api_database *out);

void api_branch_at(const api_database *database, unsigned index, api_branch *out);
bool api_branch_find(const api_database *database, const char *name, api_branch *out);

void api_organization_write(const api_organization *self, kk_buf *out);
void api_database_write(const api_database *self, kk_buf *out);
void api_branch_write(const api_branch *self, kk_buf *out);

// The user behind the account [account].
void api_user_write(const char *account, kk_buf *out);

#endif
