// cmocka with what it needs before it, and the few checks that every unit test makes.
#ifndef KK_TEST_UNIT_H
#define KK_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kk/error.h>

// Fails the test if [code] is not KK_OK, showing what the record says.
#define assert_ok(code, err)                                                                       \
    do {                                                                                           \
        kk_code code_ = (code);                                                                    \
        if (code_ != KK_OK) {                                                                      \
            fail_msg("%s: %s", kk_code_name(code_), (err)->message);                               \
        }                                                                                          \
    } while (0)

// Fails the test if [code] is not [wanted], showing both by name.
#define assert_code(code, wanted)                                                                  \
    do {                                                                                           \
        kk_code code_ = (code);                                                                    \
        if (code_ != (wanted)) {                                                                   \
            fail_msg("got %s, wanted %s", kk_code_name(code_), kk_code_name(wanted));              \
        }                                                                                          \
    } while (0)

// Fails the test if [text] does not hold [part].
#define assert_holds(text, part)                                                                   \
    do {                                                                                           \
        const char *text_ = (text);                                                                \
        if (strstr(text_, (part)) == NULL) {                                                       \
            fail_msg("'%s' does not hold '%s'", text_, (part));                                    \
        }                                                                                          \
    } while (0)

#endif
