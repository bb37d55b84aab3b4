// How long a service asks to be left alone, in every way in which it may say so.
#include "http_date.h"
#include "retry_after.h"
#include "unit.h"

// Mon, 23 Nov 2026 12:00:00 GMT
#define NOW_MS INT64_C(1795435200000)
#define NONE UINT64_MAX

static uint64_t read_value(const char *text)
{
    uint64_t wait_ms = NONE;
    bool ok = kk_retry_after_value(kk_str_from(text), NOW_MS, &wait_ms);
    assert_int_equal(ok, wait_ms != NONE);
    return wait_ms;
}

static void test_retry_after__reads_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t wait_ms;
    } rows[] = {
        {"0", 0},
        {"120", 120000},
        {" 120\t", 120000},
        {"007", 7000},
        {"0.020", 20},
        {"0.0", 0},
        {"1.5", 1500},
        {"1.2345", 1235},
        {"1.2340", 1234},
        {"0.0000001", 1},
        {"31536000", KK_RETRY_AFTER_MAX_MS},
        {"31536001", KK_RETRY_AFTER_MAX_MS},
        {"31536000.5", KK_RETRY_AFTER_MAX_MS},
        {"18446744073709551616", KK_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999999999999999999", KK_RETRY_AFTER_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_value(rows[i].text) != rows[i].wait_ms) {
            fail_msg("'%s' is %llu", rows[i].text, (unsigned long long)read_value(rows[i].text));
        }
    }
}

static void test_retry_after__refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const junk[] = {
        "",     " ",     "-5",   "+5",    "1e3",   "abc",   "5 s",      "5,0",   "1.",
        ".5",   "1.2.3", "0x10", "1.2e1", "1 2",   "inf",   "nan",      "--1",   "5;",
        "1.-2", "\"5\"", "Mon",  "GMT",   "never", "1\r\n", "\xD9\xA1", "12:00", "5\x0b",
    };
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        if (read_value(junk[i]) != NONE) {
            fail_msg("'%s' was taken", junk[i]);
        }
    }
}

static void test_retry_after__reads_the_three_dates(void **state)
{
    (void)state;
    static const char *const dates[] = {"Mon, 23 Nov 2026 12:00:30 GMT",
                                        "Monday, 23-Nov-26 12:00:30 GMT",
                                        "Mon Nov 23 12:00:30 2026"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(read_value(dates[i]), 30000);
    }
    assert_int_equal(read_value("Mon, 23 Nov 2026 11:59:59 GMT"), 0);
    assert_int_equal(read_value("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(read_value("Fri, 31 Dec 9999 23:59:59 GMT"), KK_RETRY_AFTER_MAX_MS);
    // Of the two years that end in 94, the one that is not more than 50 years ahead.
    assert_int_equal(read_value("Sunday, 06-Nov-94 08:49:37 GMT"), 0);
    assert_int_equal(read_value("Monday, 23-Nov-76 12:00:30 GMT"), KK_RETRY_AFTER_MAX_MS);
    assert_int_equal(read_value("Monday, 23-Nov-77 12:00:30 GMT"), 0);
}

static void test_http_date__knows_the_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ms; // -1 = no date
    } rows[] = {
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
        {"Sun Nov  6 08:49:37 1994", 784111777000},
        {"Sun Nov 16 08:49:37 1994", 784975777000},
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800000},
        {"Wed, 29 Feb 2023 00:00:00 GMT", -1},
        {"Mon, 29 Feb 2100 00:00:00 GMT", -1},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800000},
        {"Sat, 31 Dec 2016 23:59:61 GMT", -1},
        {"Sat, 31 Dec 2016 24:00:00 GMT", -1},
        {"Sat, 31 Dec 2016 23:60:00 GMT", -1},
        {"Thu, 00 Jan 1970 00:00:00 GMT", -1},
        {"Thu, 32 Jan 1970 00:00:00 GMT", -1},
        {"Thu, 31 Apr 1970 00:00:00 GMT", -1},
        {"Thu, 1 Jan 1970 00:00:00 GMT", -1},
        {"Thu, 01 Jan 1970 00:00:00 gmt", -1},
        {"Thu, 01 Jan 1970 00:00:00 UTC", -1},
        {"Thu, 01 Jan 1970 00:00:00 GMT ", -1},
        {"thu, 01 Jan 1970 00:00:00 GMT", -1},
        {"Thu, 01 Foo 1970 00:00:00 GMT", -1},
        {"Thu, 01 Jan 0000 00:00:00 GMT", -1},
        {"Thu,01 Jan 1970 00:00:00 GMT", -1},
        {"Sun Nov  6 08:49:37 1994 GMT", -1},
        {"Sun Nov 6 08:49:37 1994", -1},
        {"Sunday, 06-Nov-1994 08:49:37 GMT", -1},
        {"1994-11-06T08:49:37Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t found = -1;
        bool ok = kk_http_date(kk_str_from(rows[i].text), NOW_MS, &found);
        if (ok != (rows[i].unix_ms >= 0) || found != rows[i].unix_ms) {
            fail_msg("'%s' is %lld", rows[i].text, (long long)found);
        }
    }
}

// Every date that ends too early is none.
static void test_http_date__cut_anywhere_is_none(void **state)
{
    (void)state;
    static const char *const dates[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < 3; i++) {
        int64_t found;
        for (size_t len = 0; len < strlen(dates[i]); len++) {
            assert_false(kk_http_date((kk_str){dates[i], len}, NOW_MS, &found));
        }
        assert_true(kk_http_date(kk_str_from(dates[i]), NOW_MS, &found));
    }
}

static uint64_t read_headers(const kk_header *headers, size_t count)
{
    uint64_t wait_ms = NONE;
    bool ok = kk_retry_after(headers, count, NOW_MS, &wait_ms);
    assert_int_equal(ok, wait_ms != NONE);
    return wait_ms;
}

static uint64_t read_pair(const char *name, const char *value, const char *name2,
                          const char *value2)
{
    const kk_header headers[] = {{name, value}, {name2, value2}};
    return read_headers(headers, name2 != NULL ? 2 : 1);
}

static void test_retry_after__dates_are_compared_with_the_servers_own(void **state)
{
    (void)state;
    const char *later = "Mon, 23 Nov 2026 12:01:00 GMT";
    assert_int_equal(read_pair("retry-after", later, NULL, NULL), 60000);
    assert_int_equal(read_pair("retry-after", later, "date", "Mon, 23 Nov 2026 12:00:50 GMT"),
                     10000);
    assert_int_equal(read_pair("date", "Mon, 23 Nov 2026 12:02:00 GMT", "retry-after", later), 0);
    assert_int_equal(read_pair("date", "yesterday", "retry-after", later), 60000);
    assert_int_equal(read_pair("date", "Mon, 23 Nov 2026 12:00:50 GMT", "retry-after", "7"), 7000);
}

static void test_retry_after__takes_the_longest_wait(void **state)
{
    (void)state;
    assert_int_equal(read_headers(NULL, 0), NONE);
    assert_int_equal(read_pair("retry-after", "3", "retry-after", "9"), 9000);
    assert_int_equal(read_pair("retry-after", "9", "retry-after", "junk"), 9000);
    assert_int_equal(read_pair("retry-after", "3", "ratelimit", "\"default\";r=0;t=30"), 30000);
    assert_int_equal(read_pair("ratelimit", "\"a\";r=0;t=5, \"b;,\";r=0;t=8", NULL, NULL), 8000);
    assert_int_equal(read_pair("ratelimit", "\"a\";r=1;t=50", NULL, NULL), NONE);
    assert_int_equal(read_pair("ratelimit", "\"a\";r=0", NULL, NULL), NONE);
    assert_int_equal(read_pair("ratelimit", "\"a;r=0;t=50", NULL, NULL), NONE);
    assert_int_equal(read_pair("ratelimit-policy", "\"a\";q=600;w=60", NULL, NULL), NONE);
    assert_int_equal(read_pair("x-ratelimit-remaining", "0", "x-ratelimit-reset", "12"), 12000);
    assert_int_equal(read_pair("x-ratelimit-remaining", "4", "x-ratelimit-reset", "12"), NONE);
    assert_int_equal(read_pair("x-ratelimit-remaining", "0", "x-ratelimit-reset", "1795435245"),
                     45000);
    assert_int_equal(read_pair("x-ratelimit-remaining", "0", "x-ratelimit-reset", "1000000000"), 0);
    assert_int_equal(read_pair("ratelimit-remaining", "0", "ratelimit-reset", "2"), 2000);
    assert_int_equal(read_pair("ratelimit-remaining", "0", "x-ratelimit-reset", "2"), NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after__reads_seconds),
        cmocka_unit_test(test_retry_after__refuses_what_is_none),
        cmocka_unit_test(test_retry_after__reads_the_three_dates),
        cmocka_unit_test(test_http_date__knows_the_calendar),
        cmocka_unit_test(test_http_date__cut_anywhere_is_none),
        cmocka_unit_test(test_retry_after__dates_are_compared_with_the_servers_own),
        cmocka_unit_test(test_retry_after__takes_the_longest_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
