// One stub for the libraries that libcurl is linked with and the live transport has no use for:
// those of LDAP, Kerberos, SSH and RTMP (KkStubs.cmake).
//
// libcurl's own set-up calls the first three.  Nothing calls the others, since the transport allows
// no other protocol than HTTP and no way to show oneself to a proxy than name and password: a call
// means that this has become untrue, and going on with an answer that is none would be worse than
// the end.
#include <string.h>
#include <unistd.h>

#define STUB __attribute__((visibility("default")))

STUB int libssh2_init(int flags);
STUB void libssh2_exit(void);
STUB const char *libssh2_version(int required);

int libssh2_init(int flags)
{
    (void)flags;
    return 0;
}

void libssh2_exit(void)
{
}

const char *libssh2_version(int required)
{
    (void)required;
    return "stub";
}

static _Noreturn void refuse(const char *name)
{
    static const char text[] = ": a stub was called: the live transport is for HTTP alone\n";
    (void)!write(STDERR_FILENO, name, strlen(name));
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    __builtin_trap();
}

#define KK_STUB_FUNC(name)                                                                         \
    STUB void name(void);                                                                          \
    void name(void)                                                                                \
    {                                                                                              \
        refuse(#name);                                                                             \
    }
#define KK_STUB_OBJECT(name)                                                                       \
    STUB extern void *name[8];                                                                     \
    void *name[8];

#include "live_stubs_list.h"
