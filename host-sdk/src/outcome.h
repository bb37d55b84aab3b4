// What a tool's return means: one code, and one record that says why.
#ifndef KK_OUTCOME_H
#define KK_OUTCOME_H

#include "host_private.h"

// Weighs what the tool returned, what it recorded with fail(), and what the host itself saw of its
// requests.  Writes job->error on failure.
kk_code kk_outcome_conclude(kk_job *job, kk_status status);

// The status that a plugin gets for a failure of a transport.
kk_status kk_outcome_status(kk_code code);

#endif
