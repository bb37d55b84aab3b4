// A library that holds the host's code, as libkkhost does: what the live module is looked for
// beside.
#include "live_module.h"

KK_PUBLIC kk_code test_live_module_open(const kk_live_host *host, kk_transport **out,
                                        kk_error *err);

kk_code test_live_module_open(const kk_live_host *host, kk_transport **out, kk_error *err)
{
    return kk_live_module_open(host, false, out, err);
}
