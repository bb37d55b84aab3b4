// Near names by edit distance.
#include "near.h"
#include "fail.h"
#include <stdint.h>
#include <stdio.h>

enum { NAME_MAX_COMPARED = 96, SHOWN_MAX = 3, FAR = 1000 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// The number of insertions, deletions, replacements and swaps of neighbours that turn one name into
// the other.
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], two_above[j - 2] + 1, row[j]);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

static size_t score(const char *wanted, const char *name)
{
    size_t wanted_len = strlen(wanted);
    size_t name_len = strlen(name);
    if (wanted_len == 0 || wanted_len > NAME_MAX_COMPARED || name_len > NAME_MAX_COMPARED) {
        return FAR;
    }
    size_t apart = distance(wanted, wanted_len, name, name_len);
    size_t longer = wanted_len > name_len ? wanted_len : name_len;
    if (apart * 3 <= longer) {
        return apart;
    }
    bool holds = wanted_len >= 3 && (strstr(name, wanted) != NULL || strstr(wanted, name) != NULL);
    return holds ? NAME_MAX_COMPARED + apart : FAR;
}

size_t kk_near(const char *wanted, const char *const *names, size_t count, char *out,
               size_t out_size)
{
    size_t best[SHOWN_MAX];
    size_t scores[SHOWN_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t value = score(wanted, names[i]);
        if (value >= FAR) {
            continue;
        }
        size_t at = found < SHOWN_MAX ? found++ : SHOWN_MAX;
        while (at > 0 && scores[at - 1] > value) {
            if (at < SHOWN_MAX) {
                best[at] = best[at - 1];
                scores[at] = scores[at - 1];
            }
            at--;
        }
        if (at < SHOWN_MAX) {
            best[at] = i;
            scores[at] = value;
        }
    }
    out[0] = '\0';
    for (size_t i = 0, len = 0; i < found && len < out_size; i++) {
        len += (size_t)snprintf(out + len, out_size - len, "%s'%s'", i == 0 ? "" : ", ",
                                names[best[i]]);
    }
    return found;
}

void kk_fail_near(kk_error *err, const char *wanted, const char *const *names, size_t count)
{
    char list[SHOWN_MAX * (NAME_MAX_COMPARED + 4)];
    if (kk_near(wanted, names, count, list, sizeof list) > 0) {
        kk_fail_hint(err, "did you mean %s?", list);
    }
}
