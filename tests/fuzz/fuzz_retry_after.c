// Waits and dates on any header: one field a line, as "name: value".
#include "fuzz.h"
#include "http_date.h"
#include "retry_after.h"
#include <time.h>

enum { FIELDS_MAX = 16 };

// 2026-11-23T12:00:00Z
#define NOW_MS INT64_C(1795435200000)

// A date that was taken is one of the system's calendar: written by the system, it reads the same.
static void check_date(kk_str text)
{
    int64_t unix_ms = -1;
    int64_t again_ms = -2;
    if (!kk_http_date(text, NOW_MS, &unix_ms)) {
        REQUIRE(unix_ms == -1);
        return;
    }
    char written[64];
    struct tm parts;
    time_t seconds = (time_t)(unix_ms / 1000);
    REQUIRE(unix_ms % 1000 == 0 && gmtime_r(&seconds, &parts) != NULL);
    // The last leap second of the year 9999 belongs to a year of five digits.
    if (parts.tm_year + 1900 > 9999) {
        return;
    }
    REQUIRE(strftime(written, sizeof written, "%a, %d %b ", &parts) > 0);
    size_t len = strlen(written);
    snprintf(written + len, sizeof written - len, "%04d %02d:%02d:%02d GMT", parts.tm_year + 1900,
             parts.tm_hour, parts.tm_min, parts.tm_sec);
    REQUIRE(kk_http_date(kk_str_from(written), NOW_MS, &again_ms) && again_ms == unix_ms);
}

static void check_value(kk_str text)
{
    uint64_t wait_ms = UINT64_MAX;
    bool ok = kk_retry_after_value(text, NOW_MS, &wait_ms);
    REQUIRE(ok ? wait_ms <= KK_RETRY_AFTER_MAX_MS : wait_ms == UINT64_MAX);
    // Spaces around it do not count, and later a wait until a date is never longer.
    char spaced[512];
    if (text.len + 2 <= sizeof spaced) {
        uint64_t again_ms = UINT64_MAX;
        spaced[0] = ' ';
        memcpy(spaced + 1, text.ptr, text.len);
        spaced[text.len + 1] = '\t';
        REQUIRE(kk_retry_after_value((kk_str){spaced, text.len + 2}, NOW_MS, &again_ms) == ok);
        REQUIRE(again_ms == wait_ms);
    }
    uint64_t later_ms = 0;
    if (ok && kk_retry_after_value(text, NOW_MS + 60000, &later_ms)) {
        REQUIRE(later_ms <= wait_ms);
    }
}

// Cuts the input into fields, NUL-terminated as a response has them.
static size_t split_fields(char *text, kk_header *out)
{
    size_t count = 0;
    for (char *line = text; line != NULL && count < FIELDS_MAX;) {
        char *next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        char *value = strchr(line, ':');
        if (value != NULL) {
            *value++ = '\0';
            out[count++] = (kk_header){line, value};
        }
        line = next;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_header fields[FIELDS_MAX];
    char *text = malloc(size + 1);
    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_date((kk_str){text, size});
    check_value((kk_str){text, size});
    size_t count = split_fields(text, fields);
    uint64_t wait_ms = UINT64_MAX;
    bool ok = kk_retry_after(fields, count, NOW_MS, &wait_ms);
    REQUIRE(ok ? wait_ms <= KK_RETRY_AFTER_MAX_MS : wait_ms == UINT64_MAX);
    for (size_t i = 0; i < count; i++) {
        check_date(kk_str_from(fields[i].value));
        check_value(kk_str_from(fields[i].value));
        uint64_t one_ms = 0;
        // One more field never makes the wait shorter, unless it is the clock that it is read by.
        if (strcmp(fields[i].name, "retry-after") == 0 &&
            kk_retry_after(&fields[i], 1, NOW_MS, &one_ms)) {
            bool has_date = false;
            for (size_t j = 0; j < count; j++) {
                has_date = has_date || strcmp(fields[j].name, "date") == 0;
            }
            REQUIRE(has_date || (ok && wait_ms >= one_ms));
        }
    }
    free(text);
    return 0;
}
