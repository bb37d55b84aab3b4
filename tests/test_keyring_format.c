// The bytes of a keyring: a known file, and every way of changing it.
#include "fail.h"
#include "keyring_edit.h"
#include "keyring_layout.h"
#include "unit.h"
#include <stdlib.h>

enum { KNOWN_SIZE = 692, COUNTED = KK_CODE_COUNT };

static const unsigned char raw_key[32] = {
    0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42,
    0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42, 0x42};

static void read_known(unsigned char out[KNOWN_SIZE])
{
    FILE *file = fopen(KK_FIXTURES "/keyring/known-answer.hex", "r");
    assert_non_null(file);
    for (size_t i = 0; i < KNOWN_SIZE; i++) {
        unsigned byte = 0;
        assert_int_equal(fscanf(file, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
    fclose(file);
}

static kk_str view(const void *bytes, size_t len)
{
    return (kk_str){bytes, len};
}

static void make_key(kk_secret *key, unsigned char byte)
{
    kk_error err = {0};
    unsigned char bytes[32];
    memset(bytes, byte, sizeof bytes);
    assert_ok(kk_secret_make(key, sizeof bytes, &err), &err);
    assert_ok(kk_secret_append(key, bytes, sizeof bytes, &err), &err);
}

// What a reader with the right key makes of a file: parsed, unlocked and every value opened.
static kk_code open_all(kk_str bytes, const kk_secret *key, kk_error *err)
{
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret value = {0};
    kk_code code = kk_kring_parse(bytes, "K", &ring, err);
    if (code == KK_OK) {
        code = kk_kring_unlock(&ring, key, &keys, err);
    }
    for (size_t i = 0; i < ring.record_count && code == KK_OK; i++) {
        if (ring.records[i].name.kind == KK_KRING_VALUE) {
            code = kk_kring_open_value(&ring, &keys, &ring.records[i], &value, err);
        }
    }
    kk_secret_clean(&value);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
    return code;
}

typedef struct known {
    unsigned char bytes[KNOWN_SIZE];
    kk_secret key;
    kk_kring ring;
    kk_secret keys;
} known;

static int set_up(void **state)
{
    kk_error err = {0};
    known *self = calloc(1, sizeof *self);
    assert_non_null(self);
    read_known(self->bytes);
    make_key(&self->key, 0x42);
    assert_memory_equal(self->key.ptr, raw_key, sizeof raw_key);
    assert_ok(kk_kring_parse(view(self->bytes, KNOWN_SIZE), "K", &self->ring, &err), &err);
    assert_ok(kk_kring_unlock(&self->ring, &self->key, &self->keys, &err), &err);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    known *self = *state;
    kk_kring_clean(&self->ring);
    kk_secret_clean(&self->keys);
    kk_secret_clean(&self->key);
    free(self);
    return 0;
}

// Makes the checksum right again, as somebody without the key can.
static void refresh_sum(unsigned char *bytes, size_t len)
{
    kk_kring_sum(view(bytes, len), bytes + len - KK_KRING_MAC_SIZE);
}

static void from_hex(const char *hex, unsigned char out[32])
{
    for (size_t i = 0; i < 32; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (unsigned char)byte;
    }
}

static void assert_key(const unsigned char key[32], const char *hex)
{
    unsigned char wanted[32];
    from_hex(hex, wanted);
    assert_memory_equal(key, wanted, sizeof wanted);
}

// ---- The known file

static void test_keyring_format__derives_the_known_keys(void **state)
{
    const known *self = *state;
    const kk_kring_keys *keys = (const kk_kring_keys *)self->keys.ptr;
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(keys->data[i], i);
    }
    assert_key(keys->value, "e36311a9169929d6cf3a0198cbac9e4bf1f217540abd28f6c0665f3a1a930d50");
    assert_key(keys->mac, "0c47cccc6d29a6305e9e433abe3b9e6006250ac62edb09d33c2c072ac56f6f65");
    assert_key(keys->fingerprint,
               "41f5c0e7f46e7025a3eff13c4935b700f43b34a7868d25bcb8b842e0e4df2bfd");
}

static void test_keyring_format__opens_the_known_value(void **state)
{
    const known *self = *state;
    kk_error err = {0};
    kk_secret value = {0};
    kk_kring_name name = {KK_KRING_VALUE, KK_STR("planetscale"), KK_STR("production"),
                          KK_STR("access_token")};
    const kk_kring_record *record = kk_kring_find(&self->ring, &name);
    assert_non_null(record);
    assert_ok(kk_kring_open_value(&self->ring, &self->keys, record, &value, &err), &err);
    assert_string_equal((const char *)value.ptr, "pscale_tkn_EXAMPLE");
    assert_int_equal(value.len, strlen("pscale_tkn_EXAMPLE"));
    kk_secret_clean(&value);
    const kk_kring_record *pointer = kk_kring_default(&self->ring, KK_STR("planetscale"));
    assert_non_null(pointer);
    assert_true(kk_str_is(pointer->name.account, "production"));
}

static void test_keyring_format__reads_the_known_head_and_slots(void **state)
{
    const known *self = *state;
    assert_int_equal(self->ring.epoch, 1);
    assert_int_equal(self->ring.generation, 7);
    assert_int_equal(self->ring.id[0], 0x10);
    assert_int_equal(self->ring.slot_count, 2);
    assert_int_equal(self->ring.slots[0].kind, KK_KRING_SLOT_RAW_KEY);
    assert_int_equal(self->ring.slots[1].kind, KK_KRING_SLOT_PASSPHRASE);
    assert_int_equal(self->ring.slots[1].number, 2);
    assert_int_equal(self->ring.record_count, 2);
}

static void test_keyring_format__writes_what_it_parsed_byte_for_byte(void **state)
{
    const known *self = *state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    assert_ok(kk_kring_write(&self->ring, &self->keys, &out, &err), &err);
    assert_int_equal(out.len, KNOWN_SIZE);
    assert_memory_equal(out.ptr, self->bytes, KNOWN_SIZE);
    kk_buf_clean(&out);
}

static void test_keyring_format__a_commit_keeps_the_passphrase_slot(void **state)
{
    known *self = *state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    kk_keyring_value value = {"service_token", "x", 1};
    assert_ok(kk_kring_set(&self->ring, &self->keys, "planetscale", "dev", &value, 1, 9, &err),
              &err);
    assert_ok(kk_kring_write(&self->ring, &self->keys, &out, &err), &err);
    assert_ok(open_all(kk_buf_view(&out), &self->key, &err), &err);
    assert_memory_equal(out.ptr + HEAD_SIZE, self->bytes + HEAD_SIZE, 2 * 155);
    kk_buf_clean(&out);
}

// ---- Changed files

// Counts what becomes of the file for every single bit changed in its first [len] bytes.
static void flip_every_bit(const known *self, size_t len, bool refreshed, size_t counts[COUNTED])
{
    unsigned char bytes[KNOWN_SIZE];
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(bytes, self->bytes, sizeof bytes);
        bytes[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        if (refreshed) {
            refresh_sum(bytes, sizeof bytes);
        }
        kk_error err = {0};
        counts[open_all(view(bytes, sizeof bytes), &self->key, &err)]++;
    }
}

// The numbers are those of an independent model of the format in another language.
static void test_keyring_format__refuses_every_flipped_bit(void **state)
{
    size_t counts[COUNTED] = {0};
    flip_every_bit(*state, KNOWN_SIZE, false, counts);
    assert_int_equal(counts[KK_OK], 0);
    assert_int_equal(counts[KK_ERR_CORRUPT], 5183);
    assert_int_equal(counts[KK_ERR_FORMAT], 337);
    assert_int_equal(counts[KK_ERR_VERSION], 16);
}

// The model let names begin with a digit (four flips turn 'p' into '0') and did not look at labels
// (four flips make a byte of one unprintable): these eight are refused here before the MAC is
// looked at.
static void test_keyring_format__refuses_every_flipped_bit_under_a_new_checksum(void **state)
{
    enum { REFUSED_EARLIER = 8 };
    size_t counts[COUNTED] = {0};
    flip_every_bit(*state, KNOWN_SIZE - KK_KRING_MAC_SIZE, true, counts);
    assert_int_equal(counts[KK_OK], 0);
    assert_int_equal(counts[KK_ERR_WRONG_KEY], 1184);
    assert_int_equal(counts[KK_ERR_KDF_LIMIT], 96);
    assert_int_equal(counts[KK_ERR_VERSION], 16);
    assert_int_equal(counts[KK_ERR_FORMAT], 1131 + REFUSED_EARLIER);
    assert_int_equal(counts[KK_ERR_TAMPERED], 2853 - REFUSED_EARLIER);
}

static void test_keyring_format__refuses_every_other_length(void **state)
{
    const known *self = *state;
    unsigned char longer[KNOWN_SIZE + 64] = {0};
    memcpy(longer, self->bytes, KNOWN_SIZE);
    for (size_t len = 0; len <= sizeof longer; len++) {
        kk_error err = {0};
        kk_code code = open_all(view(longer, len), &self->key, &err);
        assert_code(code, len == KNOWN_SIZE ? KK_OK : KK_ERR_FORMAT);
    }
}

static void test_keyring_format__tells_a_wrong_key_and_names_the_slots(void **state)
{
    const known *self = *state;
    kk_error err = {0};
    kk_secret other = {0};
    make_key(&other, 0x43);
    assert_code(open_all(view(self->bytes, KNOWN_SIZE), &other, &err), KK_ERR_WRONG_KEY);
    assert_holds(err.message, "1 'ci', 2 'me' (a passphrase)");
    kk_secret_clean(&other);
}

// The authentication code is made right too, as the owner of the key could: what refuses is the
// binding of the value to its name.
static void test_keyring_format__refuses_a_value_moved_to_another_account(void **state)
{
    known *self = *state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    kk_keyring_value value = {"access_token", "another_token_here", 18};
    assert_ok(
        kk_kring_set(&self->ring, &self->keys, "planetscale", "backup_two", &value, 1, 9, &err),
        &err);
    kk_kring_record *to = &self->ring.records[0];
    kk_kring_record *from = &self->ring.records[1];
    assert_true(kk_str_is(to->name.account, "backup_two"));
    assert_true(kk_str_is(from->name.account, "production"));
    assert_int_equal(to->bytes.len, from->bytes.len);
    memcpy(to->owned + RECORD_AT_NONCE, from->bytes.ptr + RECORD_AT_NONCE, NONCE_SIZE);
    memcpy(to->owned + to->bytes.len - 80, from->bytes.ptr + from->bytes.len - 80, 80);
    assert_ok(kk_kring_write(&self->ring, &self->keys, &out, &err), &err);
    assert_code(open_all(kk_buf_view(&out), &self->key, &err), KK_ERR_TAMPERED);
    assert_holds(err.message, "does not open in its place");
    kk_buf_clean(&out);
}

static void test_keyring_format__bounds_the_work_of_a_passphrase_slot(void **state)
{
    const known *self = *state;
    static const struct {
        size_t at;
        uint64_t value;
        kk_code code;
    } cases[] = {
        {SLOT_AT_OPS, 0, KK_ERR_KDF_LIMIT},
        {SLOT_AT_OPS, 1, KK_OK},
        {SLOT_AT_OPS, 16, KK_OK},
        {SLOT_AT_OPS, 17, KK_ERR_KDF_LIMIT},
        {SLOT_AT_MEM, 8191, KK_ERR_KDF_LIMIT},
        {SLOT_AT_MEM, UINT64_C(1) << 30, KK_OK},
        {SLOT_AT_MEM, (UINT64_C(1) << 30) + 1, KK_ERR_KDF_LIMIT},
        {SLOT_AT_MEM, UINT64_MAX, KK_ERR_KDF_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[KNOWN_SIZE];
        kk_error err = {0};
        kk_kring ring = {0};
        memcpy(bytes, self->bytes, sizeof bytes);
        kk_kring_write_le((char *)bytes + HEAD_SIZE + 155 + cases[i].at, cases[i].value, 8);
        refresh_sum(bytes, sizeof bytes);
        assert_code(kk_kring_parse(view(bytes, sizeof bytes), "K", &ring, &err), cases[i].code);
        kk_kring_clean(&ring);
    }
}

static void test_keyring_format__says_version_of_a_newer_file(void **state)
{
    const known *self = *state;
    unsigned char bytes[KNOWN_SIZE];
    kk_error err = {0};
    memcpy(bytes, self->bytes, sizeof bytes);
    bytes[10] = 1; // a higher minor version with known flags is read
    refresh_sum(bytes, sizeof bytes);
    assert_code(open_all(view(bytes, sizeof bytes), &self->key, &err), KK_ERR_TAMPERED);
    err = (kk_error){0};
    bytes[28] = 5;
    assert_code(open_all(view(bytes, sizeof bytes), &self->key, &err), KK_ERR_VERSION);
    assert_holds(err.message, "version 1.1");
}

static void test_keyring_format__refuses_two_defaults_of_a_plugin(void **state)
{
    known *self = *state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    kk_kring_record *pointer = &self->ring.records[1];
    kk_kring_record record = *pointer;
    kk_kring_name name = {KK_KRING_DEFAULT, KK_STR("planetscale"), KK_STR("zeta"), {0}};
    assert_int_equal(pointer->name.kind, KK_KRING_DEFAULT);
    assert_true(self->ring.record_capacity > 2);
    assert_ok(kk_kring_seal(&self->ring, NULL, &name, (kk_str){0}, 1, &record, &err), &err);
    self->ring.records[self->ring.record_count++] = record;
    assert_ok(kk_kring_write(&self->ring, &self->keys, &out, &err), &err);
    assert_code(open_all(kk_buf_view(&out), &self->key, &err), KK_ERR_FORMAT);
    assert_holds(err.message, "two defaults");
    kk_buf_clean(&out);
}

// ---- Names and values

static void test_keyring_format__knows_the_grammar_of_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a1", "a_b", "service_token_id", "a_1"};
    static const char *const bad[] = {"", "1a", "A", "a__b", "_a", "a_", "a b", "a.b", "a/b", "é"};
    char longest[KK_KRING_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(kk_kring_name_is_valid(kk_str_from(good[i]), false));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(kk_kring_name_is_valid(kk_str_from(bad[i]), true));
    }
    assert_true(kk_kring_name_is_valid(KK_STR("eu-west-1"), true));
    assert_false(kk_kring_name_is_valid(KK_STR("eu-west-1"), false));
    assert_false(kk_kring_name_is_valid(KK_STR("eu--west"), true));
    assert_false(kk_kring_name_is_valid(KK_STR("eu-"), true));
    memset(longest, 'a', sizeof longest);
    assert_true(kk_kring_name_is_valid(view(longest, KK_KRING_NAME_MAX), false));
    assert_false(kk_kring_name_is_valid(view(longest, KK_KRING_NAME_MAX + 1), false));
}

static void test_keyring_format__keeps_values_of_every_length(void **state)
{
    known *self = *state;
    static const size_t lengths[] = {1, 63, 64, 65, 127, 4096, KK_KRING_VALUE_MAX};
    static char text[KK_KRING_VALUE_MAX];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 7);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        kk_error err = {0};
        kk_kring_record record = {0};
        kk_secret value = {0};
        kk_kring_name name = {KK_KRING_VALUE, KK_STR("p"), KK_STR("a"), KK_STR("f")};
        kk_str wanted = {text, lengths[i]};
        assert_ok(kk_kring_seal(&self->ring, &self->keys, &name, wanted, 1, &record, &err), &err);
        assert_int_equal((record.bytes.len - RECORD_SIZE - 3 - TAG_SIZE) % PAD, 0);
        assert_ok(kk_kring_open_value(&self->ring, &self->keys, &record, &value, &err), &err);
        assert_true(kk_str_equals(kk_secret_view(&value), wanted));
        kk_secret_clean(&value);
        free(record.owned);
    }
}

static void test_keyring_format__makes_a_keyring_that_only_its_key_opens(void **state)
{
    const known *self = *state;
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret key = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    make_key(&key, 7);
    assert_ok(kk_kring_create(&key, "K", 1, &ring, &keys, &err), &err);
    assert_ok(kk_kring_write(&ring, &keys, &out, &err), &err);
    assert_ok(open_all(kk_buf_view(&out), &key, &err), &err);
    assert_code(open_all(kk_buf_view(&out), &self->key, &err), KK_ERR_WRONG_KEY);
    kk_buf_clean(&out);
    kk_secret_clean(&key);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

static void test_keyring_format__refuses_more_records_than_it_holds(void **state)
{
    known *self = *state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_KRING_MAX};
    static char text[KK_KRING_VALUE_MAX];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 65; i++) {
        char account[16];
        snprintf(account, sizeof account, "a%d", i);
        kk_keyring_value value = {"f", text, sizeof text};
        assert_ok(kk_kring_set(&self->ring, &self->keys, "p", account, &value, 1, 1, &err), &err);
    }
    assert_code(kk_kring_write(&self->ring, &self->keys, &out, &err), KK_ERR_TOO_LARGE);
    assert_holds(err.message, "the keyring is full");
    kk_buf_clean(&out);
}

#define WITH_KNOWN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KNOWN(test_keyring_format__derives_the_known_keys),
        WITH_KNOWN(test_keyring_format__opens_the_known_value),
        WITH_KNOWN(test_keyring_format__reads_the_known_head_and_slots),
        WITH_KNOWN(test_keyring_format__writes_what_it_parsed_byte_for_byte),
        WITH_KNOWN(test_keyring_format__a_commit_keeps_the_passphrase_slot),
        WITH_KNOWN(test_keyring_format__refuses_every_flipped_bit),
        WITH_KNOWN(test_keyring_format__refuses_every_flipped_bit_under_a_new_checksum),
        WITH_KNOWN(test_keyring_format__refuses_every_other_length),
        WITH_KNOWN(test_keyring_format__tells_a_wrong_key_and_names_the_slots),
        WITH_KNOWN(test_keyring_format__refuses_a_value_moved_to_another_account),
        WITH_KNOWN(test_keyring_format__bounds_the_work_of_a_passphrase_slot),
        WITH_KNOWN(test_keyring_format__says_version_of_a_newer_file),
        WITH_KNOWN(test_keyring_format__refuses_two_defaults_of_a_plugin),
        cmocka_unit_test(test_keyring_format__knows_the_grammar_of_names),
        WITH_KNOWN(test_keyring_format__keeps_values_of_every_length),
        WITH_KNOWN(test_keyring_format__makes_a_keyring_that_only_its_key_opens),
        WITH_KNOWN(test_keyring_format__refuses_more_records_than_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
