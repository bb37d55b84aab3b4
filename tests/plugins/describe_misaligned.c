// Returns a manifest that is not aligned.
#define DESCRIBED ((const kk_manifest *)(const void *)((const char *)&manifest + 1))
#include "base.h"
