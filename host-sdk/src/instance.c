// One plugin for one account.
#include "fail.h"
#include "host_private.h"
#include <stdlib.h>
#include <string.h>

static void free_instance(kk_bound_instance *self)
{
    if (self->opened && self->code->close != NULL) {
        self->code->close(self->self);
    }
    kk_turn_clean(&self->turn);
    pthread_mutex_destroy(&self->open_lock);
    free(self->account);
    free(self->config);
    free(self);
}

static kk_bound_instance *make_instance(kk_host *host, const kk_plugin *plugin, const char *account,
                                        const char *config)
{
    kk_bound_instance *self = calloc(1, sizeof *self);
    if (self == NULL || kk_turn_init(&self->turn, NULL) != KK_OK) {
        free(self);
        return NULL;
    }
    self->host = host;
    self->plugin = plugin;
    self->account = strdup(account);
    self->config = strdup(config);
    pthread_mutex_init(&self->open_lock, NULL);
    kk_service_fill(self);
    if (self->account == NULL || self->config == NULL) {
        free_instance(self);
        return NULL;
    }
    return self;
}

// Takes idle instances of the account out of the list that were made for another configuration.
// Called with the lock; what it returns is closed without it, because a plugin's close() may take
// its time.
static kk_bound_instance *take_stale(kk_host *host, const kk_plugin *plugin, const char *account,
                                     const char *config)
{
    kk_bound_instance *stale = NULL;
    kk_bound_instance **link = &host->instances;
    while (*link != NULL) {
        kk_bound_instance *self = *link;
        bool is_stale = self->plugin == plugin && self->users == 0 && !atomic_load(&self->wedged) &&
                        strcmp(self->account, account) == 0 && strcmp(self->config, config) != 0;
        if (!is_stale) {
            link = &self->next;
            continue;
        }
        *link = self->next;
        self->next = stale;
        stale = self;
    }
    return stale;
}

static void free_list(kk_bound_instance *list)
{
    while (list != NULL) {
        kk_bound_instance *next = list->next;
        free_instance(list);
        list = next;
    }
}

static kk_bound_instance *find_or_make(kk_host *host, const kk_plugin *plugin, const char *account,
                                       const char *config)
{
    kk_bound_instance *self = host->instances;
    while (self != NULL && (self->plugin != plugin || strcmp(self->config, config) != 0)) {
        self = self->next;
    }
    if (self == NULL) {
        self = make_instance(host, plugin, account, config);
        if (self == NULL) {
            return NULL;
        }
        self->next = host->instances;
        host->instances = self;
    }
    self->users++;
    return self;
}

kk_code kk_instance_acquire(kk_host *host, const kk_plugin *plugin, const kk_account *account,
                            kk_bound_instance **out, kk_error *err)
{
    kk_buf config = {.limit = KK_TEXT_MAX};
    kk_account_write_config(account, &config);
    kk_code code = kk_buf_check(&config, "the plugin's configuration", err);
    if (code != KK_OK) {
        goto done;
    }
    const char *name = kk_account_name(account);
    pthread_mutex_lock(&host->instance_lock);
    kk_bound_instance *stale = take_stale(host, plugin, name, kk_buf_text(&config));
    kk_bound_instance *self = find_or_make(host, plugin, name, kk_buf_text(&config));
    pthread_mutex_unlock(&host->instance_lock);
    free_list(stale);
    if (self == NULL) {
        code = kk_fail(err, KK_ERR_INTERNAL, "out of memory for an instance");
        goto done;
    }
    if (atomic_load(&self->wedged)) {
        kk_instance_release(self);
        code = kk_fail(err, KK_ERR_TIMEOUT, "an earlier call of '%s' for account '%s' never ended",
                       kk_plugin_manifest(plugin)->id, name);
        kk_fail_hint(err, "restart the program that embeds the host");
        goto done;
    }
    *out = self;

done:
    kk_buf_clean(&config);
    return code;
}

void kk_instance_release(kk_bound_instance *self)
{
    if (self != NULL) {
        pthread_mutex_lock(&self->host->instance_lock);
        self->users--;
        pthread_mutex_unlock(&self->host->instance_lock);
    }
}

static kk_code run_open(kk_bound_instance *self, kk_error *err)
{
    kk_code code = kk_plugin_bind(self->plugin, &self->code, err);
    if (code != KK_OK || self->code->open == NULL) {
        return code;
    }
    kk_instance *instance = NULL;
    kk_status status = self->code->open(&self->api, self->config, strlen(self->config), &instance);
    if (status != KK_E_OK) {
        return kk_fail(err, KK_ERR_INTERNAL, "plugin '%s' did not open for account '%s': status %d",
                       kk_plugin_manifest(self->plugin)->id, self->account, (int)status);
    }
    self->self = instance;
    return KK_OK;
}

kk_code kk_instance_open(kk_bound_instance *self, kk_error *err)
{
    pthread_mutex_lock(&self->open_lock);
    kk_code code = self->opened ? KK_OK : run_open(self, err);
    self->opened = code == KK_OK;
    pthread_mutex_unlock(&self->open_lock);
    return code;
}

kk_turn *kk_instance_turn(kk_bound_instance *self)
{
    switch (kk_plugin_manifest(self->plugin)->concurrency) {
    case KK_PARALLEL:
        return NULL;
    case KK_SERIAL_INSTANCE:
        return &self->turn;
    default:
        break;
    }
    const kk_registry *registry = self->host->registry;
    size_t index = 0;
    while (kk_registry_plugin_at(registry, index) != self->plugin) {
        index++;
    }
    return &self->host->plugin_turns[index];
}

void kk_instances_close(kk_host *host)
{
    free_list(host->instances);
    host->instances = NULL;
}
