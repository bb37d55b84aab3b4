// What the calls of a host share for the sake of the services they call.
#include "retry_shared.h"
#include "secret.h"
#include "url.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUDGET = 500, RETRY_COST = 5, TIMEOUT_COST = 10, ORIGIN_MAX = 280 };

typedef struct rate_slot {
    uint64_t mark; // of the credential, which is not kept; 0 = free
    uint64_t used_ms;
    kk_rate rate;
} rate_slot;

typedef struct breaker_slot {
    char origin[ORIGIN_MAX]; // "" = free
    uint64_t used_ms;
    kk_breaker breaker;
} breaker_slot;

struct kk_retry {
    pthread_mutex_t lock; // guards all that follows
    uint64_t random;
    int budget;
    kk_mark_key key; // of the marks
    rate_slot rates[KK_RETRY_SLOTS];
    breaker_slot breakers[KK_RETRY_SLOTS];
};

kk_retry *kk_retry_new(uint64_t seed)
{
    kk_retry *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    pthread_mutex_init(&self->lock, NULL);
    self->random = seed;
    self->budget = BUDGET;
    kk_random(&self->key, sizeof self->key);
    return self;
}

void kk_retry_free(kk_retry *self)
{
    if (self != NULL) {
        pthread_mutex_destroy(&self->lock);
        free(self);
    }
}

uint64_t kk_retry_random(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = *state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

uint64_t kk_retry_seed(kk_retry *self)
{
    if (self == NULL) {
        return 1;
    }
    pthread_mutex_lock(&self->lock);
    uint64_t seed = kk_retry_random(&self->random);
    pthread_mutex_unlock(&self->lock);
    return seed;
}

// ---- Rates

// The credential's rate, called with the lock held.
static kk_rate *find_rate(kk_retry *self, const char *credential, uint64_t now_ms)
{
    uint64_t mark = kk_secret_mark(&self->key, kk_str_from(credential));
    rate_slot *found = &self->rates[0];
    for (size_t i = 0; i < KK_RETRY_SLOTS && found->mark != mark; i++) {
        rate_slot *slot = &self->rates[i];
        found = slot->mark == mark || slot->used_ms < found->used_ms ? slot : found;
    }
    if (found->mark != mark) {
        found->mark = mark;
        kk_rate_init(&found->rate, now_ms);
    }
    found->used_ms = now_ms;
    return &found->rate;
}

uint64_t kk_retry_take(kk_retry *self, const char *credential, uint64_t now_ms)
{
    if (self == NULL || credential == NULL) {
        return now_ms;
    }
    pthread_mutex_lock(&self->lock);
    uint64_t at_ms = kk_rate_take(find_rate(self, credential, now_ms), now_ms);
    pthread_mutex_unlock(&self->lock);
    return at_ms;
}

void kk_retry_give_back(kk_retry *self, const char *credential, uint64_t now_ms)
{
    if (self == NULL || credential == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    kk_rate_give_back(find_rate(self, credential, now_ms));
    pthread_mutex_unlock(&self->lock);
}

void kk_retry_slow_down(kk_retry *self, const char *credential, uint64_t now_ms, uint64_t wait_ms)
{
    if (self == NULL || credential == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    kk_rate_slow_down(find_rate(self, credential, now_ms), now_ms, wait_ms);
    pthread_mutex_unlock(&self->lock);
}

// ---- Breakers

// Writes what breakers are told apart by.  A URL that cannot be read never gets as far as this.
static void write_origin(const char *url, char *out)
{
    kk_url parts = {0};
    if (kk_url_parse(url, &parts, NULL) != KK_OK) {
        parts.host = KK_STR("?");
    }
    snprintf(out, ORIGIN_MAX, "%s %u %.*s", parts.secure ? "https" : "http", (unsigned)parts.port,
             KK_STR_ARG(parts.host));
    for (char *at = out; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
}

// The origin's breaker, called with the lock held.
static kk_breaker *find_breaker(kk_retry *self, const char *url, uint64_t now_ms)
{
    char origin[ORIGIN_MAX];
    write_origin(url, origin);
    breaker_slot *found = &self->breakers[0];
    for (size_t i = 0; i < KK_RETRY_SLOTS && strcmp(found->origin, origin) != 0; i++) {
        breaker_slot *slot = &self->breakers[i];
        bool is_it = strcmp(slot->origin, origin) == 0;
        found = is_it || slot->used_ms < found->used_ms ? slot : found;
    }
    if (strcmp(found->origin, origin) != 0) {
        *found = (breaker_slot){0};
        memcpy(found->origin, origin, sizeof origin);
    }
    found->used_ms = now_ms;
    return &found->breaker;
}

bool kk_retry_admits(kk_retry *self, const char *url, uint64_t now_ms, uint64_t *wait_ms)
{
    if (self == NULL) {
        return true;
    }
    pthread_mutex_lock(&self->lock);
    bool admitted = kk_breaker_admits(find_breaker(self, url, now_ms), now_ms, wait_ms);
    pthread_mutex_unlock(&self->lock);
    return admitted;
}

void kk_retry_note(kk_retry *self, const char *url, uint64_t now_ms, kk_breaker_end end)
{
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    kk_breaker_note(find_breaker(self, url, now_ms), now_ms, end);
    pthread_mutex_unlock(&self->lock);
}

// ---- The budget

// Changes the budget, which stays within its ends; false, and no change, where [by] is more than is
// left of it and [by] has to be whole.
static bool change_budget(kk_retry *self, int by, bool is_whole)
{
    if (self == NULL) {
        return true;
    }
    pthread_mutex_lock(&self->lock);
    int left = self->budget + by;
    bool ok = left >= 0 || !is_whole;
    if (ok) {
        self->budget = left < 0 ? 0 : (left > BUDGET ? BUDGET : left);
    }
    pthread_mutex_unlock(&self->lock);
    return ok;
}

bool kk_retry_afford(kk_retry *self)
{
    return change_budget(self, -RETRY_COST, true);
}

void kk_retry_earn(kk_retry *self)
{
    (void)change_budget(self, 1, false);
}

void kk_retry_lose(kk_retry *self)
{
    (void)change_budget(self, -TIMEOUT_COST, false);
}
