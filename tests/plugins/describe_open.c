// Makes a file when it is described.
#include <fcntl.h>
#include <unistd.h>

static void deed(void)
{
    close(open("/tmp/kk-test-describe-open", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
