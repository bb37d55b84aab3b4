// The table of codes, and the filling of a record.
#include "fail.h"
#include <ctype.h>
#include <kk/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *meaning;
    int exit_status;
} codes[] = {[KK_OK] = {"ok", "done", 0},
#define CODE_ROW(upper, code_name, status, text)                                                   \
    [KK_ERR_##upper] = {.name = #code_name, .exit_status = (status), .meaning = (text)},
             KK_CODES(CODE_ROW)
#undef CODE_ROW
};

static kk_code known(kk_code code)
{
    return (unsigned)code < KK_CODE_COUNT ? code : KK_ERR_INTERNAL;
}

const char *kk_code_name(kk_code code)
{
    return codes[known(code)].name;
}

const char *kk_code_meaning(kk_code code)
{
    return codes[known(code)].meaning;
}

int kk_code_exit_status(kk_code code)
{
    return codes[known(code)].exit_status;
}

const char *kk_effect_name(kk_effect effect)
{
    switch (effect) {
    case KK_EFFECT_NONE:
        return "none";
    case KK_EFFECT_DONE:
        return "done";
    default:
        return "unknown";
    }
}

// Where a text has to end so that no UTF-8 sequence is cut: backs over an unfinished one.
static size_t end_at_character(const char *text, size_t len)
{
    size_t end = len;
    while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    if (end == 0 || ((unsigned char)text[end - 1] & 0x80) == 0) {
        return len;
    }
    unsigned char lead = (unsigned char)text[end - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return len - (end - 1) >= wanted ? len : end - 1;
}

void kk_text_set(char *out, size_t out_size, const char *text)
{
    size_t len = strlen(text);
    if (len >= out_size) {
        len = end_at_character(text, out_size - 1);
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        out[i] = byte < 0x20 || byte == 0x7F ? ' ' : text[i];
    }
    out[len] = '\0';
}

void kk_text_append_upper(char *out, size_t out_size, const char *name)
{
    size_t len = strlen(out);
    for (; *name != '\0' && len + 1 < out_size; name++) {
        out[len++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
    }
    out[len] = '\0';
}

kk_code(kk_fail)(kk_error *err, kk_code code, const char *format, ...)
{
    if (err == NULL || err->code != KK_OK) {
        return code;
    }
    char text[2 * sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *err = (kk_error){.code = code};
    kk_text_set(err->message, sizeof err->message, text);
    return code;
}

void kk_fail_hint(kk_error *err, const char *format, ...)
{
    if (err == NULL || err->hint[0] != '\0') {
        return;
    }
    char text[2 * sizeof err->hint];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kk_text_set(err->hint, sizeof err->hint, text);
}

void kk_fail_argument(kk_error *err, const char *pointer)
{
    if (err != NULL && err->argument[0] == '\0') {
        kk_text_set(err->argument, sizeof err->argument, pointer);
    }
}

void kk_fail_reason(kk_error *err, const char *reason)
{
    if (err != NULL && err->reason[0] == '\0') {
        kk_text_set(err->reason, sizeof err->reason, reason);
    }
}
