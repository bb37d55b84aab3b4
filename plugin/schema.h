// Fragments of the JSON Schemas that several tools share.
//
// An input lists the documented parameters first and in their documented order, because a script
// may pass them by position.  An output leaves `additionalProperties` open: the API may grow.
#ifndef PS_SCHEMA_H
#define PS_SCHEMA_H

// ---- Inputs

#define PS_INPUT(properties, required)                                                             \
    "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],"            \
    "\"additionalProperties\":false}"

#define PS_SEGMENT(name, text)                                                                     \
    "\"" name "\":{\"type\":\"string\",\"x-kk-segment\":true,\"description\":\"" text "\"}"

#define PS_ORGANIZATION                                                                            \
    PS_SEGMENT("organization", "Name of the organization, as list_organizations gives it.")
#define PS_DATABASE PS_SEGMENT("database", "Name of the database, as list_databases gives it.")
#define PS_BRANCH PS_SEGMENT("branch", "Name of the branch, as list_branches gives it.")

#define PS_PAGE                                                                                    \
    "\"page\":{\"type\":\"integer\",\"minimum\":1,\"default\":1,"                                  \
    "\"description\":\"Which page of the list to return, counted from 1.\"}"
#define PS_LIMIT(rows)                                                                             \
    "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":" rows ","          \
    "\"description\":\"How many rows a page has, at most 100.\"}"
#define PS_QUERY(things)                                                                           \
    "\"q\":{\"type\":\"string\",\"description\":\"Return only " things                             \
    " whose name matches this text.\"}"
#define PS_ALL                                                                                     \
    "\"all\":{\"type\":\"boolean\",\"default\":false,\"description\":\"Walk all pages and return " \
    "their rows as one list, at most 1000; not together with page.\"}"

// ---- Outputs

// One further member of an object; each begins with the comma that parts it from the one before.
#define PS_STRING(name) ",\"" name "\":{\"type\":\"string\"}"
#define PS_INTEGER(name) ",\"" name "\":{\"type\":\"integer\"}"
#define PS_BOOLEAN(name) ",\"" name "\":{\"type\":\"boolean\"}"
#define PS_STRING_OR_NULL(name) ",\"" name "\":{\"type\":[\"string\",\"null\"]}"
#define PS_INTEGER_OR_NULL(name) ",\"" name "\":{\"type\":[\"integer\",\"null\"]}"
#define PS_BOOLEAN_OR_NULL(name) ",\"" name "\":{\"type\":[\"boolean\",\"null\"]}"
#define PS_OBJECT_OR_NULL(name) ",\"" name "\":{\"type\":[\"object\",\"null\"]}"
#define PS_STRINGS(name) ",\"" name "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define PS_MEMBER(name, schema) ",\"" name "\":" schema
#define PS_DESCRIBED(name, type, text)                                                             \
    ",\"" name "\":{\"type\":\"" type "\",\"description\":\"" text "\"}"

// An object whose first member, a string, is [first].
#define PS_PROPERTIES(first, members)                                                              \
    "\"properties\":{\"" first "\":{\"type\":\"string\"}" members "}"
#define PS_OBJECT(first, members) "{\"type\":\"object\"," PS_PROPERTIES(first, members) "}"
#define PS_NULLABLE(first, members)                                                                \
    "{\"type\":[\"object\",\"null\"]," PS_PROPERTIES(first, members) "}"

// clang-format would indent each member of such a list deeper than the last.
// clang-format off
#define PS_REGION_MEMBERS                                                                          \
    PS_STRING("provider") PS_BOOLEAN("enabled") PS_STRINGS("public_ip_addresses")                  \
    PS_STRING("display_name") PS_STRING("location") PS_STRING("slug")                              \
    PS_BOOLEAN("current_default") PS_BOOLEAN("mysql_supported") PS_BOOLEAN("postgresql_supported")
#define PS_REGION PS_OBJECT("id", PS_REGION_MEMBERS)

// A thing that is only named: a branch restored from, the user's organization.
#define PS_NAMED_MEMBERS                                                                           \
    PS_STRING("name") PS_STRING("created_at") PS_STRING("updated_at")                              \
    PS_STRING_OR_NULL("deleted_at")
#define PS_NAMED PS_NULLABLE("id", PS_NAMED_MEMBERS)

#define PS_LIST_MEMBERS                                                                            \
    PS_INTEGER("current_page") PS_INTEGER("per_page") PS_INTEGER("total_count")                    \
    PS_INTEGER("total_pages") PS_INTEGER_OR_NULL("next_page") PS_STRING_OR_NULL("next_page_url")   \
    PS_INTEGER_OR_NULL("prev_page") PS_STRING_OR_NULL("prev_page_url")                             \
    PS_DESCRIBED("complete", "boolean", "With all: whether these are all the rows.")               \
    PS_DESCRIBED("hint", "string", "What to do next, where that is not plain.")
// clang-format on
#define PS_ROWS(row) PS_MEMBER("data", "{\"type\":\"array\",\"items\":" row "}")
#define PS_LIST(row)                                                                               \
    "{\"type\":\"object\",\"required\":[\"data\"]," PS_PROPERTIES(                                 \
        "type", PS_LIST_MEMBERS PS_ROWS(row)) "}"

#define PS_LIST_NOTES                                                                              \
    "The rows are in `data`. `next_page` is the number of the page after this one, or null on "    \
    "the last page. With `all` the result also has `complete`: false means that the walk stopped " \
    "before the end, and `hint` says how to go on. "

#endif
