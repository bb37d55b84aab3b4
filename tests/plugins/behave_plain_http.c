// Sends without encryption.
#define BODY return get(call, "http://api.example.com/");
#include "behave.h"
