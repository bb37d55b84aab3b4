// kk/plugin_util.h - conveniences for plugin authors.  Everything here is built from kk/plugin.h
// alone and compiled into the plugin; nothing of it is part of the binary interface.
//
// SPDX-License-Identifier: MIT
#ifndef KK_PLUGIN_UTIL_H
#define KK_PLUGIN_UTIL_H

#include <kk/plugin.h>
#include <string.h>

#ifdef __cplusplus
#define KK_EXTERN_C extern "C"
extern "C" {
#else
#define KK_EXTERN_C
#endif

// Whether the structure at [p] is new enough to have [member], and the member is set.
#define KK_HAS(type, p, member)                                                                    \
    ((size_t)(p)->struct_size >= offsetof(type, member) + sizeof((p)->member) &&                   \
     (p)->member != NULL)

// The tag of a manifest that accepts every host of this major version.
#define KK_ABI_TAG_INIT                                                                            \
    {                                                                                              \
        KK_ABI_MAGIC, (uint32_t)sizeof(kk_manifest), KK_ABI_VERSION,                               \
            ((uint32_t)KK_ABI_MAJOR << 16)                                                         \
    }

// The name of a tool's entry point, as an identifier and as text; and its declaration, which also
// defines it when a body follows:  KK_TOOL(hello, greet) { ... }  with the parameters self, call,
// args, args_len.
#define KK_TOOL_ENTRY(plugin, tool) kk_tool_##plugin##_##tool
#define KK_TOOL_SYMBOL(plugin, tool) "kk_tool_" #plugin "_" #tool
#define KK_TOOL_DECLARE(plugin, tool)                                                              \
    KK_EXTERN_C KK_EXPORT kk_status KK_TOOL_ENTRY(plugin, tool)(                                   \
        kk_instance * self, const kk_call *call, const char *args, size_t args_len)
#define KK_TOOL(plugin, tool)                                                                      \
    KK_TOOL_DECLARE(plugin, tool);                                                                 \
    KK_TOOL_DECLARE(plugin, tool)

// The parentheses around a member keep a macro of that name, such as cmocka's fail(), out of it.

// Fails the call with [code] and one line of text.  Returns [code], so that an entry point can
// return it.
static inline kk_status kk_call_fail(const kk_call *call, kk_status code, const char *message)
{
    kk_tool_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = (uint32_t)sizeof error;
    error.code = code;
    error.message = message;
    return (call->host->fail)(call, &error);
}

// Writes NUL-terminated JSON text to the output of the call.
static inline kk_status kk_call_write(const kk_call *call, const char *json)
{
    return (call->host->write)(call, json, strlen(json));
}

// The HTTP service and the clock, or NULL if they were not granted.
static inline const kk_http *kk_call_http(const kk_call *call)
{
    return (const kk_http *)(call->host->get_service)(call->host, KK_SERVICE_HTTP);
}

static inline const kk_clock *kk_call_clock(const kk_call *call)
{
    return (const kk_clock *)(call->host->get_service)(call->host, KK_SERVICE_CLOCK);
}

#ifdef __cplusplus
}
#endif

#endif
