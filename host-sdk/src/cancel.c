// Cancellation: one flag, and the list of those who want to be woken.
#include "cancel.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct kk_cancel {
    pthread_mutex_t lock; // guards `watches`, and is held while they are woken
    kk_cancel_watch *watches;
    atomic_bool raised;
};

kk_cancel *kk_cancel_new(void)
{
    kk_cancel *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&self->lock, NULL) != 0) {
        free(self);
        return NULL;
    }
    return self;
}

void kk_cancel_free(kk_cancel *cancel)
{
    if (cancel != NULL) {
        pthread_mutex_destroy(&cancel->lock);
        free(cancel);
    }
}

void kk_cancel_raise(kk_cancel *cancel)
{
    pthread_mutex_lock(&cancel->lock);
    if (!atomic_exchange(&cancel->raised, true)) {
        for (kk_cancel_watch *watch = cancel->watches; watch != NULL; watch = watch->next) {
            watch->wake(watch->context);
        }
    }
    pthread_mutex_unlock(&cancel->lock);
}

bool kk_cancel_is_raised(const kk_cancel *self)
{
    return self != NULL && atomic_load(&self->raised);
}

void kk_cancel_watch_add(kk_cancel *self, kk_cancel_watch *watch)
{
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    watch->next = self->watches;
    self->watches = watch;
    if (atomic_load(&self->raised)) {
        watch->wake(watch->context);
    }
    pthread_mutex_unlock(&self->lock);
}

void kk_cancel_watch_remove(kk_cancel *self, kk_cancel_watch *watch)
{
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    kk_cancel_watch **link = &self->watches;
    while (*link != NULL && *link != watch) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = watch->next;
    }
    pthread_mutex_unlock(&self->lock);
}
