// The table of tools.  A further tool is one row here, and its kk_tool beside its resource.
//
// From a row come the entry point with its prototype and symbol, the tool's operation, and its
// place in the manifest.
#ifndef PS_TOOLS_H
#define PS_TOOLS_H

#include "api.h"

#define PS_DATABASES "/organizations/{organization}/databases"
#define PS_BRANCHES PS_DATABASES "/{database}/branches"

// X(name, method, path, parameters, extend, what to do when the answer of a POST was lost)
#define PS_TOOLS(X)                                                                                \
    X(list_databases, "GET", PS_DATABASES, ps_search, ps_extend_database, NULL)                    \
    X(get_database, "GET", PS_DATABASES "/{database}", ps_nothing, ps_extend_database, NULL)       \
    X(create_database, "POST", PS_DATABASES, ps_new_database, ps_extend_database,                  \
      "the database may exist all the same: look with get_database before trying again")           \
    X(list_branches, "GET", PS_BRANCHES, ps_search, ps_extend_branch, NULL)                        \
    X(get_branch, "GET", PS_BRANCHES "/{branch}", ps_nothing, ps_extend_branch, NULL)              \
    X(list_organizations, "GET", "/organizations", ps_organizations, ps_extend_organization, NULL) \
    X(get_current_user, "GET", "/user", ps_nothing, ps_extend_user, NULL)

// What a kk_tool says of itself that follows from its name.
#define PS_TOOL_HEAD(tool)                                                                         \
    .struct_size = sizeof(kk_tool), .name = #tool, .symbol = KK_TOOL_SYMBOL(planetscale, tool),    \
    .entry = KK_TOOL_ENTRY(planetscale, tool), .credential = "planetscale"

#define PS_DECLARE(name, method, path, parameters, extend, lost_hint)                              \
    KK_TOOL_DECLARE(planetscale, name);                                                            \
    extern const kk_tool ps_tool_##name;
PS_TOOLS(PS_DECLARE)
#undef PS_DECLARE

// The parameters that are not part of a path, by what they are for.
extern const ps_parameter ps_nothing[];
extern const ps_parameter ps_search[];
extern const ps_parameter ps_organizations[];
extern const ps_parameter ps_new_database[];

// The additions, for kk_json_extend().
size_t ps_extend_database(void *context, const kk_json_object *object, kk_json_member *added,
                          kk_buf *scratch);
size_t ps_extend_branch(void *context, const kk_json_object *object, kk_json_member *added,
                        kk_buf *scratch);
size_t ps_extend_organization(void *context, const kk_json_object *object, kk_json_member *added,
                              kk_buf *scratch);
size_t ps_extend_user(void *context, const kk_json_object *object, kk_json_member *added,
                      kk_buf *scratch);

#endif
