// Writes a string of a GiB, whatever it is told.
#define SUPPORT static char piece[1 << 20];
#define BODY                                                                                       \
    memset(piece, 'x', sizeof piece);                                                              \
    (void)call->host->write(call, "\"", 1);                                                        \
    for (int i = 0; i < 1024; i++) {                                                               \
        (void)call->host->write(call, piece, sizeof piece);                                        \
    }                                                                                              \
    (void)call->host->write(call, "\"", 1);                                                        \
    return KK_E_OK;
#include "behave.h"
