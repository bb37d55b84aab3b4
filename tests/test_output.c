// What kk prints: text that cannot work a terminal, one line a failure, and output that cannot be
// written.
#include "output.h"
#include "unit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

// output.c asks whether the command is a call, and runs none.
kk_code kk_cmd_call(kk_run *run, kk_error *err)
{
    (void)run;
    (void)err;
    return KK_OK;
}

// The most that one write takes; 0 = all there is.
static size_t write_max;

// In place of the system's, which takes less only when something comes in between.
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t wrote = 0;
    for (int i = 0; i < count; i++) {
        size_t left = write_max == 0 ? parts[i].iov_len : write_max - (size_t)wrote;
        ssize_t part =
            write(fd, parts[i].iov_base, left < parts[i].iov_len ? left : parts[i].iov_len);
        if (part < 0) {
            return wrote > 0 ? wrote : -1;
        }
        wrote += part;
    }
    return wrote;
}

static void assert_safe(const char *text, const char *wanted)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_output_make_safe(kk_str_from(text), &out);
    assert_string_equal(kk_buf_text(&out), wanted);
    kk_buf_clean(&out);
}

static void test_output__control_characters_are_shown_not_sent(void **state)
{
    (void)state;
    assert_safe("\x1b[31mred", "\\u001b[31mred");
    assert_safe("a\x7f"
                "b\rc\bd",
                "a\\u007fb\\u000dc\\u0008d");
    assert_safe("\xc2\x9b"
                "31m",
                "\\u009b31m");
    assert_safe("\xe2\x80\xae"
                "abc\xe2\x81\xa9",
                "\\u202eabc\\u2069");
}

static void test_output__plain_text_stays(void **state)
{
    (void)state;
    assert_safe("", "");
    assert_safe("a\n\tb", "a\n\tb");
    assert_safe("\xc3\xa9 \xe2\x82\xac \xe2\x80\x94 \xf0\x9f\x90\x98",
                "\xc3\xa9 \xe2\x82\xac \xe2\x80\x94 \xf0\x9f\x90\x98");
}

static void test_output__what_is_not_utf8_is_marked(void **state)
{
    (void)state;
    assert_safe("cut \xe2\x80", "cut \\ufffd\\ufffd");
    assert_safe("cut \xc2", "cut \\ufffd");
    assert_safe("\x9b"
                "31m\xff",
                "\\ufffd31m\\ufffd");
}

static void test_output__members_get_their_commas(void **state)
{
    (void)state;
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append_byte(&out, '{');
    kk_output_member(&out, "a", "x\"y");
    kk_output_member(&out, "b", NULL);
    kk_output_name(&out, "c");
    kk_buf_append_byte(&out, '[');
    kk_output_comma(&out);
    kk_buf_append_text(&out, "1");
    kk_output_comma(&out);
    kk_buf_append_text(&out, "2]}");
    assert_string_equal(kk_buf_text(&out), "{\"a\":\"x\\\"y\",\"b\":null,\"c\":[1,2]}");
    kk_buf_clean(&out);
}

// Runs [print] with descriptor [fd] led into a file, and reads what it wrote.
static void capture(int fd, void (*print)(void), char *out, size_t out_size)
{
    char path[] = "/tmp/kk-output-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    int kept = dup(fd);
    assert_true(kept >= 0 && dup2(file, fd) == fd);
    print();
    dup2(kept, fd);
    close(kept);
    ssize_t got = pread(file, out, out_size - 1, 0);
    out[got > 0 ? got : 0] = '\0';
    close(file);
}

static void print_failure(void)
{
    kk_error err = {.code = KK_ERR_TIMEOUT, .message = "two\nlines \x1b", .hint = "wait"};
    kk_output_failure(&err);
}

static void test_output__failure_is_one_line(void **state)
{
    (void)state;
    char text[512];
    capture(STDERR_FILENO, print_failure, text, sizeof text);
    assert_string_equal(text, "kk: timeout: two lines \\u001b; wait\n");
}

static void print_envelope(void)
{
    static const char *words[] = {"p.f", "a=b"};
    static const kk_command command = {.name = "call", .run = kk_cmd_call};
    kk_run run = {.command = &command, .words = words, .word_count = 2};
    run.options[KK_OPT_DRY_RUN] = "";
    kk_error err = {.code = KK_ERR_INVALID_ARGS, .message = "m", .hint = "h", .argument = "/a"};
    kk_output_envelope(&run, &err);
}

static void test_output__early_failure_has_the_envelope_of_a_call(void **state)
{
    (void)state;
    char text[2048];
    capture(STDOUT_FILENO, print_envelope, text, sizeof text);
    assert_string_equal(
        text,
        "{\"function\":\"p.f\",\"success\":false,\"data\":null,\"error\":{\"code\":\"invalid_"
        "args\","
        "\"message\":\"m\",\"hint\":\"h\",\"retryable\":false,\"http_status\":null,"
        "\"api_code\":null,\"argument\":\"/a\",\"effect\":\"none\"},\"meta\":{\"account\":null,"
        "\"operation\":null,\"dry_run\":true,\"transport\":null,\"policy\":null,\"attempts\":[]},"
        "\"duration_ms\":0}\n");
}

static void print_json(void)
{
    kk_error err = {0};
    assert_ok(kk_output_json(KK_STR("{\"a\":1}"), false, &err), &err);
    assert_ok(kk_output_json(KK_STR("{\n  \"a\": 1e400\r\n}"), false, &err), &err);
}

static void test_output__json_is_one_line_where_no_terminal_is(void **state)
{
    (void)state;
    char text[256];
    capture(STDOUT_FILENO, print_json, text, sizeof text);
    assert_string_equal(text, "{\"a\":1}\n{\"a\":1e400}\n");
}

static void test_output__what_one_write_does_not_take_the_next_does(void **state)
{
    (void)state;
    char text[256];
    for (write_max = 12; write_max > 0; write_max--) {
        capture(STDOUT_FILENO, print_json, text, sizeof text);
        assert_string_equal(text, "{\"a\":1}\n{\"a\":1e400}\n");
    }
}

static void test_output__full_stdout_is_an_error(void **state)
{
    (void)state;
    fflush(stdout);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    int kept = dup(STDOUT_FILENO);
    dup2(full, STDOUT_FILENO);
    kk_error err = {0};
    kk_code code = kk_output_text(KK_STR("text"), &err);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(full);
    assert_code(code, KK_ERR_IO);
    assert_holds(err.message, "No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output__control_characters_are_shown_not_sent),
        cmocka_unit_test(test_output__plain_text_stays),
        cmocka_unit_test(test_output__what_is_not_utf8_is_marked),
        cmocka_unit_test(test_output__members_get_their_commas),
        cmocka_unit_test(test_output__failure_is_one_line),
        cmocka_unit_test(test_output__early_failure_has_the_envelope_of_a_call),
        cmocka_unit_test(test_output__json_is_one_line_where_no_terminal_is),
        cmocka_unit_test(test_output__what_one_write_does_not_take_the_next_does),
        cmocka_unit_test(test_output__full_stdout_is_an_error),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
