// What the files of the worker's host side share.
#ifndef KK_WORKER_PRIVATE_H
#define KK_WORKER_PRIVATE_H

#include <kk/error.h>
#include <sys/types.h>

// Starts the program at [path], NULL for this installation's, and gives its process and our end of
// the socket.  Errors: as kk_worker_start().
KK_MUST_USE kk_code kk_worker_spawn(const char *path, pid_t *pid, int *socket, kk_error *err);

#endif
