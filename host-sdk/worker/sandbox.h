// How a worker confines itself, before it runs anything that it was not built with.
//
// In a build with sanitizers, or one that measures coverage, there is neither a limit on the
// address space nor a filter: their own code needs more than either leaves.  `kk-worker --features`
// says which it is.
#ifndef KK_WORKER_SANDBOX_H
#define KK_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

// What is there of the two: constants of the build.
extern const bool sandbox_has_filter;
extern const bool sandbox_has_memory_limit;

typedef struct sandbox_limits {
    uint64_t memory_bytes; // of address space; 0 = as much as there is
    uint64_t cpu_seconds;  // 0 = any
} sandbox_limits;

// For every role: no new privileges, no core, no debugger of the same user, few descriptors, no
// growing files, and the limits.  False if one of them cannot be had.
bool sandbox_limit(const sandbox_limits *limits);

// For a script: from here on there is memory, the clock and the socket.  Every other system call
// kills the process, and so does the end of the host, which also interrupts a running script.
bool sandbox_enter_lua(void);

// For a foreign object that is loaded and asked for its manifest: files can be opened for reading,
// as the dynamic loader does, and mapped; time can pass.  Every other system call ends the process
// with the frame KK_FRAME_TRAPPED, which names it.  So does the end of the thread that started the
// worker.
bool sandbox_enter_describe(void);

#endif
