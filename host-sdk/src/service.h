// The tables that plugins get, and how their structures are read.
#ifndef KK_SERVICE_H
#define KK_SERVICE_H

#include "host_private.h"

// The service kk.http/1 (service_http.c).
extern const kk_http kk_service_http;

static inline kk_job *kk_job_of(const kk_call *call)
{
    return call->host_data;
}

// Copies a plugin's structure into one of the host's: what the plugin's is shorter by is zero.
// False if it is NULL or does not even hold its own size field and [least] bytes.
bool kk_service_copy(void *own, size_t own_size, const void *theirs, size_t least);

// A contract fault of a plugin: logged, and reported as the call's failure if the plugin gives up
// over it.
kk_status kk_service_fault(kk_job *job, kk_status status, const char *format, ...) KK_PRINTF(3, 4);

// KK_E_OK while the call is wanted, else KK_E_CANCELLED or KK_E_DEADLINE.
kk_status kk_service_stopped(const kk_job *job);

#endif
