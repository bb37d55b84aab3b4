// How long a service asks to be left alone.
#include "retry_after.h"
#include "http_date.h"

static kk_str trim(kk_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text = (kk_str){text.ptr + 1, text.len - 1};
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

// Takes the digits from the front, as a number that stays at [most] once it is there.
static size_t take_digits(kk_str text, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    size_t len = 0;
    for (; len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9'; len++) {
        value = value >= most ? most : value * 10 + (uint64_t)(text.ptr[len] - '0');
    }
    *out = value > most ? most : value;
    return len;
}

// The milliseconds of a fraction, a part of one counting whole.
static bool read_fraction(kk_str digits, uint64_t *ms)
{
    uint64_t unit = 100;
    bool has_rest = false;
    *ms = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        *ms += digit * unit;
        has_rest = has_rest || (unit == 0 && digit > 0);
        unit /= 10;
    }
    *ms += has_rest;
    return digits.len > 0;
}

static bool read_seconds(kk_str text, uint64_t *wait_ms)
{
    uint64_t seconds;
    uint64_t ms = 0;
    size_t len = take_digits(text, KK_RETRY_AFTER_MAX_MS / 1000, &seconds);
    if (len == 0 || (len < text.len && text.ptr[len] != '.')) {
        return false;
    }
    if (len < text.len && !read_fraction((kk_str){text.ptr + len + 1, text.len - len - 1}, &ms)) {
        return false;
    }
    uint64_t total = seconds * 1000 + ms;
    *wait_ms = total < KK_RETRY_AFTER_MAX_MS ? total : KK_RETRY_AFTER_MAX_MS;
    return true;
}

// The time from [now_unix_ms] to [then_unix_ms], neither of which need be a sensible one.
static uint64_t time_until(int64_t then_unix_ms, int64_t now_unix_ms)
{
    if (then_unix_ms <= now_unix_ms) {
        return 0;
    }
    uint64_t wait_ms = (uint64_t)then_unix_ms - (uint64_t)now_unix_ms;
    return wait_ms < KK_RETRY_AFTER_MAX_MS ? wait_ms : KK_RETRY_AFTER_MAX_MS;
}

bool kk_retry_after_value(kk_str value, int64_t now_unix_ms, uint64_t *wait_ms)
{
    kk_str text = trim(value);
    int64_t date_ms;
    if (read_seconds(text, wait_ms)) {
        return true;
    }
    if (!kk_http_date(text, now_unix_ms, &date_ms)) {
        return false;
    }
    *wait_ms = time_until(date_ms, now_unix_ms);
    return true;
}

// ---- Quotas

// What stands before the first [separator] outside quotes; [rest] is what stands behind it.
static kk_str split(kk_str text, char separator, kk_str *rest)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted = text.ptr[i] == '"' ? !quoted : quoted;
        if (text.ptr[i] == separator && !quoted) {
            *rest = (kk_str){text.ptr + i + 1, text.len - i - 1};
            return (kk_str){text.ptr, i};
        }
    }
    *rest = (kk_str){text.ptr + text.len, 0};
    return text;
}

// One policy of a RateLimit field: a name and its parameters.  True if it is used up.
static bool read_policy(kk_str policy, uint64_t *wait_ms)
{
    bool used_up = false;
    bool has_time = false;
    for (kk_str rest = policy; rest.len > 0;) {
        kk_str parameter = trim(split(rest, ';', &rest));
        if (kk_str_is(parameter, "r=0")) {
            used_up = true;
        } else if (kk_str_starts_with(parameter, "t=")) {
            has_time = read_seconds((kk_str){parameter.ptr + 2, parameter.len - 2}, wait_ms);
        }
    }
    return used_up && has_time;
}

static void keep_longer(uint64_t wait_ms, bool *found, uint64_t *longest_ms)
{
    *longest_ms = *found && *longest_ms > wait_ms ? *longest_ms : wait_ms;
    *found = true;
}

static void read_policies(kk_str value, bool *found, uint64_t *longest_ms)
{
    for (kk_str rest = value; rest.len > 0;) {
        uint64_t wait_ms;
        if (read_policy(split(rest, ',', &rest), &wait_ms)) {
            keep_longer(wait_ms, found, longest_ms);
        }
    }
}

static const char *find(const kk_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(headers[i].name, name) == 0) {
            return headers[i].value;
        }
    }
    return NULL;
}

// A pair of fields: how many requests are left, and when the quota is filled again.
static void read_reset(const char *remaining, const char *reset, int64_t now_unix_ms, bool *found,
                       uint64_t *longest_ms)
{
    uint64_t wait_ms;
    bool used_up = remaining != NULL && kk_str_is(trim(kk_str_from(remaining)), "0");
    if (!used_up || reset == NULL || !read_seconds(trim(kk_str_from(reset)), &wait_ms)) {
        return;
    }
    // Read as a wait, a second of our times is longer than any.
    uint64_t second;
    take_digits(trim(kk_str_from(reset)), UINT64_C(10000000000), &second);
    if (second >= 1000000000) {
        wait_ms = time_until((int64_t)second * 1000, now_unix_ms);
    }
    keep_longer(wait_ms, found, longest_ms);
}

bool kk_retry_after(const kk_header *headers, size_t count, int64_t now_unix_ms, uint64_t *wait_ms)
{
    bool found = false;
    uint64_t longest_ms = 0;
    const char *date = find(headers, count, "date");
    int64_t now_ms = now_unix_ms;
    if (date != NULL) {
        (void)kk_http_date(trim(kk_str_from(date)), now_unix_ms, &now_ms);
    }
    for (size_t i = 0; i < count; i++) {
        kk_str value = kk_str_from(headers[i].value);
        uint64_t asked_ms;
        if (strcmp(headers[i].name, "retry-after") == 0 &&
            kk_retry_after_value(value, now_ms, &asked_ms)) {
            keep_longer(asked_ms, &found, &longest_ms);
        } else if (strcmp(headers[i].name, "ratelimit") == 0) {
            read_policies(value, &found, &longest_ms);
        }
    }
    read_reset(find(headers, count, "x-ratelimit-remaining"),
               find(headers, count, "x-ratelimit-reset"), now_ms, &found, &longest_ms);
    read_reset(find(headers, count, "ratelimit-remaining"), find(headers, count, "ratelimit-reset"),
               now_ms, &found, &longest_ms);
    if (found) {
        *wait_ms = longest_ms;
    }
    return found;
}
