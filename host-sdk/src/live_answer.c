// What comes back: the body and the header fields of an answer, counted as they arrive.
#include "live.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Counts what libcurl passes on, interim answers and trailers included, so that a server cannot
// send them without end.  The fields are read afterwards.
size_t kk_live_on_header(char *bytes, size_t size, size_t count, void *context)
{
    kk_live_job *job = context;
    size_t len = size * count;
    // libcurl takes a header that breaks off for one that has ended, unless we look ourselves.
    // Trailers, which follow the body, begin no other answer.
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        job->head_ended = false;
    } else if (bytes[0] == '\r' || bytes[0] == '\n') {
        job->head_ended = true;
    }
    job->header_bytes += len;
    job->header_lines++;
    if (job->header_bytes > KK_HEADERS_MAX || job->header_lines > KK_HEADER_COUNT_MAX) {
        job->objection = KK_LIVE_HEADERS_TOO_LARGE;
        return 0;
    }
    return len;
}

// The most that is set aside on the word of a server alone.
#define ANNOUNCED_MAX ((curl_off_t)1 << 20)

// A body whose length was announced gets its room at once, rather than by copying it around.
static size_t first_capacity(const kk_live_job *job)
{
    curl_off_t announced = -1;
    curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    return announced > 4095 && announced < ANNOUNCED_MAX ? (size_t)announced + 1 : 4096;
}

static bool body_reserve(kk_live_job *job, size_t needed)
{
    if (needed <= job->body_capacity) {
        return true;
    }
    size_t capacity = job->body == NULL ? first_capacity(job) : 2 * job->body_capacity;
    capacity = capacity < needed ? needed : capacity;
    char *grown = realloc(job->body, capacity);
    if (grown == NULL) {
        job->objection = KK_LIVE_OUT_OF_MEMORY;
        return false;
    }
    job->body = grown;
    job->body_capacity = capacity;
    return true;
}

// The bytes are decoded already: a small compressed body that unfolds into a large one ends here.
size_t kk_live_on_body(char *bytes, size_t size, size_t count, void *context)
{
    kk_live_job *job = context;
    size_t len = size * count;
    if (len > KK_BODY_MAX - job->body_len) {
        job->objection = KK_LIVE_BODY_TOO_LARGE;
        return 0;
    }
    if (!body_reserve(job, job->body_len + len + 1)) {
        return 0;
    }
    memcpy(job->body + job->body_len, bytes, len);
    job->body_len += len;
    return len;
}

// Cookies are for browsers; a plugin that saw one could keep a session of its own.
static bool is_kept(const struct curl_header *field)
{
    return strcasecmp(field->name, "set-cookie") != 0;
}

// Measures the fields, then writes them: called once with [out] NULL and once with room for what
// the first call found.  libcurl leaves out interim answers, trailers and pseudo fields.
static void each_field(CURL *easy, kk_header *out, char *text, size_t *count, size_t *text_len)
{
    struct curl_header *field = NULL;
    *count = 0;
    *text_len = 0;
    while ((field = curl_easy_nextheader(easy, CURLH_HEADER, -1, field)) != NULL) {
        if (!is_kept(field)) {
            continue;
        }
        size_t name_len = strlen(field->name);
        size_t value_size = strlen(field->value) + 1;
        if (out != NULL) {
            char *name = text + *text_len;
            for (size_t i = 0; i < name_len; i++) {
                name[i] = (char)tolower((unsigned char)field->name[i]);
            }
            name[name_len] = '\0';
            memcpy(name + name_len + 1, field->value, value_size);
            out[*count] = (kk_header){name, name + name_len + 1};
        }
        *count += 1;
        *text_len += name_len + 1 + value_size;
    }
}

// One block: the array of fields, and behind it the texts that they point at.
static bool take_fields(CURL *easy, kk_response *out)
{
    size_t count = 0;
    size_t text_len = 0;
    each_field(easy, NULL, NULL, &count, &text_len);
    if (count == 0) {
        return true;
    }
    kk_header *fields = malloc(count * sizeof *fields + text_len);
    if (fields == NULL) {
        return false;
    }
    each_field(easy, fields, (char *)(fields + count), &count, &text_len);
    out->headers = fields;
    out->header_count = count;
    return true;
}

bool kk_live_answer_take(kk_live_job *job, kk_response *out)
{
    if (!body_reserve(job, job->body_len + 1) || !take_fields(job->easy, out)) {
        return false;
    }
    job->body[job->body_len] = '\0';
    out->body = (kk_str){job->body, job->body_len};
    out->memory = job->body;
    job->body = NULL;
    return true;
}

void kk_live_answer_clean(kk_response *response)
{
    free(response->headers);
    free(response->memory);
    *response = (kk_response){.sent = response->sent};
}
