// The worker's end of the socket to its host.
//
// A worker without a host has nothing to do, and one whose host breaks the frames nothing to say:
// both end the process on the spot.
#ifndef KK_WORKER_CHANNEL_H
#define KK_WORKER_CHANNEL_H

#include "buf.h"
#include "worker_frames.h"

// Statuses of a process that ends before its work.
enum {
    CHANNEL_EXIT_USAGE = 64,   // started by hand
    CHANNEL_EXIT_FRAMES = 65,  // the host broke the frames, or memory ran out for one
    CHANNEL_EXIT_TRAPPED = 66, // a system call that is not allowed; a frame told which
    CHANNEL_EXIT_UNCONFINED = KK_WORKER_EXIT_UNCONFINED,
};

// Waits for the next frame, and replaces what [payload] holds.
kk_frame_type channel_receive(kk_buf *payload);

// Sends a frame of at most KK_FRAME_TO_HOST_MAX bytes.  May be called from a signal handler.
void channel_send(kk_frame_type type, const void *payload, size_t len);

#endif
