// What a service repeats of a secret: covered in every form that account.h names, in place, and
// nothing else is changed.
//
// The first bytes of the input say which secret is planted, in which form, and whether the text is
// made a long one, which is looked through by steps first; the plant goes where the input has its
// first '@', else to the end.
#include "../support/encodings.h"
#include "account_private.h"
#include "fuzz.h"
#include <string.h>

static const char *const secrets[] = {
    "QZXCANARYQZX1",         "qzx can/+=qzx", "QZX%41CAN%2541QZX",
    "QZX\"CAN\\ARY&amp;QZX", "QZX12>",        "QZXCANARYthatislongerthanarowofpairsQZX",
};
enum { SECRETS = sizeof secrets / sizeof secrets[0], HEAD = 3, SPELLINGS = 4, LONG = 512 };

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

// A form as it is, or with JSON's escapes around it; the secret itself also with two layers of
// them.  A layer may write a backslash by its number or twice.
static void write_plant(const uint8_t *head, kk_buf *out)
{
    kk_str secret = kk_str_from(secrets[head[0] % SECRETS]);
    kk_buf once = new_buf();
    put_fn form = forms[head[1] % FORMS];
    form(secret, &once);
    unsigned spelling = form == put_percent ? 0 : head[2] % SPELLINGS;
    if (spelling == 0) {
        kk_buf_append_str(out, kk_buf_view(&once));
    } else if (spelling == 1 || (form != put_plain && form != put_json)) {
        put_json(form == put_json ? secret : kk_buf_view(&once), out);
    } else if (spelling == 2) {
        kk_buf_clear(&once);
        put_json(secret, &once);
        put_json(kk_buf_view(&once), out);
    } else {
        for (size_t i = 0; i < secret.len; i++) {
            kk_buf_append_format(out, "\\\\u%04x", (unsigned char)secret.ptr[i]);
        }
    }
    kk_buf_clean(&once);
}

static void plant(const uint8_t *head, kk_str rest, kk_buf *out)
{
    kk_buf planted = new_buf();
    write_plant(head, &planted);
    put_planted(rest, kk_buf_view(&planted), out);
    kk_buf_append_format(out, "%*s", head[2] / SPELLINGS % 2 * LONG, "");
    kk_buf_clean(&planted);
}

static void check_covered(const uint8_t *head, kk_str before, kk_str after)
{
    kk_buf form = new_buf();
    write_plant(head, &form);
    REQUIRE(memmem(after.ptr, after.len, form.ptr, form.len) == NULL);
    kk_buf_clean(&form);
    for (size_t i = 0; i < after.len; i++) {
        REQUIRE(after.ptr[i] == before.ptr[i] || after.ptr[i] == '*');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD) {
        return 0;
    }
    kk_str secret = kk_str_from(secrets[data[0] % SECRETS]);
    kk_buf text = new_buf();
    kk_buf before = new_buf();
    plant(data, (kk_str){(const char *)data + HEAD, size - HEAD}, &text);
    kk_buf_append_str(&before, kk_buf_view(&text));
    kk_account_hide(text.ptr, text.len, &secret, 1);
    check_covered(data, kk_buf_view(&before), kk_buf_view(&text));
    kk_buf_clear(&before);
    kk_buf_append_str(&before, kk_buf_view(&text));
    kk_account_hide(text.ptr, text.len, &secret, 1);
    REQUIRE(kk_str_equals(kk_buf_view(&before), kk_buf_view(&text)));
    kk_buf_clean(&before);
    kk_buf_clean(&text);
    return 0;
}
