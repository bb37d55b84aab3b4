// Points in time as RFC 3339 writes them, and lengths of time.
#include "tape_private.h"

// The last millisecond of the year 9999, in UTC.
#define LAST_MS INT64_C(253402300799999)

// Takes [width] digits from the front, then the byte [after] unless it is NUL.
static bool take_number(const char **at, size_t width, char after, int *out)
{
    int value = 0;
    for (size_t i = 0; i < width; i++) {
        char byte = (*at)[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        value = value * 10 + (byte - '0');
    }
    *at += width;
    *out = value;
    if (after == '\0') {
        return true;
    }
    char found = **at;
    return found != '\0' && *(*at)++ == after;
}

// Days from 1970-01-01, with years that begin in March so that the leap day is the last of its
// year.
static int64_t days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t from_march = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static bool in_month(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

// An optional fraction of a second, of which the milliseconds count.
static bool take_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (**at != '.') {
        return true;
    }
    int unit = 100;
    const char *start = ++*at;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        *ms += (**at - '0') * unit;
        unit /= 10;
    }
    return *at > start;
}

static bool take_zone(const char **at, int *minutes)
{
    *minutes = 0;
    char sign = **at;
    if (sign == 'Z' || sign == 'z') {
        (*at)++;
        return true;
    }
    if (sign != '+' && sign != '-') {
        return false;
    }
    (*at)++;
    int hour;
    int minute;
    if (!take_number(at, 2, ':', &hour) || !take_number(at, 2, '\0', &minute) || hour > 23 ||
        minute > 59) {
        return false;
    }
    *minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
    return true;
}

bool kk_tape_time(const char *text, int64_t *unix_ms)
{
    int year, month, day, hour, minute, second, ms, zone;
    const char *at = text;
    if (!take_number(&at, 4, '-', &year) || !take_number(&at, 2, '-', &month) ||
        !take_number(&at, 2, 'T', &day) || !take_number(&at, 2, ':', &hour) ||
        !take_number(&at, 2, ':', &minute) || !take_number(&at, 2, '\0', &second) ||
        !take_fraction(&at, &ms) || !take_zone(&at, &zone) || *at != '\0') {
        return false;
    }
    if (!in_month(year, month, day) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    int64_t minutes = (days(year, month, day) * 24 + hour) * 60 + minute - zone;
    *unix_ms = (minutes * 60 + second) * 1000 + ms;
    return *unix_ms >= 0 && *unix_ms <= LAST_MS;
}

kk_code kk_tape_take_ms(kk_tape_loader *self, kk_str raw, uint64_t *out)
{
    enum { DAY_MS = 86400000 };
    uint64_t value = 0;
    size_t at = 0;
    for (; at < raw.len && raw.ptr[at] >= '0' && raw.ptr[at] <= '9' && value <= DAY_MS; at++) {
        value = value * 10 + (uint64_t)(raw.ptr[at] - '0');
    }
    bool plain = at > 0 && (at == raw.len || raw.ptr[at] == '.') &&
                 memchr(raw.ptr, 'e', raw.len) == NULL && memchr(raw.ptr, 'E', raw.len) == NULL;
    if (!plain || value > DAY_MS) {
        return kk_tape_refuse(self, raw, "this has to be a time in milliseconds, 0 to %d", DAY_MS);
    }
    *out = value;
    return KK_OK;
}
