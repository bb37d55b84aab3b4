// The host's end of a kk-worker: a confined child process that runs what should not take the host
// with it.
//
// The program is kk-worker of this installation: its place is known from the place of the library
// that contains this code (a program that has the code linked into it: of that program), or named
// by kk_host_options.worker; no variable and no search path leads to it, and it passes the trust
// checks of a plugin.  It starts with an empty environment, default signals, an empty signal mask,
// a session of its own, /dev/null at 0 to 2, its end of a socket at 3, and no other descriptor.  It
// confines itself before it runs anything (host-sdk/worker/sandbox.h).
//
// A worker is always killed and reaped by kk_worker_free() or by the failure that ends it, so that
// none is left as a zombie.  A program that reaps every child itself, with waitpid(-1), takes the
// worker's status away: then how a worker ended is not known, and no signal is sent to a process
// that may not be it.
#ifndef KK_WORKER_H
#define KK_WORKER_H

#include "buf.h"
#include "cancel.h"
#include "worker_frames.h"
#include <kk/error.h>

typedef struct kk_worker kk_worker;

// How long, and how much, an exchange may take.
typedef struct kk_worker_limits {
    uint64_t deadline_ms; // by kk_time_mono_ms() of the real clock; 0 = no end
    uint64_t cpu_ms;      // the CPU time that the worker may have used in all its life; 0 = any
    kk_cancel *cancel;    // or NULL
} kk_worker_limits;

typedef struct kk_worker_frame {
    uint8_t type;   // KK_FRAME_*, or a number that is none
    kk_buf payload; // cleaned by the caller; reused from frame to frame
} kk_worker_frame;

// How a worker ended.
typedef enum kk_worker_fate {
    KK_WORKER_RUNS,
    KK_WORKER_EXITED,      // by itself; `status`
    KK_WORKER_SIGNALLED,   // by a signal that we did not send; `status` is its number
    KK_WORKER_OVER_TIME,   // killed at the deadline
    KK_WORKER_OVER_CPU,    // killed when its CPU time was used up
    KK_WORKER_CANCELLED,   // killed because the caller cancelled
    KK_WORKER_BROKE_FRAMES // killed: what it sent is no frame, or one that is too long
} kk_worker_fate;

// Writes the path of this installation's worker.  Errors: KK_ERR_INTERNAL, with a hint, where it is
// missing.
KK_MUST_USE kk_code kk_worker_find(kk_buf *path, kk_error *err);

// Starts the worker at [path], NULL for this installation's.  *out is new: for kk_worker_free().
// The first frame to send is KK_FRAME_START.
// Errors: KK_ERR_INTERNAL (missing, or the system has no process or descriptor left),
// KK_ERR_PLUGIN_REFUSED where others could have changed it.  Threads: any, beside any other fork.
KK_MUST_USE kk_code kk_worker_start(const char *path, kk_worker **out, kk_error *err);

// Kills, reaps and frees.  Harmless for NULL.
void kk_worker_free(kk_worker *self);

// Sends one frame, and waits while the worker does not read.
// Errors: as kk_worker_receive(); KK_ERR_TOO_LARGE for a payload that is too long, which changes
// nothing.  Threads: one at a time per worker, for all functions that take it.
KK_MUST_USE kk_code kk_worker_send(kk_worker *self, kk_frame_type type, kk_str payload,
                                   const kk_worker_limits *limits, kk_error *err);

// Waits for the next frame.  Any failure ends the worker: it is killed and reaped when this
// returns, kk_worker_fate_of() tells how it ended, and every later exchange fails as this one.
// Errors: KK_ERR_TIMEOUT (deadline), KK_ERR_LIMIT_EXCEEDED (CPU time), KK_ERR_CANCELLED,
// KK_ERR_INTERNAL (it ended by itself, or broke the frames; the message says how).
KK_MUST_USE kk_code kk_worker_receive(kk_worker *self, kk_worker_frame *out,
                                      const kk_worker_limits *limits, kk_error *err);

// The CPU time that the worker has used so far, in milliseconds; after its end, the last that was
// seen.
uint64_t kk_worker_cpu_ms(kk_worker *self);

// How the worker ended; [status] may be NULL.
kk_worker_fate kk_worker_fate_of(const kk_worker *self, int *status);

// "Segmentation fault"
const char *kk_worker_signal_name(int number);

// The process, for tests; 0 once it was reaped.
int kk_worker_pid(const kk_worker *self);

#endif
