// memory_scan PID CONTROL FILE: looks through a stopped process for the lines of FILE.
//
// A line hex:... stands for bytes.  CONTROL is a text that must be there, so that a scan that sees
// nothing is not taken for one that found nothing.
//
// Exit status: 0 nothing was found, 1 something was (its place is printed), 2 the scan failed.
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATTERNS_MAX = 32, PATTERN_MAX = 256, PIECE = 1 << 20 };

typedef struct pattern {
    char bytes[PATTERN_MAX];
    size_t len;
    int line; // 0 = the control
} pattern;

static pattern patterns[PATTERNS_MAX];
static int pattern_count;

static bool add(const char *text, size_t len, int line)
{
    if (len < 4 || len > PATTERN_MAX || pattern_count == PATTERNS_MAX) {
        fprintf(stderr, "memory_scan: line %d cannot be looked for\n", line);
        return false;
    }
    pattern *made = &patterns[pattern_count++];
    made->len = len;
    made->line = line;
    memcpy(made->bytes, text, len);
    return true;
}

static bool add_line(const char *text, int line)
{
    char bytes[PATTERN_MAX];
    size_t len = strcspn(text, "\n");
    if (strncmp(text, "hex:", 4) != 0) {
        return add(text, len, line);
    }
    size_t count = 0;
    for (const char *at = text + 4; at + 1 < text + len && count < sizeof bytes; at += 2) {
        char digits[3] = {at[0], at[1], '\0'};
        bytes[count++] = (char)strtoul(digits, NULL, 16);
    }
    return add(bytes, count, line);
}

static bool read_patterns(const char *path)
{
    char text[4 * PATTERN_MAX];
    FILE *file = fopen(path, "r");
    bool ok = file != NULL;
    for (int line = 1; ok && fgets(text, sizeof text, file) != NULL; line++) {
        ok = add_line(text, line);
    }
    if (file != NULL) {
        fclose(file);
    }
    return ok && pattern_count > 1;
}

// Looks through one piece; pieces overlap by the longest pattern.
static void look(const char *piece, size_t len, const char *where, bool *control, bool *found)
{
    for (int i = 0; i < pattern_count; i++) {
        const char *at = memmem(piece, len, patterns[i].bytes, patterns[i].len);
        if (at == NULL) {
            continue;
        }
        if (patterns[i].line == 0) {
            *control = true;
        } else {
            printf("line %d is at %zu of: %s", patterns[i].line, (size_t)(at - piece), where);
            *found = true;
        }
    }
}

static void scan(int memory, const char *where, char *piece, bool *control, bool *found)
{
    unsigned long start = 0;
    unsigned long end = 0;
    if (sscanf(where, "%lx-%lx", &start, &end) != 2) {
        return;
    }
    while (start < end) {
        size_t size = end - start < PIECE ? end - start : PIECE;
        ssize_t got = pread(memory, piece, size, (off_t)start);
        if (got <= 0) {
            return; // pages of the kernel
        }
        look(piece, (size_t)got, where, control, found);
        if (start + (unsigned long)got >= end) {
            return;
        }
        start += got > PATTERN_MAX ? (unsigned long)got - PATTERN_MAX : (unsigned long)got;
    }
}

int main(int argc, char **argv)
{
    char path[64];
    char where[4096];
    bool control = false;
    bool found = false;
    if (argc != 4 || !add(argv[2], strlen(argv[2]), 0) || !read_patterns(argv[3])) {
        fprintf(stderr, "usage: memory_scan PID CONTROL FILE\n");
        return 2;
    }
    snprintf(path, sizeof path, "/proc/%.16s/mem", argv[1]);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%.16s/maps", argv[1]);
    FILE *maps = fopen(path, "r");
    char *piece = malloc(PIECE);
    if (memory < 0 || maps == NULL || piece == NULL) {
        perror("memory_scan");
        return 2;
    }
    while (fgets(where, sizeof where, maps) != NULL) {
        scan(memory, where, piece, &control, &found);
    }
    if (!control) {
        fprintf(stderr, "memory_scan: the control is not there, so that the scan proves nothing\n");
        return 2;
    }
    return found ? 1 : 0;
}
