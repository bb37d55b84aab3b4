// Sets the header of the credential itself.
#define BODY                                                                                       \
    kk_header header = {"Authorization", "Bearer x"};                                              \
    kk_http_request request = {.struct_size = sizeof request,                                      \
                               .method = "GET",                                                    \
                               .url = "https://api.example.com/",                                  \
                               .headers = &header,                                                 \
                               .header_count = 1};                                                 \
    const kk_http_response *response = NULL;                                                       \
    kk_status status = kk_call_http(call)->send(call, &request, &response);                        \
    return status == KK_E_OK ? kk_call_write(call, "{}") : status;
#include "behave.h"
