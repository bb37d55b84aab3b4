// What the tests of JSON share: the texts in fixtures/json, and comparing byte for byte.
#ifndef KK_TEST_JSON_FIXTURE_H
#define KK_TEST_JSON_FIXTURE_H

#include "json.h"
#include "unit.h"

enum { TEXT_MAX = 1 << 16 };

static inline void read_fixture(const char *name, kk_buf *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/json/%s", KK_FIXTURES, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *room = kk_buf_reserve(out, TEXT_MAX / 2);
    assert_non_null(room);
    kk_buf_grow(out, fread(room, 1, TEXT_MAX / 2, file));
    fclose(file);
}

static inline void assert_same(kk_str got, kk_str wanted)
{
    if (!kk_str_equals(got, wanted)) {
        fail_msg("got\n%.*s\nwanted\n%.*s", KK_STR_ARG(got), KK_STR_ARG(wanted));
    }
}

#endif
