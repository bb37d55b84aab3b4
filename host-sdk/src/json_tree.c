// The cJSON side: checked parsing, access and printing.
#include "fail.h"
#include "json_rewrite.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// What cJSON can hold: it copies a number into 64 bytes, and stops at 1000 levels.
enum { NUMBER_MAX = 63, TREE_DEPTH_MAX = 1000, NAME_SHOWN_MAX = 64 };

// What of the token cJSON would misread, or NULL.
static const char *misread(const kk_json_reader *reader, kk_json_kind kind)
{
    bool string = kind == KK_JSON_NAME || kind == KK_JSON_STRING;
    if (string && !kk_json_string_is_text(reader->raw)) {
        return "a string holds \\u0000 or half of a surrogate pair, which cannot be kept";
    }
    if (kind == KK_JSON_NUMBER && reader->raw.len > NUMBER_MAX) {
        return "a number has more than 63 characters, which cannot be kept";
    }
    if (reader->depth > TREE_DEPTH_MAX) {
        return "arrays and objects are nested more than 1000 levels deep";
    }
    return NULL;
}

static kk_code check_for_tree(kk_str text, const char *what, kk_error *err)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        const char *problem = misread(&reader, kind);
        if (problem != NULL) {
            return kk_fail(err, KK_ERR_PROTOCOL, "%s cannot be used: %s (before byte %zu)", what,
                           problem, reader.at);
        }
    }
    if (kind == KK_JSON_ERROR) {
        return kk_fail(err, KK_ERR_PROTOCOL, "%s is not JSON at byte %zu: %s", what, reader.at,
                       reader.problem);
    }
    return KK_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Gives in *twice a name that occurs twice in the object, or NULL.  False if memory ran out.
static bool find_twice(const cJSON *object, const char **twice)
{
    *twice = NULL;
    size_t count = (size_t)cJSON_GetArraySize(object);
    if (count < 2) {
        return true;
    }
    const char **names = malloc(count * sizeof *names);
    if (names == NULL) {
        return false;
    }
    size_t filled = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        names[filled++] = member->string;
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count && *twice == NULL; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            *twice = names[i];
        }
    }
    free(names);
    return true;
}

// Checks one value of the tree; its parts come by themselves.
static kk_code check_node(const cJSON *node, const char *what, kk_error *err)
{
    if (cJSON_IsNumber(node) && isinf(node->valuedouble)) {
        return kk_fail(err, KK_ERR_PROTOCOL, "%s cannot be used: a number is out of range", what);
    }
    const char *twice = NULL;
    if (cJSON_IsObject(node) && !find_twice(node, &twice)) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for %s", what);
    }
    if (twice != NULL) {
        return kk_fail(err, KK_ERR_PROTOCOL, "%s has the member '%.*s' twice in one object", what,
                       (int)NAME_SHOWN_MAX, twice);
    }
    return KK_OK;
}

// Walks the whole tree, which is at most TREE_DEPTH_MAX levels deep, without recursion.
static kk_code check_tree(const cJSON *root, const char *what, kk_error *err)
{
    const cJSON *above[TREE_DEPTH_MAX];
    size_t depth = 0;
    const cJSON *node = root;
    while (node != NULL) {
        kk_code code = check_node(node, what, err);
        if (code != KK_OK) {
            return code;
        }
        if (node->child != NULL) {
            above[depth++] = node;
            node = node->child;
            continue;
        }
        while (node->next == NULL && depth > 0) {
            node = above[--depth];
        }
        node = node->next;
    }
    return KK_OK;
}

kk_code kk_json_parse(kk_str text, const char *what, cJSON **out, kk_error *err)
{
    kk_code code = check_for_tree(text, what, err);
    if (code != KK_OK) {
        return code;
    }
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    if (tree == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for %s", what);
    }
    code = check_tree(tree, what, err);
    if (code != KK_OK) {
        cJSON_Delete(tree);
        return code;
    }
    *out = tree;
    return KK_OK;
}

const cJSON *kk_json_get(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *kk_json_text(const cJSON *object, const char *name)
{
    const cJSON *member = kk_json_get(object, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

void kk_json_print(const cJSON *tree, kk_buf *out)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (text == NULL) {
        if (out->failed == KK_OK) {
            out->failed = KK_ERR_INTERNAL;
        }
        return;
    }
    kk_buf_append_text(out, text);
    cJSON_free(text);
}
