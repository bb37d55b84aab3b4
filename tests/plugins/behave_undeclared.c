// Asks for a service that it did not name.
#define BODY                                                                                       \
    (void)call->host->get_service(call->host, "com.example.other/1");                              \
    return get(call, "https://api.example.com/");
#include "behave.h"
