// An origin is plain http.
#define ORIGIN "http://api.example.com"
#include "base.h"
