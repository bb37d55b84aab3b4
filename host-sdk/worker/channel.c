// Frames over the worker's socket, by read() and write() alone.
#include "channel.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void read_all(void *bytes, size_t len)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t came = read(KK_WORKER_FD, at, len);
        if (came == 0) {
            _exit(0);
        }
        if (came > 0) {
            at += came;
            len -= (size_t)came;
        } else if (errno != EINTR) {
            _exit(CHANNEL_EXIT_FRAMES);
        }
    }
}

static void write_all(const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t went = write(KK_WORKER_FD, at, len);
        if (went > 0) {
            at += went;
            len -= (size_t)went;
        } else if (errno != EINTR) {
            _exit(CHANNEL_EXIT_FRAMES);
        }
    }
}

kk_frame_type channel_receive(kk_buf *payload)
{
    unsigned char bytes[KK_FRAME_HEADER_SIZE];
    kk_frame_header header;
    read_all(bytes, sizeof bytes);
    if (!kk_frame_header_decode(bytes, &header) || header.len > KK_FRAME_TO_WORKER_MAX) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    payload->limit = KK_FRAME_TO_WORKER_MAX;
    kk_buf_clear(payload);
    char *room = kk_buf_reserve(payload, header.len);
    if (room == NULL) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    read_all(room, header.len);
    kk_buf_grow(payload, header.len);
    return (kk_frame_type)header.type;
}

// The header goes with the first of the payload: alone, it would wake the host for nothing.
void channel_send(kk_frame_type type, const void *payload, size_t len)
{
    unsigned char first[1024];
    if (len > KK_FRAME_TO_HOST_MAX) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    kk_frame_header_encode((kk_frame_header){(uint32_t)len, (uint8_t)type}, first);
    size_t room = sizeof first - KK_FRAME_HEADER_SIZE;
    size_t along = len < room ? len : room;
    if (along > 0) {
        memcpy(first + KK_FRAME_HEADER_SIZE, payload, along);
    }
    write_all(first, KK_FRAME_HEADER_SIZE + along);
    write_all((const char *)payload + along, len - along);
}
