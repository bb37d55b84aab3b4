// Where accounts come from, for real: a home with a keyring, variables, a project file.
#include "account_fixture.h"
#include "tapes.h"
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static bool is_ours(const char *entry)
{
    static const char *const begins[] = {"KK_", "VAULT_", "PROBE_", "PLANETSCALE_"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        if (strncmp(entry, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void clear_environment(void)
{
    char **entry = environ;
    while (*entry != NULL) {
        char name[256];
        if (!is_ours(*entry)) {
            entry++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        assert_int_equal(unsetenv(name), 0);
        entry = environ;
    }
}

static void load_config(account_fixture *self)
{
    kk_config_free(self->config);
    self->config = NULL;
    assert_ok(kk_config_load(scratch_path(&self->dir, "home"), false, &self->config, &self->err),
              &self->err);
    self->sources.config = self->config;
}

int account_set_up(void **state)
{
    account_fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    clear_environment();
    scratch_init(&self->dir);
    const char *home = scratch_mkdir(&self->dir, "home");
    assert_int_equal(chdir(self->dir.dir), 0);
    load_config(self);
    kk_keyring_options options = {
        .size = sizeof options, .flags = KK_KEYRING_IGNORE_ENVIRONMENT, .home = home};
    assert_ok(kk_keyring_open(&options, &self->keyring, &self->err), &self->err);
    assert_ok(kk_plugin_load(KK_TEST_PLUGINS "/vault.so", NULL, &self->plugin, &self->err),
              &self->err);
    self->sources.keyring = self->keyring;
    self->sources.use_environment = true;
    *state = self;
    return 0;
}

int account_tear_down(void **state)
{
    account_fixture *self = *state;
    clear_environment();
    kk_account_free(self->account);
    kk_plugin_free(self->plugin);
    kk_keyring_close(self->keyring);
    kk_tape_free(self->tape);
    kk_config_free(self->config);
    assert_int_equal(chdir("/"), 0);
    scratch_clean(&self->dir);
    free(self);
    return 0;
}

void account_make_keyring(account_fixture *self)
{
    char text[KK_KEY_TEXT_SIZE];
    assert_ok(
        kk_keyring_init(self->keyring, scratch_path(&self->dir, "home/key"), text, &self->err),
        &self->err);
}

void account_store(account_fixture *self, const char *account, const char *field, const char *value)
{
    kk_keyring_value stored = {field, value, strlen(value)};
    assert_ok(kk_keyring_set(self->keyring, "vault", account, &stored, 1, &self->err), &self->err);
}

void account_choose_in_project(account_fixture *self, const char *account)
{
    char text[128];
    snprintf(text, sizeof text, "{\"accounts\":{\"vault\":\"%s\"}}", account);
    scratch_write(&self->dir, ".kk.json", text, strlen(text));
    load_config(self);
}

void account_use_tape(account_fixture *self, const char *accounts, const char *authorization)
{
    char head[512] = "";
    char entry[512];
    if (accounts != NULL) {
        snprintf(head, sizeof head, "\"accounts\":%s", accounts);
    }
    snprintf(entry, sizeof entry,
             "{\"request\":{\"method\":\"GET\",\"url\":\"https://vault.example/v1\",\"headers\":["
             "{\"name\":\"%s\",\"value\":\"%s\"}]},\"response\":{\"status\":200,\"content\":{"
             "\"mimeType\":\"application/json\",\"_json\":{}}}}",
             authorization != NULL ? "X-Vault" : "Accept",
             authorization != NULL ? authorization : "*/*");
    kk_tape_free(self->tape);
    self->tape = tape_of(head, entry);
    self->sources.tape = self->tape;
    self->sources.keyring = NULL;
}

kk_code account_resolve(account_fixture *self, const char *name)
{
    kk_account_free(self->account);
    self->account = NULL;
    self->err = (kk_error){0};
    return kk_account_resolve(&self->sources, self->plugin, name, &self->account, &self->err);
}

const char *account_source(account_fixture *self, const char *key)
{
    static char source[256];
    kk_account_info *info = NULL;
    assert_ok(kk_account_describe(self->account, &info, &self->err), &self->err);
    size_t i = 0;
    while (i < info->field_count && strcmp(info->fields[i].key, key) != 0) {
        i++;
    }
    assert_true(i < info->field_count);
    snprintf(source, sizeof source, "%s", info->fields[i].source);
    kk_account_info_free(info);
    return source;
}

const char *account_header(account_fixture *self)
{
    static char header[512];
    kk_secret value = {0};
    assert_ok(kk_account_render(self->account, &value, &self->err), &self->err);
    snprintf(header, sizeof header, "%.*s", KK_STR_ARG(kk_secret_view(&value)));
    kk_secret_clean(&value);
    return header;
}
