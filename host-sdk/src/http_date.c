// Points in time as HTTP writes them.
#include "http_date.h"

static const char *const short_days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
static const char *const long_days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday",    NULL};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                     "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

typedef struct date {
    int year, month, day, hour, minute, second;
} date;

// Each take_ function moves [at] past what it took, and leaves it anywhere if it fails.

static bool take_text(kk_str *at, const char *text)
{
    size_t len = strlen(text);
    if (!kk_str_starts_with(*at, text)) {
        return false;
    }
    *at = (kk_str){at->ptr + len, at->len - len};
    return true;
}

static bool take_name(kk_str *at, const char *const *names, int *index)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (take_text(at, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool take_digits(kk_str *at, size_t width, int *out)
{
    int value = 0;
    if (at->len < width) {
        return false;
    }
    for (size_t i = 0; i < width; i++) {
        char byte = at->ptr[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        value = value * 10 + (byte - '0');
    }
    *at = (kk_str){at->ptr + width, at->len - width};
    *out = value;
    return true;
}

static bool take_month(kk_str *at, date *out)
{
    bool ok = take_name(at, months, &out->month);
    out->month++;
    return ok;
}

static bool take_clock(kk_str *at, date *out)
{
    return take_digits(at, 2, &out->hour) && take_text(at, ":") &&
           take_digits(at, 2, &out->minute) && take_text(at, ":") &&
           take_digits(at, 2, &out->second);
}

static bool read_today(kk_str at, date *out)
{
    int day_name;
    return take_name(&at, short_days, &day_name) && take_text(&at, ", ") &&
           take_digits(&at, 2, &out->day) && take_text(&at, " ") && take_month(&at, out) &&
           take_text(&at, " ") && take_digits(&at, 4, &out->year) && take_text(&at, " ") &&
           take_clock(&at, out) && take_text(&at, " GMT") && at.len == 0;
}

static bool read_rfc850(kk_str at, date *out)
{
    int day_name;
    return take_name(&at, long_days, &day_name) && take_text(&at, ", ") &&
           take_digits(&at, 2, &out->day) && take_text(&at, "-") && take_month(&at, out) &&
           take_text(&at, "-") && take_digits(&at, 2, &out->year) && take_text(&at, " ") &&
           take_clock(&at, out) && take_text(&at, " GMT") && at.len == 0;
}

static bool read_asctime(kk_str at, date *out)
{
    int day_name;
    if (!take_name(&at, short_days, &day_name) || !take_text(&at, " ") || !take_month(&at, out) ||
        !take_text(&at, " ")) {
        return false;
    }
    bool one_digit = take_text(&at, " ");
    return take_digits(&at, one_digit ? 1 : 2, &out->day) && take_text(&at, " ") &&
           take_clock(&at, out) && take_text(&at, " ") && take_digits(&at, 4, &out->year) &&
           at.len == 0;
}

static bool is_of_a_calendar(const date *d)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;
    int length = lengths[d->month - 1] + (d->month == 2 && leap ? 1 : 0);
    return d->year >= 1 && d->day >= 1 && d->day <= length && d->hour <= 23 && d->minute <= 59 &&
           d->second <= 60;
}

// Years begin in March here, so that the leap day is the last of its year.
static int64_t unix_ms_of(const date *d)
{
    int64_t year = d->month <= 2 ? d->year - 1 : d->year;
    int64_t month = (d->month + 9) % 12;
    int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                   d->day - 1 - 719468;
    return (((days * 24 + d->hour) * 60 + d->minute) * 60 + d->second) * 1000;
}

// The full year of one that is written with two digits.
static int full_year(int two_digits, int64_t now_unix_ms)
{
    const int64_t year_ms = INT64_C(31556952000);
    int64_t this_year = 1970 + now_unix_ms / year_ms;
    int64_t year = this_year - this_year % 100 + two_digits;
    year = year > this_year + 50 ? year - 100 : year;
    return (int)(year <= this_year - 50 ? year + 100 : year);
}

bool kk_http_date(kk_str text, int64_t now_unix_ms, int64_t *unix_ms)
{
    date d = {0};
    bool ok = read_today(text, &d) || read_asctime(text, &d);
    if (!ok && read_rfc850(text, &d)) {
        d.year = full_year(d.year, now_unix_ms);
        ok = true;
    }
    if (!ok || !is_of_a_calendar(&d)) {
        return false;
    }
    *unix_ms = unix_ms_of(&d);
    return true;
}
