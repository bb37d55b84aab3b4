// A host: opening, closing, and the questions that embedders ask.
#include "args.h"
#include "fail.h"
#include "field_check.h"
#include "host_private.h"
#include "keyring_handle.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *kk_version(void)
{
    return KK_VERSION;
}

void kk_host_log(const kk_host *self, int level, const char *format, ...)
{
    if (self->log == NULL || level > self->log_level) {
        return;
    }
    char formatted[2048], text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(formatted, sizeof formatted, format, args);
    va_end(args);
    kk_text_set(text, sizeof text, formatted);
    self->log(self->log_context, level, text);
}

// ---- The transport

static void live_log(void *context, int level, const char *text)
{
    kk_host_log(context, level, "%s", text);
}

static uint64_t live_mono_ms(void)
{
    return kk_time_mono_ms(kk_time_real());
}

static void fill_live_host(kk_host *self)
{
    self->live_host = (kk_live_host){
        .size = sizeof self->live_host,
        .user_agent = "kk/" KK_VERSION,
        .ca_file = kk_config_ca_file(self->config),
        .proxy = kk_config_proxy(self->config),
        .log = live_log,
        .log_context = self,
        .fail = kk_fail,
        .fail_hint = kk_fail_hint,
        .mono_ms = live_mono_ms,
        .cancel_watch_add = kk_cancel_watch_add,
        .cancel_watch_remove = kk_cancel_watch_remove,
    };
}

// Needed wherever there is a service to be spared.
static kk_code make_retry(kk_host *self, kk_error *err)
{
    uint64_t seed = 0;
    kk_code code = kk_secret_start(err);
    if (code != KK_OK || self->retry != NULL) {
        return code;
    }
    kk_random(&seed, sizeof seed);
    self->retry = kk_retry_new(seed);
    return self->retry != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
}

static kk_code open_live(kk_host *self, kk_error *err)
{
    kk_code code = self->live != NULL ? self->live(&self->live_host, &self->transport, err)
                                      : kk_live_module_open(&self->live_host, self->http_only,
                                                            &self->transport, err);
    code = code == KK_OK ? kk_host_wrap_recording(self, err) : code;
    return code == KK_OK ? make_retry(self, err) : code;
}

kk_code kk_host_transport(kk_host *self, kk_transport **out, kk_error *err)
{
    pthread_mutex_lock(&self->transport_lock);
    kk_code code = self->transport != NULL ? KK_OK : open_live(self, err);
    if (code == KK_OK) {
        *out = self->transport;
    }
    pthread_mutex_unlock(&self->transport_lock);
    return code;
}

// Opens the live transport before it is needed.  Its error is not lost: a transport that did not
// open is opened again by whoever needs it.
static void prepare_live(kk_host *self)
{
    kk_transport *transport = NULL;
    kk_error later = {0};
    (void)!kk_host_transport(self, &transport, &later);
}

const kk_tape *kk_host_tape(const kk_host *host)
{
    return host->tape;
}

const char *kk_host_transport_name(const kk_host *self)
{
    if (self->tape != NULL) {
        return "replay";
    }
    return self->writer != NULL ? "record" : "live";
}

// ---- Accounts

// A keyring that another process has written since is read again.
static void refresh_keyring(kk_host *self)
{
    struct stat now = {0};
    if (stat(kk_keyring_path(self->keyring), &now) != 0) {
        now = (struct stat){0};
    }
    bool same = now.st_ino == self->keyring_inode &&
                now.st_mtim.tv_sec == self->keyring_mtime.tv_sec &&
                now.st_mtim.tv_nsec == self->keyring_mtime.tv_nsec;
    if (!same) {
        kk_keyring_forget(self->keyring);
        self->keyring_inode = now.st_ino;
        self->keyring_mtime = now.st_mtim;
    }
}

static kk_account_sources sources_of(const kk_host *self)
{
    return (kk_account_sources){
        .config = self->config,
        .keyring = self->keyring,
        .tape = self->tape,
        .preferred = self->preferred_account,
        .use_environment = self->use_environment,
    };
}

// What looks at the accounts does so alone, and at the keyring as it is now.
static void lock_keyring(kk_host *self)
{
    pthread_mutex_lock(&self->keyring_lock);
    if (self->keyring != NULL) {
        refresh_keyring(self);
    }
}

kk_code kk_host_resolve(kk_host *self, const kk_plugin *plugin, const char *name, bool optional,
                        kk_account **out, kk_error *err)
{
    kk_account_sources sources = sources_of(self);
    sources.optional = optional;
    lock_keyring(self);
    kk_code code = kk_account_resolve(&sources, plugin, name, out, err);
    pthread_mutex_unlock(&self->keyring_lock);
    return code;
}

kk_code kk_host_list_accounts(kk_host *self, const kk_plugin *plugin, kk_account_names *out,
                              kk_error *err)
{
    kk_account_sources sources = sources_of(self);
    lock_keyring(self);
    kk_code code = kk_account_list(&sources, plugin, out, err);
    pthread_mutex_unlock(&self->keyring_lock);
    return code;
}

kk_code kk_host_which(kk_host *host, const char *plugin, const char *account, kk_account_info **out,
                      kk_error *err)
{
    const kk_plugin *found = NULL;
    kk_account *resolved = NULL;
    kk_code code = kk_registry_find_plugin(host->registry, plugin, &found, err);
    if (code == KK_OK) {
        code = kk_host_resolve(host, found, account, false, &resolved, err);
    }
    if (code == KK_OK) {
        code = kk_account_describe(resolved, out, err);
    }
    kk_account_free(resolved);
    return code;
}

kk_code kk_host_check_field(const kk_host *host, const char *plugin, const char *key,
                            const char *value, size_t value_len, kk_error *err)
{
    const kk_plugin *found = NULL;
    kk_code code = kk_registry_find_plugin(host->registry, plugin, &found, err);
    return code == KK_OK ? kk_field_check(found, key, (kk_str){value, value_len}, err) : code;
}

kk_code kk_host_check_account_name(const kk_host *host, const char *plugin, const char *account,
                                   kk_error *err)
{
    const kk_plugin *found = NULL;
    kk_code code = kk_registry_find_plugin(host->registry, plugin, &found, err);
    return code == KK_OK ? kk_account_name_check(found, account, err) : code;
}

// ---- What there is

size_t kk_host_plugin_count(const kk_host *host)
{
    return kk_registry_plugin_count(host->registry);
}

const kk_plugin_info *kk_host_plugin_at(const kk_host *host, size_t index)
{
    return kk_registry_plugin_info(host->registry, index);
}

size_t kk_host_tool_count(const kk_host *host)
{
    return kk_registry_count(host->registry);
}

const kk_tool_info *kk_host_tool_at(const kk_host *host, size_t index)
{
    return &kk_registry_at(host->registry, index)->info;
}

size_t kk_host_refusal_count(const kk_host *host)
{
    return kk_registry_refusal_count(host->registry);
}

const kk_refusal_info *kk_host_refusal_at(const kk_host *host, size_t index)
{
    return kk_registry_refusal_at(host->registry, index);
}

kk_code kk_host_find_tool(const kk_host *host, const char *function, const kk_tool_info **out,
                          kk_error *err)
{
    const kk_entry *entry = NULL;
    kk_code code = kk_registry_find(host->registry, function, &entry, err);
    if (code == KK_OK) {
        *out = &entry->info;
    }
    return code;
}

kk_code kk_host_read_args(const kk_host *host, const char *function, const char *json,
                          const char *const *words, size_t word_count, char **args, kk_error *err)
{
    const kk_entry *entry = NULL;
    kk_code code = kk_registry_find(host->registry, function, &entry, err);
    return code == KK_OK ? kk_args_read(entry, json, words, word_count, args, err) : code;
}

// ---- Opening and closing

const char *kk_host_environment(const kk_host *self, const char *name)
{
    return self->use_environment ? secure_getenv(name) : NULL;
}

static kk_code open_tape(kk_host *self, const char *file, kk_error *err)
{
    kk_code code = kk_tape_load(file, &self->tape, err);
    if (code != KK_OK) {
        return code;
    }
    self->time = kk_time_virtual(kk_tape_recorded_ms(self->tape));
    if (self->time == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for a clock");
    }
    return kk_transport_replay_open(self->tape, self->time, self->replay_delay, &self->transport,
                                    err);
}

static kk_code open_keyring(kk_host *self, const kk_host_options *options, kk_error *err)
{
    kk_keyring_options keyring = {
        .size = sizeof keyring,
        .flags = (self->use_environment ? 0 : KK_KEYRING_IGNORE_ENVIRONMENT) |
                 ((options->flags & KK_HOST_REQUIRE_MLOCK) != 0 ? KK_KEYRING_REQUIRE_MLOCK : 0),
        .home = options->home,
        .key_file = options->key_file,
        .key_fd = options->key_fd,
        .ask = options->ask,
        .ask_context = options->ask_context,
    };
    return kk_keyring_open_with(self->config, &keyring, &self->keyring, err);
}

static kk_code make_plugin_turns(kk_host *self, kk_error *err)
{
    size_t count = kk_registry_plugin_count(self->registry);
    self->plugin_turns = calloc(count + 1, sizeof *self->plugin_turns);
    if (self->plugin_turns == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the plugins");
    }
    kk_code code = KK_OK;
    while (self->plugin_turn_count < count && code == KK_OK) {
        code = kk_turn_init(&self->plugin_turns[self->plugin_turn_count], err);
        self->plugin_turn_count += code == KK_OK;
    }
    return code;
}

static void log_scan(void *context, const char *text)
{
    kk_host_log(context, KK_LOG_INFO, "%s", text);
}

static kk_code load_plugins(kk_host *self, const kk_host_options *options, kk_error *err)
{
    bool search = (options->flags & KK_HOST_NO_SEARCH) == 0;
    const kk_scan_log log = {.write = log_scan, .context = self};
    const kk_loader loader = {.describe.worker = options->worker,
                              .cache = kk_scan_cache_open(self->config, log)};
    kk_code code =
        kk_registry_load(options->plugin_files, search, kk_host_environment(self, "KK_PLUGIN_PATH"),
                         self->config, &loader, &self->registry, err);
    if (loader.cache != NULL) {
        kk_scan_cache_save(loader.cache);
    }
    kk_scan_cache_close(loader.cache);
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = 0; i < kk_registry_refusal_count(self->registry); i++) {
        const kk_refusal_info *refusal = kk_registry_refusal_at(self->registry, i);
        kk_host_log(self, KK_LOG_WARN, "refused at stage %s: %s", refusal->error->reason,
                    refusal->error->message);
    }
    return make_plugin_turns(self, err);
}

// Keeps a copy of an option that may be NULL.
static kk_code keep_text(const char *text, char **out, kk_error *err)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
}

static kk_code open_parts(kk_host *self, const kk_host_options *options, kk_error *err)
{
    kk_host_tapes tapes = {0};
    kk_code code = kk_config_load(options->home, self->use_environment, &self->config, err);
    if (code == KK_OK) {
        fill_live_host(self);
        code = kk_host_choose_tapes(self, options, &tapes, err);
    }
    // Before the live transport is made, which is then made to record.
    if (code == KK_OK && tapes.record != NULL) {
        code = kk_tape_writer_open(tapes.record, &self->writer, err);
    }
    if (code == KK_OK && options->replay_delay != NULL) {
        code = kk_replay_delay_parse(options->replay_delay, &self->replay_delay, err);
    }
    if (code == KK_OK) {
        code = tapes.replay != NULL ? open_tape(self, tapes.replay, err)
                                    : open_keyring(self, options, err);
    }
    if (code == KK_OK) {
        code = keep_text(options->account, &self->preferred_account, err);
    }
    if (code == KK_OK) {
        code = keep_text(options->worker, &self->worker_file, err);
    }
    if (code == KK_OK) {
        code = load_plugins(self, options, err);
    }
    if (code == KK_OK && tapes.replay == NULL && (options->flags & KK_HOST_PREPARE_LIVE) != 0) {
        prepare_live(self);
    }
    return code;
}

kk_code kk_host_open(const kk_host_options *options, kk_host **out, kk_error *err)
{
    kk_host_options own = {0};
    memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    kk_host *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for a host");
    }
    self->log = own.log;
    self->log_context = own.log_context;
    self->log_level = own.log_level;
    self->live = own.live;
    self->http_only = (own.flags & KK_HOST_HTTP_ONLY) != 0;
    self->use_environment = (own.flags & KK_HOST_IGNORE_ENVIRONMENT) == 0;
    self->time = kk_time_real();
    pthread_mutex_init(&self->keyring_lock, NULL);
    pthread_mutex_init(&self->transport_lock, NULL);
    pthread_mutex_init(&self->instance_lock, NULL);
    kk_code code = kk_workers_start(&self->workers, err);
    if (code != KK_OK) {
        free(self);
        return code;
    }
    code = open_parts(self, &own, err);
    if (code != KK_OK) {
        kk_host_close(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

void kk_host_close(kk_host *host)
{
    // A tool that never came back may still touch any of it.
    if (host == NULL || atomic_load(&host->wedged)) {
        return;
    }
    kk_workers_stop(&host->workers);
    kk_instances_close(host);
    if (host->transport != NULL) {
        host->transport->table->close(host->transport);
    }
    kk_retry_free(host->retry);
    kk_host_end_recording(host);
    kk_tape_free(host->tape);
    kk_time_free(host->time);
    kk_keyring_close(host->keyring);
    for (size_t i = 0; i < host->plugin_turn_count; i++) {
        kk_turn_clean(&host->plugin_turns[i]);
    }
    free(host->plugin_turns);
    kk_registry_free(host->registry);
    kk_config_free(host->config);
    free(host->preferred_account);
    free(host->worker_file);
    pthread_mutex_destroy(&host->instance_lock);
    pthread_mutex_destroy(&host->transport_lock);
    pthread_mutex_destroy(&host->keyring_lock);
    free(host);
}
