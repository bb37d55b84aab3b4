// The vectors of fixtures/keyring: each has one fault and one right answer.  And the page that
// describes the format, against the code that writes it.
#include "keyring_edit.h"
#include "keyring_layout.h"
#include "kring_document.h"
#include "unit.h"
#include <dirent.h>
#include <stdlib.h>

enum { FILE_MAX = 8192, VECTORS_MIN = 120 };

#define VECTORS KK_FIXTURES "/keyring/vectors"
#define PASSPHRASE "correct horse battery staple"

static void make_secret(kk_secret *out, const void *bytes, size_t len)
{
    kk_error err = {0};
    assert_ok(kk_secret_make(out, len, &err), &err);
    assert_ok(kk_secret_append(out, bytes, len, &err), &err);
}

static size_t read_file(const char *path, unsigned char out[FILE_MAX])
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, FILE_MAX, file);
    fclose(file);
    return len;
}

// Opens a file and every value in it, as a reader does.
static kk_code open_all(kk_str bytes, bool passphrase, kk_error *err)
{
    unsigned char raw[32];
    kk_kring ring = {0};
    kk_secret key = {0};
    kk_secret keys = {0};
    kk_secret value = {0};
    memset(raw, 0x42, sizeof raw);
    make_secret(&key, passphrase ? (const void *)PASSPHRASE : raw,
                passphrase ? strlen(PASSPHRASE) : sizeof raw);
    kk_kring_slot_kind kind = passphrase ? KK_KRING_SLOT_PASSPHRASE : KK_KRING_SLOT_RAW_KEY;
    kk_code code = kk_kring_parse(bytes, "K", &ring, err);
    if (code == KK_OK) {
        code = kk_kring_unlock_slot(&ring, (kk_kring_key){kind, &key}, NULL, &keys, err);
    }
    for (size_t i = 0; i < ring.record_count && code == KK_OK; i++) {
        if (ring.records[i].name.kind == KK_KRING_VALUE) {
            code = kk_kring_open_value(&ring, &keys, &ring.records[i], &value, err);
        }
    }
    // Nothing of a value, and no key, comes out of a file that was refused.
    assert_true(code == KK_OK || value.ptr == NULL);
    kk_secret_clean(&value);
    kk_secret_clean(&keys);
    kk_secret_clean(&key);
    kk_kring_clean(&ring);
    return code;
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *dir = opendir(VECTORS);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        count += len > 4 && strcmp(entry->d_name + len - 4, ".kkr") == 0;
    }
    closedir(dir);
    return count;
}

static void test_keyring_vectors__each_gives_its_exact_error(void **state)
{
    (void)state;
    static unsigned char bytes[FILE_MAX];
    char name[64];
    char wanted[32];
    char key[16];
    size_t count = 0;
    size_t wrong = 0;
    FILE *table = fopen(VECTORS "/table.txt", "r");
    assert_non_null(table);
    while (fscanf(table, "%63s %31s %15s", name, wanted, key) == 3) {
        char path[4096];
        kk_error err = {0};
        snprintf(path, sizeof path, VECTORS "/%s.kkr", name);
        size_t len = read_file(path, bytes);
        kk_code code =
            open_all((kk_str){(const char *)bytes, len}, strcmp(key, "passphrase") == 0, &err);
        if (strcmp(kk_code_name(code), wanted) != 0) {
            print_error("%s: %s, not %s: %s\n", name, kk_code_name(code), wanted, err.message);
            wrong++;
        }
        assert_null(strstr(err.message, "EXAMPLE"));
        assert_true(code == KK_OK || err.message[0] != '\0');
        count++;
    }
    fclose(table);
    assert_int_equal(wrong, 0);
    assert_true(count >= VECTORS_MIN);
    // No file is left out of the table.
    assert_int_equal(count, count_files());
}

// Every bit of the passphrase's slot, with a checksum that fits: who holds the passphrase is told
// the one or the other, and is never let in.
static void test_keyring_vectors__refuses_every_flipped_bit_of_a_passphrase_slot(void **state)
{
    (void)state;
    enum { SLOT2 = 251, SLOT2_LEN = 155 };
    static unsigned char bytes[FILE_MAX];
    size_t codes[KK_CODE_COUNT] = {0};
    size_t len = read_file(VECTORS "/whole.kkr", bytes);
    for (size_t bit = 0; bit < SLOT2_LEN * 8; bit++) {
        kk_error err = {0};
        bytes[SLOT2 + bit / 8] ^= (unsigned char)(1 << bit % 8);
        kring_document_sum(bytes, len);
        codes[open_all((kk_str){(const char *)bytes, len}, true, &err)]++;
        bytes[SLOT2 + bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(codes[KK_OK], 0);
    size_t refused = codes[KK_ERR_WRONG_KEY] + codes[KK_ERR_TAMPERED] + codes[KK_ERR_FORMAT] +
                     codes[KK_ERR_KDF_LIMIT];
    print_message("%zu wrong_key, %zu tampered, %zu format, %zu kdf_limit\n",
                  codes[KK_ERR_WRONG_KEY], codes[KK_ERR_TAMPERED], codes[KK_ERR_FORMAT],
                  codes[KK_ERR_KDF_LIMIT]);
    assert_int_equal(refused, SLOT2_LEN * 8);
}

static void test_keyring_vectors__refuses_every_cut_with_a_passphrase(void **state)
{
    (void)state;
    static unsigned char bytes[FILE_MAX];
    size_t len = read_file(VECTORS "/whole.kkr", bytes);
    for (size_t cut = 0; cut < len; cut++) {
        kk_error err = {0};
        assert_code(open_all((kk_str){(const char *)bytes, cut}, true, &err), KK_ERR_FORMAT);
    }
}

// ---- The page and the code

static void assert_documented(const kring_document *opened, const char *field, const char *wanted)
{
    static unsigned char value[65537];
    size_t len = 0;
    assert_true(kring_document_value(opened, "planetscale", "production", field, value, &len));
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(value, wanted, len);
}

static void test_keyring_vectors__the_page_is_enough_to_read_the_known_file(void **state)
{
    (void)state;
    static unsigned char bytes[FILE_MAX];
    unsigned char raw[32];
    kring_document opened;
    memset(raw, 0x42, sizeof raw);
    size_t len = read_file(VECTORS "/whole.kkr", bytes);
    assert_true(kring_document_open(&opened, bytes, len, (kring_user_key){false, raw, 32}));
    assert_documented(&opened, "access_token", "pscale_tkn_EXAMPLE");
    kring_user_key passphrase = {true, PASSPHRASE, strlen(PASSPHRASE)};
    assert_true(kring_document_open(&opened, bytes, len, passphrase));
    assert_documented(&opened, "access_token", "pscale_tkn_EXAMPLE");
    raw[0] ^= 1;
    assert_false(kring_document_open(&opened, bytes, len, (kring_user_key){false, raw, 32}));
}

// Makes a keyring with our code, changes it in every way, and reads it by the page.
static void test_keyring_vectors__the_page_is_enough_to_read_what_kk_writes(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret raw = {0};
    kk_secret passphrase = {0};
    kk_buf file = {.limit = KK_KRING_MAX};
    uint32_t number = 0;
    unsigned char bytes[32];
    kring_document opened;
    memset(bytes, 7, sizeof bytes);
    make_secret(&raw, bytes, sizeof bytes);
    make_secret(&passphrase, "staple", 6);
    assert_ok(kk_kring_create(&raw, "K", 5, &ring, &keys, &err), &err);
    kk_kring_slot_plan plan = {.key = {KK_KRING_SLOT_PASSPHRASE, &passphrase},
                               .work = {1, 8192},
                               .label = "second",
                               .now = 6};
    assert_ok(kk_kring_add_slot(&ring, &keys, &plan, &number, &err), &err);
    assert_int_equal(number, 2);
    kk_kring_name name = {KK_KRING_VALUE, KK_STR("planetscale"), KK_STR("production"),
                          KK_STR("service_token")};
    assert_ok(kk_kring_put(&ring, &keys, &name, KK_STR("a value"), 7, &err), &err);
    assert_ok(kk_kring_write(&ring, &keys, &file, &err), &err);
    kring_user_key by_key = {false, bytes, 32};
    kring_user_key by_passphrase = {true, "staple", 6};
    assert_true(kring_document_open(&opened, (unsigned char *)file.ptr, file.len, by_key));
    assert_documented(&opened, "service_token", "a value");
    assert_true(kring_document_open(&opened, (unsigned char *)file.ptr, file.len, by_passphrase));
    assert_documented(&opened, "service_token", "a value");
    // A new data key, for the passphrase alone.
    unsigned char before[32];
    memcpy(before, opened.data, sizeof before);
    assert_ok(kk_kring_rekey(&ring, &keys, 2, plan.key, &err), &err);
    kk_buf_clear(&file);
    assert_ok(kk_kring_write(&ring, &keys, &file, &err), &err);
    assert_false(kring_document_open(&opened, (unsigned char *)file.ptr, file.len, by_key));
    assert_true(kring_document_open(&opened, (unsigned char *)file.ptr, file.len, by_passphrase));
    assert_documented(&opened, "service_token", "a value");
    assert_memory_not_equal(before, opened.data, sizeof before);
    kk_buf_clean(&file);
    kk_secret_clean(&passphrase);
    kk_secret_clean(&raw);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

// ---- Slots

static void test_keyring_vectors__gives_no_slot_number_twice(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret raw = {0};
    unsigned char bytes[32];
    bool given[64] = {false};
    uint32_t number = 1;
    memset(bytes, 7, sizeof bytes);
    make_secret(&raw, bytes, sizeof bytes);
    assert_ok(kk_kring_create(&raw, "K", 5, &ring, &keys, &err), &err);
    given[1] = true;
    for (ring.generation = 1; ring.generation < 40; ring.generation++) {
        // Every third commit removes the newest slot, every other adds one.
        if (ring.generation % 3 == 0) {
            assert_ok(kk_kring_remove_slot(&ring, number, &err), &err);
            continue;
        }
        if (ring.slot_count == KK_KRING_SLOTS_MAX) {
            assert_ok(kk_kring_remove_slot(&ring, ring.slots[0].number, &err), &err);
        }
        kk_kring_slot_plan plan = {.key = {KK_KRING_SLOT_RAW_KEY, &raw}, .label = "", .now = 6};
        assert_ok(kk_kring_add_slot(&ring, &keys, &plan, &number, &err), &err);
        assert_true(number < 64);
        assert_false(given[number]);
        given[number] = true;
    }
    while (ring.slot_count > 1) {
        assert_ok(kk_kring_remove_slot(&ring, ring.slots[0].number, &err), &err);
    }
    assert_code(kk_kring_remove_slot(&ring, ring.slots[0].number, &err), KK_ERR_INVALID_ARGS);
    kk_secret_clean(&raw);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyring_vectors__each_gives_its_exact_error),
        cmocka_unit_test(test_keyring_vectors__refuses_every_flipped_bit_of_a_passphrase_slot),
        cmocka_unit_test(test_keyring_vectors__refuses_every_cut_with_a_passphrase),
        cmocka_unit_test(test_keyring_vectors__the_page_is_enough_to_read_the_known_file),
        cmocka_unit_test(test_keyring_vectors__the_page_is_enough_to_read_what_kk_writes),
        cmocka_unit_test(test_keyring_vectors__gives_no_slot_number_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
