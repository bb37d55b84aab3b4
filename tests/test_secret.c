// Secrets: they lie apart, cannot be touched while they rest, and are gone when they go.
#include "secret.h"
#include "unit.h"
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 2000 };

static void make_text(kk_secret *out, const char *text)
{
    kk_error err = {0};
    assert_ok(kk_secret_make(out, strlen(text), &err), &err);
    assert_ok(kk_secret_append(out, text, strlen(text), &err), &err);
}

// Whether the byte can be read: the kernel is asked, which does not end the process.
static bool is_readable(const unsigned char *byte)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    bool readable = write(ends[1], byte, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

static void test_secret__holds_what_was_appended_and_no_more(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_secret secret = {0};
    assert_ok(kk_secret_make(&secret, 6, &err), &err);
    assert_ok(kk_secret_append(&secret, "abc", 3, &err), &err);
    assert_ok(kk_secret_append(&secret, "def", 3, &err), &err);
    assert_code(kk_secret_append(&secret, "g", 1, &err), KK_ERR_TOO_LARGE);
    assert_string_equal((const char *)secret.ptr, "abcdef");
    kk_secret_clean(&secret);
    assert_null(secret.ptr);
    kk_secret_clean(&secret);
    kk_secret_rest(&secret);
    kk_secret_wake(&secret);
}

static void test_secret__cannot_be_read_while_it_rests(void **state)
{
    (void)state;
    kk_secret kept = {0};
    kk_secret passing = {0};
    make_text(&kept, "kept");
    const unsigned char *before = kept.ptr;
    assert_true(is_readable(kept.ptr));
    kk_secret_rest(&kept);
    assert_false(is_readable(kept.ptr));
    assert_false(is_readable(before));
    // Nor while another is in use.
    make_text(&passing, "passing");
    assert_false(is_readable(kept.ptr));
    kk_secret_wake(&kept);
    assert_string_equal((const char *)kept.ptr, "kept");
    kk_secret_rest(&kept);
    assert_false(is_readable(kept.ptr));
    assert_true(is_readable(passing.ptr));
    const unsigned char *gone = passing.ptr;
    kk_secret_clean(&passing);
    assert_false(is_readable(gone));
    kk_secret_clean(&kept);
}

static void test_secret__a_large_one_rests_too(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_secret large = {0};
    assert_ok(kk_secret_make(&large, 70000, &err), &err);
    memset(large.ptr, 'x', 70000);
    large.len = 70000;
    kk_secret_rest(&large);
    assert_false(is_readable(large.ptr));
    kk_secret_wake(&large);
    assert_int_equal(large.ptr[69999], 'x');
    kk_secret_rest(&large);
    kk_secret_clean(&large);
}

static void test_secret__is_wiped_before_its_place_is_given_again(void **state)
{
    (void)state;
    kk_secret keeper = {0};
    kk_secret secret = {0};
    make_text(&keeper, "keeps the room open");
    make_text(&secret, "canary");
    const unsigned char *place = secret.ptr;
    kk_secret_clean(&secret);
    assert_true(is_readable(place));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(place[i], 0);
    }
    make_text(&secret, "canary");
    place = secret.ptr;
    kk_secret_rest(&secret);
    assert_int_equal(place[0], 0);
    kk_secret_clean(&secret);
    kk_secret_clean(&keeper);
}

// More than the rooms hold, of many sizes: none lies in another.
static void test_secret__many_lie_apart(void **state)
{
    (void)state;
    static kk_secret secrets[MANY];
    kk_error err = {0};
    for (size_t i = 0; i < MANY; i++) {
        size_t size = i * 37 % 300;
        assert_ok(kk_secret_make(&secrets[i], size, &err), &err);
        memset(secrets[i].ptr, (int)(i % 251), size);
        secrets[i].len = size;
        if (i % 3 == 0) {
            kk_secret_rest(&secrets[i]);
        }
        if (i >= 500) {
            kk_secret_clean(&secrets[i - 500 + i % 7]);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        kk_secret_wake(&secrets[i]);
        for (size_t k = 0; k < secrets[i].len; k++) {
            assert_int_equal(secrets[i].ptr[k], i % 251);
        }
        kk_secret_clean(&secrets[i]);
    }
}

static void test_secret__a_child_finds_zeros(void **state)
{
    (void)state;
    kk_secret secret = {0};
    make_text(&secret, "canary");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(secret.ptr[0] == 0 && secret.ptr[5] == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal((const char *)secret.ptr, "canary");
    kk_secret_clean(&secret);
}

// ---- Memory that cannot be locked; in a process of its own, since the rooms are made once

static void without_lock(void)
{
    kk_error err = {0};
    kk_secret secret = {0};
    if (kk_secret_start(&err) != KK_OK || !kk_secret_is_locked()) {
        _exit(3);
    }
    if (kk_secret_make(&secret, 10, &err) != KK_OK || kk_secret_is_locked()) {
        _exit(1);
    }
    kk_secret_clean(&secret);
    if (kk_secret_require_lock(&err) != KK_ERR_MEMLOCK || strstr(err.hint, "ulimit") == NULL) {
        _exit(2);
    }
    _exit(kk_secret_make(&secret, 10, &err) == KK_ERR_MEMLOCK ? 0 : 4);
}

// Enough for the rooms, and not for a large secret.
static void with_little(void)
{
    kk_error err = {0};
    kk_secret secret = {0};
    if (kk_secret_require_lock(&err) != KK_OK || !kk_secret_is_locked()) {
        _exit(3);
    }
    if (kk_secret_make(&secret, 200000, &err) != KK_ERR_MEMLOCK) {
        _exit(4);
    }
    _exit(kk_secret_make(&secret, 1000, &err) == KK_OK ? 0 : 5);
}

// In a child, which has no rooms yet, with the limit.  Root's limit counts for nothing
// while root may lock at will, so that such a process gives its rights up first.
static int run_limited(const char *what, rlim_t limit)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit both = {limit, limit};
        if (setrlimit(RLIMIT_MEMLOCK, &both) != 0 || (geteuid() == 0 && setuid(65534) != 0)) {
            _exit(77);
        }
        strcmp(what, "none") == 0 ? without_lock() : with_little();
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// The sanitizers' own mlock() does nothing, and succeeds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool locks = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const bool locks = false;
#else
static const bool locks = true;
#endif
#else
static const bool locks = true;
#endif

#define IN_PROCESS(limit, what)                                                                    \
    int status = locks ? run_limited(what, limit) : 77;                                            \
    if (status == 77) {                                                                            \
        skip();                                                                                    \
    }                                                                                              \
    assert_int_equal(status, 0)

static void test_secret__goes_on_without_a_lock_and_says_so(void **state)
{
    (void)state;
    IN_PROCESS(0, "none");
}

static void test_secret__refuses_what_cannot_be_locked_where_it_must(void **state)
{
    (void)state;
    IN_PROCESS(128 << 10, "little");
}

int main(void)
{
    // The two with a process of their own come first: the rooms are not made yet.
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret__goes_on_without_a_lock_and_says_so),
        cmocka_unit_test(test_secret__refuses_what_cannot_be_locked_where_it_must),
        cmocka_unit_test(test_secret__holds_what_was_appended_and_no_more),
        cmocka_unit_test(test_secret__cannot_be_read_while_it_rests),
        cmocka_unit_test(test_secret__a_large_one_rests_too),
        cmocka_unit_test(test_secret__is_wiped_before_its_place_is_given_again),
        cmocka_unit_test(test_secret__many_lie_apart),
        cmocka_unit_test(test_secret__a_child_finds_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
