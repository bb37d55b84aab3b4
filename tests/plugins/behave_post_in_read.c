// A read that posts.
#define BODY                                                                                       \
    kk_http_request request = {.struct_size = sizeof request,                                      \
                               .method = "POST",                                                   \
                               .url = "https://api.example.com/",                                  \
                               .credential = "behave"};                                            \
    const kk_http_response *response = NULL;                                                       \
    kk_status status = kk_call_http(call)->send(call, &request, &response);                        \
    return status == KK_E_OK ? kk_call_write(call, "{}") : status;
#include "behave.h"
