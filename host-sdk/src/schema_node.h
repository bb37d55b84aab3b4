// A compiled schema, as its compiler and its checker know it.
#ifndef KK_SCHEMA_NODE_H
#define KK_SCHEMA_NODE_H

#include "json.h"
#include "schema.h"

// The deepest nesting of schemas.
enum { KK_SCHEMA_DEPTH_MAX = 32 };

// Bits of node.types, in the order of kk_schema_type_names.
enum {
    KK_TYPE_NULL = 1,
    KK_TYPE_BOOLEAN = 2,
    KK_TYPE_INTEGER = 4,
    KK_TYPE_NUMBER = 8,
    KK_TYPE_STRING = 16,
    KK_TYPE_ARRAY = 32,
    KK_TYPE_OBJECT = 64,
    KK_TYPE_COUNT = 7
};
extern const char *const kk_schema_type_names[KK_TYPE_COUNT];

typedef struct kk_schema_member kk_schema_member;

// Texts are owned; NULL means that the keyword is absent.  Numbers stay as they are written, so
// that nothing is lost in comparing them.
typedef struct kk_schema_node {
    unsigned types;  // 0 = any
    char *type_text; // "string | null"
    char *description;
    char *value;    // default
    char *choices;  // enum, as written
    char **allowed; // enum or const, in canonical form
    size_t allowed_count;
    char *minimum;
    char *maximum;
    size_t length_min;
    size_t length_max;
    size_t items_min;
    size_t items_max;
    bool unique;
    bool segment;
    bool closed; // additionalProperties: false
    bool open;   // additionalProperties: true or a schema
    struct kk_schema_node *additional;
    struct kk_schema_node *items;
    kk_schema_member *members;
    size_t member_count;
} kk_schema_node;

struct kk_schema_member {
    char *name;
    kk_schema_node *node;
    kk_schema_property shown;
};

struct kk_schema {
    kk_schema_node *root;
};

void kk_schema_node_free(kk_schema_node *node);

// The member of that name or NULL.  [raw] has its quotes.
const kk_schema_member *kk_schema_member_raw(const kk_schema_node *node, kk_str raw);

// Names that are near to [wanted], as kk_near() gives them.
void kk_schema_near(const kk_schema_node *node, const char *wanted, char *out, size_t out_size);

// Appends a form of the value that is the same for equal values: no white space, the shortest
// escapes, one way to write a number.  The order of members counts.
void kk_schema_write_canonical(kk_str raw, kk_buf *out);

// -1, 0 or 1 as one raw number is less than, equal to or greater than the other.
int kk_schema_compare(kk_str a, kk_str b);

// Checks [raw], one value without white space around it, against [node].
kk_code kk_schema_node_check(const kk_schema_node *node, kk_str raw, bool arguments, kk_error *err);

#endif
