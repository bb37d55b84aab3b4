// Each operation on a keyring, with each of its system calls failing in turn: what is left is the
// old state, whole, or the new one.
#include "fault_room.h"
#include <errno.h>

// What a room holds: "" without a keyring, else its epoch, its slots, with a 'p' at those of
// passphrases, and its records, with a '*' at the default.
static void describe(const fault_room *self, char *out, size_t size)
{
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_keyring_store store = {.io = &kk_io_system, .path = self->path, .pin_path = self->pin_path};
    out[0] = '\0';
    kk_code code = kk_keyring_file_read(&store, &self->key, &ring, &keys, &err);
    if (code == KK_ERR_NO_KEYRING || code == KK_ERR_ROLLBACK) {
        snprintf(out, size, "%s", code == KK_ERR_ROLLBACK ? "rollback" : "");
        return;
    }
    assert_ok(code, &err);
    size_t len = (size_t)snprintf(out, size, "%u:", (unsigned)ring.epoch);
    for (size_t i = 0; i < ring.slot_count; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%u%s", i == 0 ? "" : ",",
                                (unsigned)ring.slots[i].number,
                                ring.slots[i].kind == KK_KRING_SLOT_PASSPHRASE ? "p" : "");
    }
    for (size_t i = 0; i < ring.record_count; i++) {
        const kk_kring_record *record = &ring.records[i];
        kk_secret value = {0};
        if (record->name.kind == KK_KRING_VALUE) {
            assert_ok(kk_kring_open_value(&ring, &keys, record, &value, &err), &err);
        }
        len += (size_t)snprintf(out + len, size - len, " %.*s=%s", (int)record->name.account.len,
                                record->name.account.ptr,
                                value.ptr != NULL ? (const char *)value.ptr : "*");
        kk_secret_clean(&value);
    }
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

static kk_code edit_remove(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                           kk_error *err)
{
    (void)context, (void)keys;
    *changed = true;
    return kk_kring_remove(ring, "planetscale", "dev", NULL, err);
}

static kk_code edit_point(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    (void)context, (void)keys;
    return kk_kring_point(ring, "planetscale", "other", 1, changed, err);
}

static kk_code edit_other(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    (void)context;
    kk_keyring_value value = {"token", "other", 5};
    *changed = true;
    return kk_kring_set(ring, keys, "planetscale", "other", &value, 1, 1, err);
}

static kk_code edit_old(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    (void)context;
    kk_code code = fault_room_edit_value((void *)(uintptr_t) "old", ring, keys, changed, err);
    return code == KK_OK ? edit_other(NULL, ring, keys, changed, err) : code;
}

static kk_code edit_new(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    (void)context;
    return fault_room_edit_value((void *)(uintptr_t) "new", ring, keys, changed, err);
}

// A slot whose passphrase costs next to nothing.
static kk_code edit_slot(kk_kring *ring, const kk_secret *keys, const char *text, uint32_t old,
                         kk_error *err)
{
    uint32_t number = 0;
    kk_secret passphrase = {0};
    kk_kring_slot_plan plan = {.key = {KK_KRING_SLOT_PASSPHRASE, &passphrase},
                               .work = {.passes = 1, .bytes = KK_KRING_MEMORY_MIN},
                               .label = "",
                               .now = 1};
    assert_ok(kk_secret_make(&passphrase, strlen(text), err), err);
    assert_ok(kk_secret_append(&passphrase, text, strlen(text), err), err);
    kk_code code = old == 0 ? kk_kring_add_slot(ring, keys, &plan, &number, err)
                            : kk_kring_replace_slot(ring, keys, old, &plan, &number, err);
    kk_secret_clean(&passphrase);
    return code;
}

static kk_code edit_slot_add(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                             kk_error *err)
{
    (void)context;
    *changed = true;
    return edit_slot(ring, keys, "one", 0, err);
}

static kk_code edit_slot_passwd(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                                kk_error *err)
{
    (void)context;
    *changed = true;
    return edit_slot(ring, keys, "two", 2, err);
}

static kk_code edit_slot_rm(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                            kk_error *err)
{
    (void)context, (void)keys;
    *changed = true;
    return kk_kring_remove_slot(ring, 2, err);
}

// The context is the raw key, whose slot is the one that stays.
static kk_code edit_rekey(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    *changed = true;
    return kk_kring_rekey(ring, keys, 1, (kk_kring_key){KK_KRING_SLOT_RAW_KEY, context}, err);
}

static kk_code edit_two_slots(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                              kk_error *err)
{
    kk_code code = edit_old(context, ring, keys, changed, err);
    return code == KK_OK ? edit_slot_add(context, ring, keys, changed, err) : code;
}

typedef struct operation {
    const char *name;
    kk_keyring_edit_fn begin; // makes what it begins with; NULL = there is no keyring
    const char *before;
    const char *after;
    kk_keyring_edit_fn edit; // NULL = accept the copy of before
    int refused_min;         // how many of its calls can stop it
} operation;

#define ONE_SLOT "1:1 dev=old other=other dev=*"
#define TWO_SLOTS "1:1,2p dev=old other=other dev=*"

static const operation operations[] = {
    {"init", NULL, "", "1:1", fault_room_edit_nothing, 15},
    {"set", edit_old, ONE_SLOT, "1:1 dev=new other=other dev=*", edit_new, 20},
    {"rm", edit_old, ONE_SLOT, "1:1 other=other", edit_remove, 20},
    {"default", edit_old, ONE_SLOT, "1:1 dev=old other=other other=*", edit_point, 20},
    {"ack", edit_old, "rollback", ONE_SLOT, NULL, 8},
    {"slot add", edit_old, ONE_SLOT, TWO_SLOTS, edit_slot_add, 20},
    {"slot passwd", edit_two_slots, TWO_SLOTS, "1:1,3p dev=old other=other dev=*", edit_slot_passwd,
     20},
    {"slot rm", edit_two_slots, TWO_SLOTS, ONE_SLOT, edit_slot_rm, 20},
    {"rekey", edit_two_slots, TWO_SLOTS, "2:1 dev=old other=other dev=*", edit_rekey, 20},
};

static kk_code do_operation(const fault_room *self, const operation *what, kk_error *err)
{
    uint64_t seen;
    uint64_t accepted;
    return what->edit != NULL
               ? kk_keyring_file_commit(&self->store, &self->key, what->begin == NULL, what->edit,
                                        (void *)(uintptr_t)&self->key, err)
               : kk_keyring_file_accept(&self->store, &self->key, &seen, &accepted, err);
}

// Brings a room to where the operation begins.
static void prepare(const fault_room *self, const operation *what)
{
    static char copy[FAULT_FILE_MAX];
    char text[256];
    kk_error err = {0};
    fault_room_empty(self, true);
    if (what->begin != NULL) {
        assert_ok(kk_keyring_file_commit(&self->store, &self->key, true, what->begin, NULL, &err),
                  &err);
    }
    if (what->edit == NULL) {
        size_t len = fault_room_read(self, copy);
        assert_ok(fault_room_commit(self, "new", &err), &err);
        FILE *file = fopen(self->path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(copy, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
    }
    describe(self, text, sizeof text);
    assert_string_equal(text, what->before);
}

static kk_code code_of(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return KK_ERR_NO_SPACE;
    case EROFS:
        return KK_ERR_READ_ONLY;
    default:
        return KK_ERR_IO;
    }
}

// After a fault: the old state or the new one, as the code says, and nothing in the way.
static void check_after(const fault_room *self, const operation *what, kk_code code, int number)
{
    char text[256];
    bool made = code == KK_OK || code == KK_ERR_DURABILITY;
    if (!made) {
        assert_code(code, code_of(number));
    }
    describe(self, text, sizeof text);
    assert_string_equal(text, made ? what->after : what->before);
    assert_true(faults.kept || fault_room_empty(self, false) == 0);
    kk_error err = {0};
    if (!made) {
        assert_ok(do_operation(self, what, &err), &err);
        describe(self, text, sizeof text);
        assert_string_equal(text, what->after);
        assert_true(what->edit == NULL || fault_room_empty(self, false) == 0);
    }
}

// Fails every call of an operation in turn.
static void sweep_operation(fault_room *self, const operation *what, int number)
{
    int refused = 0;
    for (int nth = 1; nth < FAULT_CALLS_MAX; nth++) {
        kk_error err = {0};
        prepare(self, what);
        faults.countdown = nth;
        faults.number = number;
        faults.hit = false;
        faults.kept = false;
        kk_code code = do_operation(self, what, &err);
        faults.countdown = 0;
        if (!faults.hit) {
            assert_ok(code, &err);
            if (refused < what->refused_min && number != EINTR) {
                fail_msg("%s was refused %d times alone", what->name, refused);
            }
            return;
        }
        check_after(self, what, code, number);
        refused += code != KK_OK;
    }
    fail_msg("%s makes too many calls", what->name);
}

static void sweep_all(void **state, int number)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        sweep_operation(*state, &operations[i], number);
    }
}

#define FAULT_TEST(name, number)                                                                   \
    static void test_keyring_operations__##name##_leaves_old_or_new(void **state)                  \
    {                                                                                              \
        sweep_all(state, number);                                                                  \
    }

FAULT_TEST(a_failing_disk, EIO)
FAULT_TEST(a_full_disk, ENOSPC)
FAULT_TEST(a_full_quota, EDQUOT)
FAULT_TEST(a_read_only_disk, EROFS)
FAULT_TEST(a_signal, EINTR)
FAULT_TEST(a_full_table_of_files, EMFILE)
FAULT_TEST(a_lack_of_memory, ENOMEM)
FAULT_TEST(a_lack_of_rights, EACCES)

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, fault_room_set_up, fault_room_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_operations__a_failing_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_full_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_full_quota_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_read_only_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_signal_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_full_table_of_files_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_lack_of_memory_leaves_old_or_new),
        IN_ROOM(test_keyring_operations__a_lack_of_rights_leaves_old_or_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
