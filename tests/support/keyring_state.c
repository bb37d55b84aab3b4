// keyring_state HOME KEY_FILE: prints all that the keyring of HOME holds, slots and records, values
// too, one a line; or "error CODE" if it cannot be opened whole.  For tests that compare states;
// the values are the test's own.
#include <kk/keyring.h>
#include <stdio.h>
#include <string.h>

static kk_code print_value(void *context, const char *value, size_t len, kk_error *err)
{
    const kk_keyring_entry *entry = context;
    (void)err;
    printf("%s/%s/%s=%.*s\n", entry->plugin, entry->account, entry->field, (int)len, value);
    return KK_OK;
}

// A listing is borrowed until the next call, so that each record is found by its number again.
static kk_code print_record(kk_keyring *ring, size_t at, size_t *count, kk_error *err)
{
    char plugin[64];
    char account[64];
    char field[64];
    kk_keyring_listing listing;
    kk_code code = kk_keyring_list(ring, &listing, err);
    if (code != KK_OK) {
        return code;
    }
    *count = listing.count;
    if (at >= listing.count) {
        return KK_OK;
    }
    snprintf(plugin, sizeof plugin, "%s", listing.entries[at].plugin);
    snprintf(account, sizeof account, "%s", listing.entries[at].account);
    snprintf(field, sizeof field, "%s", listing.entries[at].field);
    if (field[0] == '\0') {
        printf("%s default %s\n", plugin, account);
        return KK_OK;
    }
    kk_keyring_entry entry = {.plugin = plugin, .account = account, .field = field};
    return kk_keyring_use(ring, plugin, account, field, print_value, &entry, err);
}

static kk_code print_slots(kk_keyring *ring, kk_error *err)
{
    const kk_keyring_slot *slots = NULL;
    size_t count = 0;
    kk_code code = kk_keyring_slots(ring, &slots, &count, err);
    for (size_t i = 0; code == KK_OK && i < count; i++) {
        printf("slot %u %s '%s'\n", (unsigned)slots[i].number,
               slots[i].is_passphrase ? "passphrase" : "key", slots[i].label);
    }
    return code;
}

static kk_code print_all(const kk_keyring_options *options, kk_error *err)
{
    kk_keyring *ring = NULL;
    size_t count = 1;
    kk_code code = kk_keyring_open(options, &ring, err);
    if (code == KK_OK) {
        code = kk_keyring_refresh(ring, err);
    }
    if (code == KK_OK) {
        code = print_slots(ring, err);
    }
    for (size_t i = 0; code == KK_OK && i < count; i++) {
        code = print_record(ring, i, &count, err);
    }
    kk_keyring_close(ring);
    return code;
}

int main(int argc, char **argv)
{
    kk_error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: keyring_state HOME KEY_FILE\n");
        return 2;
    }
    kk_keyring_options options = {.size = sizeof options,
                                  .flags = KK_KEYRING_IGNORE_ENVIRONMENT,
                                  .home = argv[1],
                                  .key_file = argv[2]};
    kk_code code = print_all(&options, &err);
    if (code != KK_OK) {
        printf("error %s\n", kk_code_name(code));
    } else {
        printf("end\n");
    }
    return 0;
}
