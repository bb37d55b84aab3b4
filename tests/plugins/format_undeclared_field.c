// A header uses a field that the scheme does not name.
#define HEADER_FORMAT "Bearer {secret}"
#include "base.h"
