// The host's side of the live transport's module: finding it and opening a transport of it.
//
// libcurl and what it needs cost milliseconds before main(), which a call that is answered by a
// tape should not pay.  The module sits under kk/ in the library's directory (library.h), and
// nowhere else: no variable and no search path leads to it.
#ifndef KK_LIVE_MODULE_H
#define KK_LIVE_MODULE_H

#include "transport.h"

// The modules' places, relative to the library's directory.  The second is for HTTP alone: stubs
// stand for what libcurl needs for other protocols (KkStubs.cmake).
#define KK_LIVE_MODULE_PATH "kk/kk_live.so"
#define KK_LIVE_HTTP_MODULE_PATH "kk/kk_live_http.so"
#define KK_LIVE_STUBS_PATH "kk/live_stubs/kk_live_stubs.so"

// Opens a live transport; [host] and what it points at outlive it.  The first call loads the
// module, which stays loaded: with [http_only] the one for HTTP alone, if it is installed and
// loads, and else the other.  Errors: KK_ERR_INTERNAL where the module is missing or does not
// load, KK_ERR_PLUGIN_REFUSED where others could have changed it, and those of kk_live_open().
// Threads: any.
KK_MUST_USE kk_code kk_live_module_open(const kk_live_host *host, bool http_only,
                                        kk_transport **out, kk_error *err);

#endif
