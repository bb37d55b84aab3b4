// The redactor: a planted secret never survives, and redacting twice changes nothing.
//
// The first bytes of the input say which secret is planted, in which forms, and as what the rest is
// looked at; the plant goes where the input has its first '@', else to the end.
#include "../support/encodings.h"
#include "fuzz.h"
#include "json.h"
#include "redact.h"
#include <string.h>

static const char *const secrets[] = {
    "QZXCANARYQZX1", "qzx canary/+=qzx", "QZX%41CANARY%2541QZX", "QZX\"CAN\\ARY&amp;QZX", "QZX123",
};
enum { SECRETS = sizeof secrets / sizeof secrets[0], HEAD = 4 };

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

// Plain, or in one form, or in one of those that only escape around another.
static void write_plant(const uint8_t *head, kk_buf *out)
{
    kk_buf once = new_buf();
    forms[head[1] % FORMS](kk_str_from(secrets[head[0] % SECRETS]), &once);
    static const put_fn outer[] = {put_plain, put_percent, put_json};
    outer[head[2] % 3](kk_buf_view(&once), out);
    kk_buf_clean(&once);
}

static void plant(const uint8_t *head, kk_str rest, kk_buf *out)
{
    kk_buf planted = new_buf();
    write_plant(head, &planted);
    put_planted(rest, kk_buf_view(&planted), out);
    kk_buf_clean(&planted);
}

static void check_gone(const uint8_t *head, kk_str text)
{
    kk_buf form = new_buf();
    write_plant(head, &form);
    // The first and the last characters of base64 stand for neighbours, too.
    REQUIRE(memmem(text.ptr, text.len, form.ptr, form.len) == NULL);
    REQUIRE(memmem(text.ptr, text.len, "CANARYQ", 7) == NULL);
    kk_buf_clean(&form);
}

static uint64_t same_number(void *context, uint64_t number)
{
    (void)context;
    return number;
}

// With the numbers that they have, fakes stay as they are.
static void check_numbers(kk_str text)
{
    kk_buf same = new_buf();
    kk_redact_renumber(text, same_number, NULL, &same);
    REQUIRE(kk_str_equals(kk_buf_view(&same), text));
    kk_buf_clean(&same);
}

typedef bool (*redact_fn)(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out);

static bool as_json(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out)
{
    return kk_redact_body(self, side, "application/json", text, out, NULL, NULL);
}

static bool as_form(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out)
{
    return kk_redact_body(self, side, "application/x-www-form-urlencoded", text, out, NULL, NULL);
}

static bool as_text(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out)
{
    return kk_redact_body(self, side, "text/html", text, out, NULL, NULL);
}

static bool as_link(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out)
{
    return kk_redact_header(self, side, "link", text, out);
}

static bool as_known(kk_redactor *self, kk_redact_side side, kk_str text, kk_buf *out)
{
    (void)side;
    return kk_redact_known(self, text, out);
}

static void check(kk_redactor *self, const uint8_t *head, kk_str text)
{
    static const redact_fn all[] = {as_json, as_form, as_text, as_link, kk_redact_url, as_json};
    redact_fn redact = all[head[3] % 6];
    kk_redact_side side = head[3] & 0x80 ? KK_REDACT_REQUEST : KK_REDACT_RESPONSE;
    kk_buf once = new_buf();
    kk_buf twice = new_buf();
    bool changed = redact(self, side, text, &once);
    REQUIRE(changed || kk_str_equals(kk_buf_view(&once), text));
    check_gone(head, kk_buf_view(&once));
    // What was JSON still is.
    REQUIRE(redact != as_json || kk_json_check(text, NULL) != KK_OK ||
            kk_json_check(kk_buf_view(&once), NULL) == KK_OK);
    (void)as_known(self, side, kk_buf_view(&once), &twice);
    check_gone(head, kk_buf_view(&twice));
    kk_buf_clear(&twice);
    kk_redact_level(kk_buf_view(&once), &twice);
    REQUIRE(kk_redact_last_fake(kk_buf_view(&twice)) == 0);
    check_numbers(kk_buf_view(&once));
    kk_buf_clean(&once);
    kk_buf_clean(&twice);
}

// A string of JSON around the plant, whatever the rest is: there it is surely looked for.
static void check_wrapped(kk_redactor *self, const uint8_t *head, kk_str text)
{
    kk_buf json = new_buf();
    kk_buf out = new_buf();
    kk_buf_append_text(&json, "[");
    kk_json_write_string(&json, text);
    kk_buf_append_text(&json, "]");
    (void)as_json(self, KK_REDACT_RESPONSE, kk_buf_view(&json), &out);
    REQUIRE(kk_json_check(kk_buf_view(&out), NULL) == KK_OK);
    check_gone(head, kk_buf_view(&out));
    size_t found = kk_redact_scan(self, kk_buf_view(&out), NULL, NULL);
    kk_buf_clear(&json);
    kk_redact_mask(self, kk_buf_view(&out), &json);
    REQUIRE(kk_redact_scan(NULL, kk_buf_view(&json), NULL, NULL) <= found);
    kk_buf_clean(&json);
    kk_buf_clean(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // What marks a plant must not be there without one.
    if (size < HEAD || memmem(data, size, "CANARYQ", 7) != NULL) {
        return 0;
    }
    kk_redactor *self = NULL;
    kk_buf text = new_buf();
    const char *secret = secrets[data[0] % SECRETS];
    REQUIRE(kk_redactor_new(&self, NULL) == KK_OK);
    REQUIRE(kk_redactor_know(self, "token", kk_str_from(secret), NULL) == KK_OK);
    plant(data, (kk_str){(const char *)data + HEAD, size - HEAD}, &text);
    check(self, data, kk_buf_view(&text));
    check_wrapped(self, data, kk_buf_view(&text));
    kk_buf_clean(&text);
    kk_redactor_free(self);
    return 0;
}
