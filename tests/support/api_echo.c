// Services that repeat what they were given: the caller's own secret, in every place of an answer.
#include "api_echo.h"
#include "encodings.h"
#include "json.h"

// A template in which '@' and a letter stand for the secret: @r as it is, @j as JSON writes it in a
// string, @d as it is written in JSON in a string, @h for HTML, @p percent-encoded, @x in
// hexadecimal, @0 @1 @2 in base64 behind as many bytes.
typedef struct echo {
    const char *organization;
    unsigned status;
    const char *type;
    const char *body;
    const char *headers[8][2];
} echo;

#define JSON "application/json"
#define LIST(rows)                                                                                 \
    "{\"type\":\"list\",\"current_page\":1,\"per_page\":20,\"next_page\":null,"                    \
    "\"next_page_url\":null,\"prev_page\":null,\"prev_page_url\":null,\"total_count\":1,"          \
    "\"total_pages\":1,\"data\":[" rows "]}"

static const echo echoes[] = {
    {.organization = "fault-echo",
     .status = 422,
     .type = JSON,
     .body = "{\"code\":\"unprocessable\",\"message\":\"@j may not do this\"}"},
    {.organization = "fault-echo-errors",
     .status = 400,
     .type = JSON,
     .body = "{\"errors\":[{\"namespace\":\"database\",\"name\":\"name\",\"errors\":[\"@j is too "
             "short\"]}]}"},
    {.organization = "fault-echo-html",
     .status = 400,
     .type = "text/html",
     .body = "<html><p>@h</p><!-- @r --></html>"},
    {.organization = "fault-echo-cut",
     .status = 200,
     .type = JSON,
     .body = "{\"data\":[{\"name\":\"@j\"},\"@r"},
    {.organization = "fault-echo-headers",
     .status = 200,
     .type = JSON,
     .body = LIST(""),
     .headers = {{"etag", "\"@r\""},
                 {"ETag", "W/\"@p\""},
                 {"etag", "\"@0\""},
                 {"X-RateLimit-Policy", "@r"},
                 {"Link", "<https://elsewhere.example/@p?a=@p>; rel=\"next\""},
                 {"Set-Cookie", "session=@r"},
                 {"x-request-id", "@r"},
                 {"X-Echo", "@r"}}},
    {.organization = "fault-echo-location",
     .status = 302,
     .type = "text/html",
     .body = "<a href=\"https://elsewhere.example/@p\">@h</a>",
     .headers = {{"Location", "https://elsewhere.example/@p/x?a=@p"}}},
    {.organization = "fault-echo-host",
     .status = 302,
     .type = "text/html",
     .body = "",
     .headers = {{"Location", "https://@r.elsewhere.example/"}}},
    {.organization = "fault-echo-list",
     .status = 200,
     .type = JSON,
     .body = LIST("{\"name\":\"@j\",\"a\":{\"b\":{\"c\":{\"d\":{\"e\":\"@j\"}}}},\"list\":[\"@j\","
                  "\"x @j y\"],\"@j\":1,\"json\":\"{\\\"token\\\":\\\"@d\\\"}\"}")},
    {.organization = "fault-echo-encoded",
     .status = 200,
     .type = JSON,
     .body = LIST("{\"name\":\"x\",\"base64\":[\"@0\",\"@1\",\"@2\"],\"percent\":\"@p\","
                  "\"hexadecimal\":\"@x\"}")},
};

// ---- Writing the secret

static void put_quoted(kk_str secret, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_json_write_string(&text, secret);
    kk_buf_append(out, text.ptr + 1, text.len - 2);
    kk_buf_clean(&text);
}

static void put_quoted_twice(kk_str secret, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    put_quoted(secret, &text);
    put_quoted(kk_buf_view(&text), out);
    kk_buf_clean(&text);
}

static void put_html(kk_str secret, kk_buf *out)
{
    for (size_t i = 0; i < secret.len; i++) {
        kk_buf_append_format(out, i % 2 == 0 ? "&#%d;" : "&#x%x;", (unsigned char)secret.ptr[i]);
    }
}

static void put_base64_behind(kk_str secret, size_t before, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append(&text, "kk", before);
    kk_buf_append_str(&text, secret);
    put_base64(kk_buf_view(&text), out);
    kk_buf_clean(&text);
}

static void put(char form, kk_str secret, kk_buf *out)
{
    static const struct {
        char form;
        put_fn put;
    } rows[] = {{'r', put_plain}, {'j', put_quoted},  {'d', put_quoted_twice},
                {'h', put_html},  {'p', put_percent}, {'x', put_hex}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].form == form) {
            rows[i].put(secret, out);
            return;
        }
    }
    put_base64_behind(secret, (size_t)(form - '0'), out);
}

static void fill(const char *template, kk_str secret, kk_buf *out)
{
    for (; *template != '\0'; template ++) {
        if (*template == '@') {
            put(*++template, secret, out);
        } else {
            kk_buf_append_byte(out, *template);
        }
    }
}

// ---- The answer

static kk_str secret_of(const http_request *request)
{
    const char *value = http_request_header(request, "authorization");
    const char *gap = value != NULL ? strpbrk(value, " :") : NULL;
    return kk_str_from(gap != NULL ? gap + 1 : "");
}

bool api_echo_answer(const char *organization, const http_request *request, http_answer *answer)
{
    for (size_t i = 0; i < sizeof echoes / sizeof *echoes; ++i) {
        const echo *found = &echoes[i];
        if (strcmp(found->organization, organization) != 0) {
            continue;
        }
        kk_str secret = secret_of(request);
        answer->status = found->status;
        http_answer_header(answer, "content-type", found->type);
        fill(found->body, secret, &answer->body);
        for (size_t k = 0; k < 8 && found->headers[k][0] != NULL; ++k) {
            kk_buf value = {.limit = KK_TEXT_MAX};
            fill(found->headers[k][1], secret, &value);
            http_answer_header(answer, found->headers[k][0], kk_buf_text(&value));
            kk_buf_clean(&value);
        }
        return true;
    }
    return false;
}
