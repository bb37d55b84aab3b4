// The bytes of a keyring, KRING version 1: parsing and writing.
#include "keyring_format.h"
#include "fail.h"
#include "keyring_layout.h"
#include <stdlib.h>

// Where things are in the head.
enum {
    AT_MAJOR = 8,
    AT_MINOR = 10,
    AT_TOTAL = 12,
    AT_SLOTS_LEN = 16,
    AT_RECORDS_LEN = 20,
    AT_SLOT_COUNT = 24,
    AT_RECORD_COUNT = 26,
    AT_FLAGS = 28,
    AT_ID = 32,
    AT_EPOCH = 48,
    AT_GENERATION = 56,
    AT_CREATED = 64,
    AT_MODIFIED = 72,
    AT_ZERO = 80
};

enum {
    MAJOR = 1,
    FLAG_PADDED = 1,
    BODY_MIN = PAD + TAG_SIZE,
    BODY_MAX = (KK_KRING_VALUE_MAX / PAD + 1) * PAD + TAG_SIZE
};

static const unsigned char magic[8] = {0x89, 'K', 'R', 'I', 'N', 'G', '\r', '\n'};

uint64_t kk_kring_read_le(const char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    }
    return value;
}

void kk_kring_write_le(char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (char)(value >> (8 * i));
    }
}

static bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

// ---- Names

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool kk_kring_name_is_valid(kk_str name, bool dash)
{
    if (name.len == 0 || name.len > KK_KRING_NAME_MAX || !is_lower(name.ptr[0])) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        if (is_lower(c) || is_digit(c)) {
            continue;
        }
        bool joins = c == '_' || (dash && c == '-');
        char next = i + 1 < name.len ? name.ptr[i + 1] : '\0';
        if (!joins || (!is_lower(next) && !is_digit(next))) {
            return false;
        }
    }
    return true;
}

static int compare_text(kk_str a, kk_str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

int kk_kring_name_compare(const kk_kring_name *a, const kk_kring_name *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    int order = compare_text(a->plugin, b->plugin);
    if (order == 0) {
        order = compare_text(a->account, b->account);
    }
    return order != 0 ? order : compare_text(a->field, b->field);
}

// ---- Parsing

kk_code kk_kring_fail_format(const kk_kring *self, const char *why, kk_error *err)
{
    return kk_fail(err, KK_ERR_FORMAT, "'%s' is not a keyring: %s", self->path, why);
}

static kk_code check_version(const kk_kring *self, kk_str file, kk_error *err)
{
    if (file.len < HEAD_SIZE + TRAILER_SIZE) {
        return kk_kring_fail_format(self, "it is too short", err);
    }
    if (memcmp(file.ptr, magic, sizeof magic) != 0) {
        return kk_kring_fail_format(self, "it does not begin like one", err);
    }
    unsigned major = (unsigned)kk_kring_read_le(file.ptr + AT_MAJOR, 2);
    unsigned minor = (unsigned)kk_kring_read_le(file.ptr + AT_MINOR, 2);
    uint64_t flags = kk_kring_read_le(file.ptr + AT_FLAGS, 4);
    if (major != MAJOR || (minor > 0 && flags != FLAG_PADDED)) {
        kk_code code = kk_fail(err, KK_ERR_VERSION,
                               "'%s' has the format version %u.%u, and this kk reads version %d",
                               self->path, major, minor, MAJOR);
        kk_fail_hint(err, "use the version of kk that wrote it");
        return code;
    }
    return flags == FLAG_PADDED ? KK_OK : kk_kring_fail_format(self, "it has unknown flags", err);
}

static kk_code check_lengths(const kk_kring *self, kk_str file, kk_error *err)
{
    uint64_t slots_len = kk_kring_read_le(file.ptr + AT_SLOTS_LEN, 4);
    uint64_t records_len = kk_kring_read_le(file.ptr + AT_RECORDS_LEN, 4);
    if (kk_kring_read_le(file.ptr + AT_TOTAL, 4) != file.len || file.len > KK_KRING_MAX ||
        HEAD_SIZE + slots_len + records_len + TRAILER_SIZE != file.len) {
        return kk_kring_fail_format(self, "its length is not the one that it states", err);
    }
    if (self->slot_count < 1 || self->slot_count > KK_KRING_SLOTS_MAX) {
        return kk_kring_fail_format(self, "it does not have one to eight slots", err);
    }
    if (self->record_count > KK_KRING_RECORDS_MAX) {
        return kk_kring_fail_format(self, "it has too many records", err);
    }
    if (!is_zero(file.ptr + AT_ZERO, HEAD_SIZE - AT_ZERO)) {
        return kk_kring_fail_format(self, "reserved bytes are in use", err);
    }
    return KK_OK;
}

static kk_code check_sum(const kk_kring *self, kk_str file, kk_error *err)
{
    unsigned char sum[KK_KRING_MAC_SIZE];
    kk_kring_sum(file, sum);
    if (memcmp(sum, file.ptr + file.len - sizeof sum, sizeof sum) == 0) {
        return KK_OK;
    }
    kk_code code =
        kk_fail(err, KK_ERR_CORRUPT, "'%s' is damaged: its checksum is wrong", self->path);
    kk_fail_hint(err, "the state before the last change is in '%s.bak'", self->path);
    return code;
}

static void parse_head(kk_kring *self, kk_str file)
{
    self->minor = (uint16_t)kk_kring_read_le(file.ptr + AT_MINOR, 2);
    self->slot_count = (size_t)kk_kring_read_le(file.ptr + AT_SLOT_COUNT, 2);
    self->record_count = (size_t)kk_kring_read_le(file.ptr + AT_RECORD_COUNT, 2);
    memcpy(self->id, file.ptr + AT_ID, sizeof self->id);
    self->epoch = kk_kring_read_le(file.ptr + AT_EPOCH, 8);
    self->generation = kk_kring_read_le(file.ptr + AT_GENERATION, 8);
    self->created = kk_kring_read_le(file.ptr + AT_CREATED, 8);
    self->modified = kk_kring_read_le(file.ptr + AT_MODIFIED, 8);
}

static bool is_printable(kk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static kk_code check_work(const kk_kring *self, kk_str slot, kk_error *err)
{
    uint64_t ops = kk_kring_read_le(slot.ptr + SLOT_AT_OPS, 8);
    uint64_t mem = kk_kring_read_le(slot.ptr + SLOT_AT_MEM, 8);
    if (ops >= 1 && ops <= KK_KRING_PASSES_MAX && mem >= KK_KRING_MEMORY_MIN &&
        mem <= KK_KRING_MEMORY_MAX) {
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_KDF_LIMIT,
                   "a passphrase slot of '%s' asks for %llu passes over %llu bytes, and at most %d "
                   "passes over 1 GiB are allowed",
                   self->path, (unsigned long long)ops, (unsigned long long)mem,
                   KK_KRING_PASSES_MAX);
}

static kk_code check_slot(const kk_kring *self, const kk_kring_slot *slot, kk_error *err)
{
    unsigned algorithm = (unsigned char)slot->bytes.ptr[SLOT_AT_ALGORITHM];
    if (slot->label.len > LABEL_MAX || !is_printable(slot->label)) {
        return kk_kring_fail_format(self, "a slot's label is not printable", err);
    }
    switch (slot->kind) {
    case KK_KRING_SLOT_PASSPHRASE:
        if (algorithm != KDF_ARGON2ID) {
            return kk_kring_fail_format(self, "a slot's algorithm is unknown", err);
        }
        return check_work(self, slot->bytes, err);
    case KK_KRING_SLOT_RAW_KEY:
        if (algorithm != KDF_RAW_KEY || !is_zero(slot->bytes.ptr + SLOT_AT_OPS, 16)) {
            return kk_kring_fail_format(self, "a slot of a raw key has settings of a passphrase",
                                        err);
        }
        return KK_OK;
    default:
        return kk_kring_fail_format(self, "a slot's kind is unknown", err);
    }
}

// Takes one slot off the front of [rest].
static kk_code parse_slot(const kk_kring *self, kk_str *rest, kk_kring_slot *out, kk_error *err)
{
    if (rest->len < SLOT_SIZE) {
        return kk_kring_fail_format(self, "a slot is cut", err);
    }
    size_t label_len = (unsigned char)rest->ptr[SLOT_AT_LABEL_LEN];
    size_t len = (size_t)kk_kring_read_le(rest->ptr, 2);
    if (len != SLOT_SIZE + label_len || len > rest->len) {
        return kk_kring_fail_format(self, "a slot's length is wrong", err);
    }
    *out = (kk_kring_slot){
        .kind = (kk_kring_slot_kind)(unsigned char)rest->ptr[SLOT_AT_KIND],
        .number = (uint32_t)kk_kring_read_le(rest->ptr + SLOT_AT_NUMBER, 4),
        .label = {rest->ptr + SLOT_SIZE, label_len},
        .bytes = {rest->ptr, len},
    };
    rest->ptr += len;
    rest->len -= len;
    return check_slot(self, out, err);
}

static kk_code parse_slots(kk_kring *self, kk_str rest, kk_error *err)
{
    size_t passphrases = 0;
    for (size_t i = 0; i < self->slot_count; i++) {
        kk_code code = parse_slot(self, &rest, &self->slots[i], err);
        if (code != KK_OK) {
            return code;
        }
        passphrases += self->slots[i].kind == KK_KRING_SLOT_PASSPHRASE;
        for (size_t j = 0; j < i; j++) {
            if (self->slots[j].number == self->slots[i].number) {
                return kk_kring_fail_format(self, "two slots have one number", err);
            }
        }
    }
    if (passphrases > PASSPHRASE_SLOTS_MAX) {
        return kk_kring_fail_format(self, "it has more than two passphrase slots", err);
    }
    return rest.len == 0 ? KK_OK
                         : kk_kring_fail_format(self, "there are bytes after the slots", err);
}

static bool body_is_valid(const kk_kring_record *record, size_t body_len)
{
    if (record->name.kind == KK_KRING_DEFAULT) {
        return body_len == 0 && record->name.field.len == 0 &&
               is_zero(record->bytes.ptr + RECORD_AT_NONCE, NONCE_SIZE);
    }
    return kk_kring_name_is_valid(record->name.field, false) && body_len >= BODY_MIN &&
           body_len <= BODY_MAX && (body_len - TAG_SIZE) % PAD == 0;
}

void kk_kring_name_record(kk_kring_record *self)
{
    const char *bytes = self->bytes.ptr;
    size_t plugin_len = (unsigned char)bytes[RECORD_AT_PLUGIN_LEN];
    size_t account_len = (unsigned char)bytes[RECORD_AT_ACCOUNT_LEN];
    size_t field_len = (unsigned char)bytes[RECORD_AT_FIELD_LEN];
    const char *names = bytes + RECORD_SIZE;
    self->name = (kk_kring_name){
        .kind = (kk_kring_record_kind)(unsigned char)bytes[RECORD_AT_KIND],
        .plugin = {names, plugin_len},
        .account = {names + plugin_len, account_len},
        .field = {names + plugin_len + account_len, field_len},
    };
    self->updated = kk_kring_read_le(bytes + RECORD_AT_UPDATED, 8);
}

size_t kk_kring_names_len(kk_str record)
{
    return (size_t)(unsigned char)record.ptr[RECORD_AT_PLUGIN_LEN] +
           (unsigned char)record.ptr[RECORD_AT_ACCOUNT_LEN] +
           (unsigned char)record.ptr[RECORD_AT_FIELD_LEN];
}

static kk_code parse_record(const kk_kring *self, kk_str *rest, kk_kring_record *out, kk_error *err)
{
    if (rest->len < RECORD_SIZE) {
        return kk_kring_fail_format(self, "a record is cut", err);
    }
    uint64_t len = kk_kring_read_le(rest->ptr, 4);
    uint64_t body_len = kk_kring_read_le(rest->ptr + RECORD_AT_BODY_LEN, 4);
    if (len != RECORD_SIZE + kk_kring_names_len(*rest) + body_len || len > rest->len) {
        return kk_kring_fail_format(self, "a record's length is wrong", err);
    }
    *out = (kk_kring_record){.bytes = {rest->ptr, (size_t)len}};
    kk_kring_name_record(out);
    rest->ptr += len;
    rest->len -= (size_t)len;
    if (out->name.kind != KK_KRING_VALUE && out->name.kind != KK_KRING_DEFAULT) {
        return kk_kring_fail_format(self, "a record's kind is unknown", err);
    }
    if (!kk_kring_name_is_valid(out->name.plugin, false) ||
        !kk_kring_name_is_valid(out->name.account, true) || !body_is_valid(out, (size_t)body_len)) {
        return kk_kring_fail_format(self, "a record's name or body is not valid", err);
    }
    return KK_OK;
}

// Records must grow strictly, and a plugin has one default: every content has one encoding.
static kk_code check_order(const kk_kring *self, size_t i, kk_error *err)
{
    if (i == 0) {
        return KK_OK;
    }
    const kk_kring_name *before = &self->records[i - 1].name;
    const kk_kring_name *name = &self->records[i].name;
    if (kk_kring_name_compare(before, name) >= 0) {
        return kk_kring_fail_format(self, "its records are not in order", err);
    }
    if (name->kind == KK_KRING_DEFAULT && before->kind == KK_KRING_DEFAULT &&
        kk_str_equals(name->plugin, before->plugin)) {
        return kk_kring_fail_format(self, "a plugin has two defaults", err);
    }
    return KK_OK;
}

static kk_code parse_records(kk_kring *self, kk_str rest, kk_error *err)
{
    for (size_t i = 0; i < self->record_count; i++) {
        kk_code code = parse_record(self, &rest, &self->records[i], err);
        if (code == KK_OK) {
            code = check_order(self, i, err);
        }
        if (code != KK_OK) {
            return code;
        }
    }
    return rest.len == 0 ? KK_OK
                         : kk_kring_fail_format(self, "there are bytes after the records", err);
}

static kk_code parse_body(kk_kring *self, kk_str file, kk_error *err)
{
    // The head said what check_lengths() accepted: both parts lie within the file.
    size_t slots_len = (size_t)kk_kring_read_le(file.ptr + AT_SLOTS_LEN, 4);
    size_t records_len = (size_t)kk_kring_read_le(file.ptr + AT_RECORDS_LEN, 4);
    self->records = calloc(self->record_count + 1, sizeof *self->records);
    if (self->records == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    self->record_capacity = self->record_count + 1;
    kk_code code = parse_slots(self, (kk_str){file.ptr + HEAD_SIZE, slots_len}, err);
    if (code != KK_OK) {
        return code;
    }
    kk_str records = {file.ptr + HEAD_SIZE + slots_len, records_len};
    return parse_records(self, records, err);
}

static kk_code check_whole(kk_kring *self, kk_str bytes, kk_error *err)
{
    kk_code code = check_version(self, bytes, err);
    if (code != KK_OK) {
        return code;
    }
    parse_head(self, bytes);
    code = check_lengths(self, bytes, err);
    return code == KK_OK ? check_sum(self, bytes, err) : code;
}

kk_code kk_kring_parse_take(kk_buf *file, const char *path, kk_kring *out, kk_error *err)
{
    kk_kring made = {.path = path};
    kk_code code = check_whole(&made, kk_buf_view(file), err);
    if (code != KK_OK) {
        return code;
    }
    made.file = *file;
    *file = (kk_buf){.limit = file->limit};
    code = parse_body(&made, kk_buf_view(&made.file), err);
    if (code != KK_OK) {
        kk_kring_clean(&made);
        return code;
    }
    kk_kring_clean(out);
    *out = made;
    return KK_OK;
}

kk_code kk_kring_parse(kk_str bytes, const char *path, kk_kring *out, kk_error *err)
{
    kk_kring unread = {.path = path};
    kk_buf copy = {.limit = bytes.len};
    // Before anything is copied: what is not a keyring may be long.
    kk_code code = check_version(&unread, bytes, err);
    if (code == KK_OK) {
        kk_buf_append_str(&copy, bytes);
        code = kk_buf_check(&copy, "the keyring", err);
    }
    if (code == KK_OK) {
        code = kk_kring_parse_take(&copy, path, out, err);
    }
    kk_buf_clean(&copy);
    return code;
}

void kk_kring_clean(kk_kring *self)
{
    for (size_t i = 0; i < KK_KRING_SLOTS_MAX; i++) {
        free(self->slots[i].owned);
    }
    for (size_t i = 0; self->records != NULL && i < self->record_count; i++) {
        free(self->records[i].owned);
    }
    free(self->records);
    kk_buf_clean(&self->file);
    *self = (kk_kring){0};
}

bool kk_kring_is_same_commit(kk_str a, kk_str b)
{
    if (a.len != b.len || a.len < HEAD_SIZE + TRAILER_SIZE) {
        return false;
    }
    return memcmp(a.ptr + AT_GENERATION, b.ptr + AT_GENERATION, 8) == 0 &&
           memcmp(a.ptr + a.len - TRAILER_SIZE, b.ptr + b.len - TRAILER_SIZE, TRAILER_SIZE) == 0;
}

// ---- Writing

static void write_head(const kk_kring *self, size_t slots_len, size_t records_len, char *out)
{
    memset(out, 0, HEAD_SIZE);
    memcpy(out, magic, sizeof magic);
    kk_kring_write_le(out + AT_MAJOR, MAJOR, 2);
    kk_kring_write_le(out + AT_MINOR, self->minor, 2);
    kk_kring_write_le(out + AT_TOTAL, HEAD_SIZE + slots_len + records_len + TRAILER_SIZE, 4);
    kk_kring_write_le(out + AT_SLOTS_LEN, slots_len, 4);
    kk_kring_write_le(out + AT_RECORDS_LEN, records_len, 4);
    kk_kring_write_le(out + AT_SLOT_COUNT, self->slot_count, 2);
    kk_kring_write_le(out + AT_RECORD_COUNT, self->record_count, 2);
    kk_kring_write_le(out + AT_FLAGS, FLAG_PADDED, 4);
    memcpy(out + AT_ID, self->id, sizeof self->id);
    kk_kring_write_le(out + AT_EPOCH, self->epoch, 8);
    kk_kring_write_le(out + AT_GENERATION, self->generation, 8);
    kk_kring_write_le(out + AT_CREATED, self->created, 8);
    kk_kring_write_le(out + AT_MODIFIED, self->modified, 8);
}

static void write_trailer(const kk_kring_keys *keys, char *file, size_t len)
{
    kk_str view = {file, len};
    kk_kring_mac(keys, view, (unsigned char *)file + len - TRAILER_SIZE);
    kk_kring_sum(view, (unsigned char *)file + len - KK_KRING_MAC_SIZE);
}

kk_code kk_kring_write(const kk_kring *self, const kk_secret *keys, kk_buf *out, kk_error *err)
{
    size_t slots_len = 0;
    size_t records_len = 0;
    for (size_t i = 0; i < self->slot_count; i++) {
        slots_len += self->slots[i].bytes.len;
    }
    for (size_t i = 0; i < self->record_count; i++) {
        records_len += self->records[i].bytes.len;
    }
    size_t len = HEAD_SIZE + slots_len + records_len + TRAILER_SIZE;
    if (len > KK_KRING_MAX || self->record_count > KK_KRING_RECORDS_MAX) {
        return kk_fail(err, KK_ERR_TOO_LARGE,
                       "the keyring is full: it holds at most %d records and %d bytes",
                       KK_KRING_RECORDS_MAX, KK_KRING_MAX);
    }
    char *file = kk_buf_reserve(out, len);
    if (file == NULL) {
        return kk_buf_check(out, "the keyring", err);
    }
    write_head(self, slots_len, records_len, file);
    char *at = file + HEAD_SIZE;
    for (size_t i = 0; i < self->slot_count; i++) {
        memcpy(at, self->slots[i].bytes.ptr, self->slots[i].bytes.len);
        at += self->slots[i].bytes.len;
    }
    for (size_t i = 0; i < self->record_count; i++) {
        memcpy(at, self->records[i].bytes.ptr, self->records[i].bytes.len);
        at += self->records[i].bytes.len;
    }
    write_trailer((const kk_kring_keys *)keys->ptr, file, len);
    kk_buf_grow(out, len);
    return KK_OK;
}
