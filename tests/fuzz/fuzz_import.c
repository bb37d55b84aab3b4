// The import of HAR files on any bytes: what comes out loads, is formatted, and holds no secret.
#include "fuzz.h"
#include "tape_import.h"

// Wherever the seeds hold it, it stands in a place that redaction knows; mutation moves it to
// others, where it has the form of a token.
#define PLANTED "pscale_tkn_CANARYservicetokenAAAA1111"

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

// Formatting the tape of an import changes nothing.
static void check_formatted(kk_str tape)
{
    kk_buf again = new_buf();
    kk_error err = {0};
    REQUIRE(kk_tape_write_formatted(tape, "x.har", &again, &err) == KK_OK);
    REQUIRE(kk_str_equals(tape, kk_buf_view(&again)));
    kk_buf_clean(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_str text = {(const char *)data, size};
    kk_buf out = new_buf();
    kk_error err = {0};
    kk_tape_notes *notes = kk_tape_notes_new();
    REQUIRE(notes != NULL);
    kk_code code = kk_tape_import_text(text, "x.har", &out, notes, &err);
    REQUIRE(code == KK_OK || code == KK_ERR_TAPE_INVALID || code == KK_ERR_INTERNAL ||
            code == KK_ERR_TOO_LARGE);
    REQUIRE(code == KK_OK || err.message[0] != '\0');
    REQUIRE(strstr(err.message, PLANTED) == NULL);
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        REQUIRE(strstr(kk_tape_notes_at(notes, i)->text, PLANTED) == NULL);
    }
    if (code == KK_OK) {
        REQUIRE(strstr(kk_buf_text(&out), PLANTED) == NULL);
        check_formatted(kk_buf_view(&out));
    }
    kk_tape_notes_free(notes);
    kk_buf_clean(&out);
    return 0;
}
