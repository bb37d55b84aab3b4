// Says something else of itself where it is called than where it was looked at: a worker's
// environment is empty.
#include <stddef.h>

#define DESCRIBED described()
#define AFTER_MANIFEST                                                                             \
    extern char **environ;                                                                         \
    static const kk_manifest *described(void)                                                      \
    {                                                                                              \
        static kk_manifest other;                                                                  \
        other = manifest;                                                                          \
        other.title = "Imposter";                                                                  \
        return environ[0] == NULL ? &manifest : &other;                                            \
    }
#include "base.h"
