// Makes a socket when it is described.
#include <sys/socket.h>
#include <unistd.h>

static void deed(void)
{
    close(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
