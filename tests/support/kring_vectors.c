// Writes the vectors of fixtures/keyring: the known file with one fault each, and table.txt, which
// says what a reader has to make of it.
//
//     kring_vectors KNOWN-ANSWER.HEX DIRECTORY
//
// A row of the table: FILE ERROR KEY, where KEY is `key` (32 times 0x42) or `passphrase`.
#include "kring_document.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KNOWN = 692,
    ROOM = 8192,
    SLOT1 = 96,
    SLOT2 = 251,
    RECORD1 = 406,
    RECORD2 = 563,
    TRAILER = 628
};

// Who could have made it: anybody; who knows of the checksum; who has the data key; who has the
// user's key too.
typedef enum level { PLAIN, SUMMED, SEALED, COMMITTED } level;

typedef struct edit {
    size_t at;
    size_t size;
    uint64_t value;
} edit;

typedef struct vector {
    const char *name;
    const char *error;
    level level;
    edit edits[3];
    bool passphrase;
} vector;

#define AT(at, size, value)                                                                        \
    {                                                                                              \
        {                                                                                          \
            at, size, value                                                                        \
        }                                                                                          \
    }

static const vector vectors[] = {
    {"whole", "ok", PLAIN, {{0}}, false},
    {"whole-passphrase", "ok", PLAIN, {{0}}, true},
    // ---- Head
    {"magic-high-bit", "format", SUMMED, AT(0, 1, 0x09), false},
    {"magic-name", "format", SUMMED, AT(1, 1, 'k'), false},
    {"magic-lf-alone", "format", SUMMED, AT(6, 2, 0x0A0A), false},
    {"magic-cr-alone", "format", SUMMED, AT(6, 2, 0x0D0D), false},
    {"major-0", "version", SUMMED, AT(8, 2, 0), false},
    {"major-2", "version", SUMMED, AT(8, 2, 2), false},
    {"major-65535", "version", SUMMED, AT(8, 2, 65535), false},
    {"major-2-plain", "version", PLAIN, AT(8, 2, 2), false},
    {"minor-1-known-flags", "ok", SEALED, AT(10, 2, 1), false},
    {"minor-65535-known-flags", "ok", SEALED, AT(10, 2, 65535), false},
    {"minor-1-plain", "corrupt", PLAIN, AT(10, 2, 1), false},
    {"minor-1-summed", "tampered", SUMMED, AT(10, 2, 1), false},
    {"minor-1-new-flag", "version", SEALED, {{10, 2, 1}, {28, 4, 3}}, false},
    {"total-less-1", "format", SEALED, AT(12, 4, KNOWN - 1), false},
    {"total-more-1", "format", SEALED, AT(12, 4, KNOWN + 1), false},
    {"total-0", "format", SEALED, AT(12, 4, 0), false},
    {"total-max", "format", SEALED, AT(12, 4, 0xFFFFFFFF), false},
    {"slots-len-less-1", "format", SEALED, AT(16, 4, 309), false},
    {"slots-len-more-1", "format", SEALED, AT(16, 4, 311), false},
    {"slots-len-0", "format", SEALED, AT(16, 4, 0), false},
    {"slots-len-max", "format", SEALED, AT(16, 4, 0xFFFFFFFF), false},
    {"slots-len-wraps", "format", SEALED, {{16, 4, 0xFFFFFFFF}, {20, 4, 222 + 311}}, false},
    {"records-len-less-1", "format", SEALED, AT(20, 4, 221), false},
    {"records-len-more-1", "format", SEALED, AT(20, 4, 223), false},
    {"records-len-max", "format", SEALED, AT(20, 4, 0xFFFFFFFF), false},
    {"lengths-shifted-down", "format", SEALED, {{16, 4, 309}, {20, 4, 223}}, false},
    {"lengths-shifted-up", "format", SEALED, {{16, 4, 311}, {20, 4, 221}}, false},
    {"all-in-slots", "format", SEALED, {{16, 4, 532}, {20, 4, 0}}, false},
    {"all-in-records", "format", SEALED, {{16, 4, 0}, {20, 4, 532}}, false},
    {"slot-count-0", "format", SEALED, AT(24, 2, 0), false},
    {"slot-count-1", "format", SEALED, AT(24, 2, 1), false},
    {"slot-count-3", "format", SEALED, AT(24, 2, 3), false},
    {"slot-count-9", "format", SEALED, AT(24, 2, 9), false},
    {"slot-count-65535", "format", SEALED, AT(24, 2, 65535), false},
    {"record-count-0", "format", SEALED, AT(26, 2, 0), false},
    {"record-count-1", "format", SEALED, AT(26, 2, 1), false},
    {"record-count-3", "format", SEALED, AT(26, 2, 3), false},
    {"record-count-8193", "format", SEALED, AT(26, 2, 8193), false},
    {"record-count-65535", "format", SEALED, AT(26, 2, 65535), false},
    {"flags-0", "format", SEALED, AT(28, 4, 0), false},
    {"flags-sealed-names", "format", SEALED, AT(28, 4, 3), false},
    {"flags-high", "format", SEALED, AT(28, 4, 0x80000001), false},
    {"identity-plain", "corrupt", PLAIN, AT(32, 1, 0), false},
    {"identity-summed", "wrong_key", SUMMED, AT(32, 1, 0), false},
    {"identity-passphrase", "wrong_key", SUMMED, AT(32, 1, 0), true},
    {"identity-committed", "tampered", COMMITTED, AT(32, 1, 0), false},
    {"epoch-0", "wrong_key", SUMMED, AT(48, 8, 0), false},
    {"epoch-2", "wrong_key", SEALED, AT(48, 8, 2), false},
    {"epoch-2-committed", "tampered", COMMITTED, AT(48, 8, 2), false},
    {"generation-0", "tampered", SUMMED, AT(56, 8, 0), false},
    {"generation-8", "tampered", SUMMED, AT(56, 8, 8), false},
    {"generation-8-sealed", "ok", SEALED, AT(56, 8, 8), false},
    {"generation-max-sealed", "ok", SEALED, AT(56, 8, UINT64_MAX), false},
    {"created-summed", "tampered", SUMMED, AT(64, 8, 1), false},
    {"modified-summed", "tampered", SUMMED, AT(72, 8, 1), false},
    {"modified-plain", "corrupt", PLAIN, AT(72, 8, 1), false},
    {"reserved-first", "format", SEALED, AT(80, 1, 1), false},
    {"reserved-last", "format", SEALED, AT(95, 1, 0x80), false},
    // ---- Slots
    {"slot-len-0", "format", SEALED, AT(SLOT1, 2, 0), false},
    {"slot-len-less-1", "format", SEALED, AT(SLOT1, 2, 154), false},
    {"slot-len-more-1", "format", SEALED, AT(SLOT1, 2, 156), false},
    {"slot-len-max", "format", SEALED, AT(SLOT1, 2, 65535), false},
    {"slot-2-len-more-1", "format", SEALED, AT(SLOT2, 2, 156), false},
    {"slot-kind-0", "format", SEALED, AT(SLOT1 + 2, 1, 0), false},
    {"slot-kind-3", "format", SEALED, AT(SLOT1 + 2, 1, 3), false},
    {"slot-kind-255", "format", SEALED, AT(SLOT1 + 2, 1, 255), false},
    {"raw-as-passphrase", "format", SEALED, AT(SLOT1 + 2, 1, 1), false},
    {"passphrase-as-raw", "format", SEALED, AT(SLOT2 + 2, 1, 2), false},
    {"raw-with-derivation", "format", SEALED, AT(SLOT1 + 3, 1, 2), false},
    {"passphrase-derivation-0", "format", SEALED, AT(SLOT2 + 3, 1, 0), false},
    {"passphrase-derivation-argon2i", "format", SEALED, AT(SLOT2 + 3, 1, 1), false},
    {"passphrase-derivation-3", "format", SEALED, AT(SLOT2 + 3, 1, 3), false},
    {"slot-numbers-equal", "format", SEALED, AT(SLOT2 + 4, 4, 1), false},
    {"slot-number-summed", "wrong_key", SUMMED, AT(SLOT1 + 4, 4, 7), false},
    {"slot-number-passphrase", "wrong_key", SUMMED, AT(SLOT2 + 4, 4, 7), true},
    {"other-slot-number-summed", "tampered", SUMMED, AT(SLOT2 + 4, 4, 7), false},
    {"raw-with-passes", "format", SEALED, AT(SLOT1 + 8, 8, 1), false},
    {"raw-with-memory", "format", SEALED, AT(SLOT1 + 16, 8, 8192), false},
    {"passes-0", "kdf_limit", SEALED, AT(SLOT2 + 8, 8, 0), false},
    {"passes-17", "kdf_limit", SEALED, AT(SLOT2 + 8, 8, 17), false},
    {"passes-max", "kdf_limit", SEALED, AT(SLOT2 + 8, 8, UINT64_MAX), false},
    {"passes-17-passphrase", "kdf_limit", SEALED, AT(SLOT2 + 8, 8, 17), true},
    {"passes-16", "ok", SEALED, AT(SLOT2 + 8, 8, 16), false},
    {"passes-16-passphrase", "wrong_key", SEALED, AT(SLOT2 + 8, 8, 16), true},
    {"passes-2-passphrase", "wrong_key", SEALED, AT(SLOT2 + 8, 8, 2), true},
    {"memory-8191", "kdf_limit", SEALED, AT(SLOT2 + 16, 8, 8191), false},
    {"memory-0", "kdf_limit", SEALED, AT(SLOT2 + 16, 8, 0), true},
    {"memory-over-1-gib", "kdf_limit", SEALED, AT(SLOT2 + 16, 8, (1 << 30) + 1), false},
    {"memory-1-gib", "ok", SEALED, AT(SLOT2 + 16, 8, 1 << 30), false},
    {"memory-max", "kdf_limit", SEALED, AT(SLOT2 + 16, 8, UINT64_MAX), false},
    {"memory-wraps-32", "kdf_limit", SEALED, AT(SLOT2 + 16, 8, (UINT64_C(1) << 32) + 8192), true},
    {"memory-9216-passphrase", "wrong_key", SEALED, AT(SLOT2 + 16, 8, 9216), true},
    {"salt", "wrong_key", SEALED, AT(SLOT1 + 24, 1, 0xFF), false},
    {"salt-passphrase", "wrong_key", SEALED, AT(SLOT2 + 24, 1, 0xFF), true},
    {"salt-plain", "corrupt", PLAIN, AT(SLOT1 + 24, 1, 0xFF), false},
    {"nonce", "wrong_key", SEALED, AT(SLOT1 + 40, 1, 0xFF), false},
    {"nonce-committed", "tampered", COMMITTED, AT(SLOT1 + 40, 1, 0xFF), false},
    {"nonce-passphrase", "wrong_key", SEALED, AT(SLOT2 + 40, 1, 0xFF), true},
    {"wrap", "wrong_key", SEALED, AT(SLOT1 + 64, 1, 0xFF), false},
    {"wrap-committed", "tampered", COMMITTED, AT(SLOT1 + 64, 1, 0xFF), false},
    {"wrap-tag-committed", "tampered", COMMITTED, AT(SLOT1 + 111, 1, 0xFF), false},
    {"wrap-passphrase", "wrong_key", SEALED, AT(SLOT2 + 64, 1, 0xFF), true},
    {"wrap-of-other-slot", "ok", SEALED, AT(SLOT2 + 64, 1, 0xFF), false},
    {"commitment-first", "wrong_key", SEALED, AT(SLOT1 + 112, 1, 0xFF), false},
    {"commitment-last", "wrong_key", SEALED, AT(SLOT1 + 143, 1, 0xFF), false},
    {"commitment-passphrase", "wrong_key", SEALED, AT(SLOT2 + 112, 1, 0xFF), true},
    {"slot-created-summed", "tampered", SUMMED, AT(SLOT1 + 144, 8, 1), false},
    {"slot-created-sealed", "ok", SEALED, AT(SLOT1 + 144, 8, 1), false},
    {"label-len-1", "format", SEALED, AT(SLOT1 + 152, 1, 1), false},
    {"label-len-64", "format", SEALED, AT(SLOT1 + 152, 1, 64), false},
    {"label-len-255", "format", SEALED, AT(SLOT1 + 152, 1, 255), false},
    {"label-newline", "format", SEALED, AT(SLOT1 + 153, 1, '\n'), false},
    {"label-escape", "format", SEALED, AT(SLOT1 + 153, 1, 0x1B), false},
    {"label-delete", "format", SEALED, AT(SLOT2 + 154, 1, 0x7F), false},
    {"label-high-bit", "format", SEALED, AT(SLOT2 + 154, 1, 0xE4), false},
    {"label-summed", "tampered", SUMMED, AT(SLOT1 + 153, 1, 'x'), false},
    {"label-sealed", "ok", SEALED, AT(SLOT1 + 153, 1, 'x'), false},
    // ---- Records
    {"record-len-0", "format", SEALED, AT(RECORD1, 4, 0), false},
    {"record-len-less-1", "format", SEALED, AT(RECORD1, 4, 156), false},
    {"record-len-more-1", "format", SEALED, AT(RECORD1, 4, 158), false},
    {"record-len-max", "format", SEALED, AT(RECORD1, 4, 0xFFFFFFFF), false},
    {"record-len-wraps",
     "format",
     SEALED,
     {{RECORD1, 4, 156}, {RECORD1 + 40, 4, 0xFFFFFFFF}},
     false},
    {"record-kind-0", "format", SEALED, AT(RECORD1 + 4, 1, 0), false},
    {"record-kind-3", "format", SEALED, AT(RECORD1 + 4, 1, 3), false},
    {"value-as-default", "format", SEALED, AT(RECORD1 + 4, 1, 2), false},
    {"default-as-value", "format", SEALED, AT(RECORD2 + 4, 1, 1), false},
    {"plugin-len-0", "format", SEALED, AT(RECORD1 + 5, 1, 0), false},
    {"plugin-len-64", "format", SEALED, AT(RECORD1 + 5, 1, 64), false},
    {"plugin-len-255", "format", SEALED, AT(RECORD1 + 5, 1, 255), false},
    {"account-len-0", "format", SEALED, AT(RECORD1 + 6, 1, 0), false},
    {"names-split-elsewhere",
     "tampered",
     SEALED,
     {{RECORD1 + 5, 1, 10}, {RECORD1 + 6, 1, 11}},
     false},
    {"field-len-0", "format", SEALED, {{RECORD1 + 6, 1, 22}, {RECORD1 + 7, 1, 0}}, false},
    {"field-len-more-1", "format", SEALED, AT(RECORD1 + 7, 1, 13), false},
    {"updated-sealed", "tampered", SEALED, AT(RECORD1 + 8, 8, 1), false},
    {"updated-summed", "tampered", SUMMED, AT(RECORD1 + 8, 8, 1), false},
    {"record-nonce", "tampered", SEALED, AT(RECORD1 + 16, 1, 0xFF), false},
    {"record-nonce-plain", "corrupt", PLAIN, AT(RECORD1 + 16, 1, 0xFF), false},
    {"default-nonce", "format", SEALED, AT(RECORD2 + 16, 1, 1), false},
    {"default-nonce-last", "format", SEALED, AT(RECORD2 + 39, 1, 1), false},
    {"body-len-0", "format", SEALED, AT(RECORD1 + 40, 4, 0), false},
    {"body-len-79", "format", SEALED, AT(RECORD1 + 40, 4, 79), false},
    {"body-len-max", "format", SEALED, AT(RECORD1 + 40, 4, 0xFFFFFFFF), false},
    {"default-body-len-1", "format", SEALED, AT(RECORD2 + 40, 4, 1), false},
    {"default-field-len-1", "format", SEALED, {{RECORD2 + 6, 1, 9}, {RECORD2 + 7, 1, 1}}, false},
    {"plugin-upper-case", "format", SEALED, AT(RECORD1 + 44, 1, 'P'), false},
    {"plugin-digit-first", "format", SEALED, AT(RECORD1 + 44, 1, '1'), false},
    {"plugin-dash", "format", SEALED, AT(RECORD1 + 47, 1, '-'), false},
    {"plugin-slash", "format", SEALED, AT(RECORD1 + 47, 1, '/'), false},
    {"plugin-nul", "format", SEALED, AT(RECORD1 + 47, 1, 0), false},
    {"plugin-underscore-last", "format", SEALED, AT(RECORD1 + 54, 1, '_'), false},
    {"account-dash", "tampered", SEALED, AT(RECORD1 + 58, 1, '-'), false},
    {"account-dash-first", "format", SEALED, AT(RECORD1 + 55, 1, '-'), false},
    {"account-dots", "format", SEALED, AT(RECORD1 + 55, 2, 0x2E2E), false},
    {"field-dash", "format", SEALED, AT(RECORD1 + 71, 1, '-'), false},
    {"field-two-underscores", "format", SEALED, AT(RECORD1 + 70, 2, 0x5F5F), false},
    {"plugin-of-other", "tampered", SEALED, AT(RECORD1 + 44, 1, 'q'), false},
    {"account-of-other", "tampered", SEALED, AT(RECORD1 + 55, 1, 'q'), false},
    {"field-of-other", "tampered", SEALED, AT(RECORD1 + 65, 1, 'b'), false},
    {"account-summed", "tampered", SUMMED, AT(RECORD1 + 55, 1, 'q'), false},
    {"default-to-other", "tampered", SUMMED, AT(RECORD2 + 55, 1, 'q'), false},
    {"default-to-other-sealed", "ok", SEALED, AT(RECORD2 + 55, 1, 'q'), false},
    {"body-first", "tampered", SEALED, AT(RECORD1 + 77, 1, 0xFF), false},
    {"body-tag", "tampered", SEALED, AT(RECORD1 + 156, 1, 0xFF), false},
    {"body-summed", "tampered", SUMMED, AT(RECORD1 + 77, 1, 0xFF), false},
    {"body-plain", "corrupt", PLAIN, AT(RECORD1 + 77, 1, 0xFF), false},
    {"body-passphrase", "tampered", SEALED, AT(RECORD1 + 77, 1, 0xFF), true},
    // ---- Trailer
    {"code-plain", "corrupt", PLAIN, AT(TRAILER, 1, 0), false},
    {"code-summed", "tampered", SUMMED, AT(TRAILER, 1, 0), false},
    {"code-summed-passphrase", "tampered", SUMMED, AT(TRAILER, 1, 0), true},
    {"checksum-plain", "corrupt", PLAIN, AT(TRAILER + 32, 1, 0), false},
    {"checksum-last", "corrupt", PLAIN, AT(TRAILER + 63, 1, 0), false},
};

static unsigned char known[KNOWN];
static kring_document keys;

static void read_known(const char *path)
{
    FILE *file = fopen(path, "r");
    for (size_t i = 0; file != NULL && i < KNOWN; i++) {
        unsigned byte = 0;
        if (fscanf(file, "%2x", &byte) != 1) {
            exit(1);
        }
        known[i] = (unsigned char)byte;
    }
    if (file == NULL || fclose(file) != 0) {
        exit(1);
    }
}

static void put(const char *directory, const char *name, const unsigned char *bytes, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.kkr", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void commit_again(unsigned char *file)
{
    unsigned char raw[32];
    unsigned char wrapping[64];
    memset(raw, 0x42, sizeof raw);
    unsigned char *slot = kring_document_slot(file, 0);
    if (!kring_document_wrapping(slot, (kring_user_key){false, raw, 32}, wrapping)) {
        exit(1);
    }
    kring_document_commit(file, slot, wrapping, slot + 112);
}

static void make(const char *directory, const vector *row)
{
    unsigned char file[KNOWN];
    memcpy(file, known, KNOWN);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < row->edits[i].size; k++) {
            file[row->edits[i].at + k] = (unsigned char)(row->edits[i].value >> (8 * k));
        }
    }
    if (row->level == COMMITTED) {
        commit_again(file);
    }
    if (row->level >= SEALED) {
        kring_document_seal(&keys, file, KNOWN);
    } else if (row->level == SUMMED) {
        kring_document_sum(file, KNOWN);
    }
    put(directory, row->name, file, KNOWN);
}

// ---- Files of another length or order

static void put_number(unsigned char *at, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

// The known file with other slots and records between its head and its trailer.
typedef struct shape {
    const char *name;
    const char *error;
    struct {
        size_t at;
        size_t len;
    } parts[9];
    size_t slots;
    size_t records;
    size_t slots_len;
} shape;

#define S1                                                                                         \
    {                                                                                              \
        SLOT1, 155                                                                                 \
    }
#define S2                                                                                         \
    {                                                                                              \
        SLOT2, 155                                                                                 \
    }
#define R1                                                                                         \
    {                                                                                              \
        RECORD1, 157                                                                               \
    }
#define R2                                                                                         \
    {                                                                                              \
        RECORD2, 65                                                                                \
    }

static const shape shapes[] = {
    {"slots-swapped", "ok", {S2, S1, R1, R2}, 2, 2, 310},
    {"slot-removed", "ok", {S1, R1, R2}, 1, 2, 155},
    {"own-slot-removed", "wrong_key", {S2, R1, R2}, 1, 2, 155},
    {"slot-doubled", "format", {S1, S1, R1, R2}, 2, 2, 310},
    {"slots-none", "format", {R1, R2}, 0, 2, 0},
    {"records-swapped", "format", {S1, S2, R2, R1}, 2, 2, 310},
    {"record-doubled", "format", {S1, S2, R1, R1, R2}, 2, 3, 310},
    {"default-doubled", "format", {S1, S2, R1, R2, R2}, 2, 3, 310},
    {"value-removed-sealed", "ok", {S1, S2, R2}, 2, 1, 310},
    {"records-none-sealed", "ok", {S1, S2}, 2, 0, 310},
    {"records-uncounted", "format", {S1, S2, R1, R2}, 2, 1, 310},
    {"slots-uncounted", "format", {S1, S2, R1, R2}, 1, 2, 310},
};

static size_t build(const shape *row, unsigned char *file)
{
    size_t len = 96;
    memcpy(file, known, 96);
    for (size_t i = 0; i < 9 && row->parts[i].len > 0; i++) {
        memcpy(file + len, known + row->parts[i].at, row->parts[i].len);
        len += row->parts[i].len;
    }
    put_number(file + 12, 4, len + 64);
    put_number(file + 16, 4, row->slots_len);
    put_number(file + 20, 4, len - 96 - row->slots_len);
    put_number(file + 24, 2, row->slots);
    put_number(file + 26, 2, row->records);
    return len + 64;
}

static void make_shapes(const char *directory, FILE *table)
{
    static const struct {
        const char *name;
        size_t len;
    } cuts[] = {{"cut-0", 0},     {"cut-1", 1},     {"cut-8", 8},     {"cut-95", 95},
                {"cut-96", 96},   {"cut-159", 159}, {"cut-160", 160}, {"cut-406", 406},
                {"cut-691", 691}, {"more-1", 693},  {"more-64", 756}};
    unsigned char file[ROOM];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        memset(file, 0, sizeof file);
        size_t len = build(&shapes[i], file);
        kring_document_seal(&keys, file, len);
        put(directory, shapes[i].name, file, len);
        fprintf(table, "%s %s key\n", shapes[i].name, shapes[i].error);
    }
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        memset(file, 0, sizeof file);
        memcpy(file, known, KNOWN);
        put(directory, cuts[i].name, file, cuts[i].len);
        fprintf(table, "%s format key\n", cuts[i].name);
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 3 || sodium_init() < 0) {
        return 2;
    }
    read_known(argv[1]);
    for (unsigned char i = 0; i < 32; i++) {
        keys.data[i] = i;
    }
    kring_document_derive(&keys);
    snprintf(path, sizeof path, "%s/table.txt", argv[2]);
    FILE *table = fopen(path, "w");
    if (table == NULL) {
        perror(path);
        return 1;
    }
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        make(argv[2], &vectors[i]);
        fprintf(table, "%s %s %s\n", vectors[i].name, vectors[i].error,
                vectors[i].passphrase ? "passphrase" : "key");
    }
    make_shapes(argv[2], table);
    return fclose(table) == 0 ? 0 : 1;
}
