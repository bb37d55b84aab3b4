// What a host and its kk-worker say to each other, over one socket: frames.
//
// A frame is eight bytes of header and then its payload: the payload's length (32 bits, the lowest
// byte first), the type (one byte), three zero bytes.  The worker speaks when it was spoken to: one
// question at a time is open, in either direction.
//
// What comes from a worker is not trusted: the code that runs there may have written it.
#ifndef KK_WORKER_FRAMES_H
#define KK_WORKER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The worker's end of the socket.
#define KK_WORKER_FD 3

// The worker's exit status where its limits or filters cannot be had.
#define KK_WORKER_EXIT_UNCONFINED 67

#define KK_FRAME_HEADER_SIZE ((size_t)8)

// The longest payloads.  A longer one breaks the conversation.
#define KK_FRAME_TO_WORKER_MAX ((size_t)64 << 20)
#define KK_FRAME_TO_HOST_MAX ((size_t)16 << 20)

typedef enum kk_frame_type {
    // From the host.  START comes first and once: a JSON object that names the role,
    //     {"role":"describe","memory_bytes":N,"cpu_seconds":N}
    //     {"role":"lua","memory_bytes":N,"cpu_seconds":N}
    // memory_bytes limits the address space of the whole process, cpu_seconds ends it if the host
    // no longer can; both may be left out.
    KK_FRAME_START = 1,
    KK_FRAME_CATALOGUE = 2, // lua: the plugins, accounts and functions there are
    KK_FRAME_RUN = 3,       // lua: a script, and its limits
    KK_FRAME_RESULT = 4,    // answers CALL: the tool's data
    KK_FRAME_FAILURE = 5,   // answers CALL or DOCS: an error record
    KK_FRAME_PAGE = 6,      // answers DOCS
    KK_FRAME_OBJECT = 7,    // describe: the path of the object, its bytes as they are

    // From the worker.
    KK_FRAME_LOADED = 64,   // describe: the object is loaded, and is asked for its manifest next
    KK_FRAME_MANIFEST = 65, // describe: the packed manifest (manifest_pack.h)
    KK_FRAME_PROVED = 72,   // describe, the end: the entry points are what the manifest says
    KK_FRAME_REFUSED = 66,  // describe, the end: {"stage":"symbols","message":"...","hint":""}
    KK_FRAME_TRAPPED = 67,  // describe, the end: the system call that was tried, 32 bits
    KK_FRAME_PRINT = 68,    // lua: bytes that the script printed
    KK_FRAME_CALL = 69,     // lua: a function to call, answered by RESULT or FAILURE
    KK_FRAME_DOCS = 70,     // lua: a question to the documentation, answered by PAGE or FAILURE
    KK_FRAME_DONE = 71      // lua: the script has ended
} kk_frame_type;

typedef struct kk_frame_header {
    uint32_t len;
    uint8_t type; // kk_frame_type, or a number that is none
} kk_frame_header;

static inline void kk_frame_header_encode(kk_frame_header header,
                                          unsigned char out[KK_FRAME_HEADER_SIZE])
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (unsigned char)(header.len >> (8 * i));
    }
    out[4] = header.type;
    out[5] = out[6] = out[7] = 0;
}

// False if the last three bytes are not zero: then this is no header.
static inline bool kk_frame_header_decode(const unsigned char bytes[KK_FRAME_HEADER_SIZE],
                                          kk_frame_header *out)
{
    out->len = 0;
    for (size_t i = 0; i < 4; i++) {
        out->len |= (uint32_t)bytes[i] << (8 * i);
    }
    out->type = bytes[4];
    return bytes[5] == 0 && bytes[6] == 0 && bytes[7] == 0;
}

#endif
