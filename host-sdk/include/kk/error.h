// kk/error.h - what went wrong: a code by value, and a record that the caller owns.
//
// Every function of the SDK that can fail returns a kk_code and takes a `kk_error *err` last.  The
// record sits on the caller's stack, may be NULL, and is written only on failure; the first failure
// written into a record stands.  Its texts are one line each, name the cause rather than the
// caller's own verb, and never hold a secret.
//
// The codes have names that are the same in C, on the command line, in Lua and over MCP.  KK_CODES
// is the one table of them; documentation and tests are made from it.
//
// SPDX-License-Identifier: MIT
#ifndef KK_ERROR_H
#define KK_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KK_PUBLIC __attribute__((visibility("default")))
#define KK_MUST_USE __attribute__((warn_unused_result))
#define KK_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define KK_PUBLIC
#define KK_MUST_USE
#define KK_PRINTF(text, first)
#endif

// X(name in upper case, name, exit status of kk, meaning)
#define KK_CODES(X)                                                                                \
    X(NOT_FOUND, not_found, 1, "the service has no such thing, or hides it from this credential")  \
    X(CONFLICT, conflict, 1, "it exists already, or was changed in between")                       \
    X(REJECTED, rejected, 1, "the service refused the request")                                    \
    X(BAD_OUTPUT, bad_output, 1, "the plugin's output is not one JSON value")                      \
    X(TOO_LARGE, too_large, 1, "an input or an answer is over its limit")                          \
    X(INTERNAL, internal, 1, "a defect of kk or of a plugin, or memory ran out")                   \
    X(REPLAY_MISS, replay_miss, 1, "the tape has no answer for this request")                      \
    X(TAPE_INVALID, tape_invalid, 1, "the tape cannot be read")                                    \
    X(SCRIPT_ERROR, script_error, 1, "the script failed")                                          \
    X(CHECK_FAILED, check_failed, 1, "a plugin does not obey the rules that it was checked by")    \
    X(USAGE, usage, 2, "the command line is not understood")                                       \
    X(UNKNOWN_FUNCTION, unknown_function, 2, "no plugin has this function")                        \
    X(UNKNOWN_PLUGIN, unknown_plugin, 2, "no such plugin is loaded")                               \
    X(UNKNOWN_PAGE, unknown_page, 2, "there is no such documentation page")                        \
    X(INVALID_ARGS, invalid_args, 2, "an argument is unknown, missing or wrong; nothing was sent") \
    X(DENIED, denied, 3, "policy forbids it")                                                      \
    X(APPROVAL_REQUIRED, approval_required, 3, "a write was not approved")                         \
    X(ACCOUNT_UNKNOWN, account_unknown, 4, "no such account or field is stored")                   \
    X(NO_KEYRING, no_keyring, 4, "there is no keyring yet")                                        \
    X(AMBIGUOUS, ambiguous, 4, "several accounts fit and none was chosen")                         \
    X(PARTIAL, partial, 4, "one part of a credential is there and the other is not")               \
    X(CREDENTIAL_INCOMPLETE, credential_incomplete, 4, "the account lacks a field that is needed") \
    X(UNAUTHENTICATED, unauthenticated, 4, "the service did not accept the credential (401)")      \
    X(PERMISSION_DENIED, permission_denied, 4, "the credential may not do this (403)")             \
    X(NEED_KEY, need_key, 4, "no key for the keyring was found")                                   \
    X(WRONG_KEY, wrong_key, 4, "the key opens no slot of the keyring")                             \
    X(KEY_SYNTAX, key_syntax, 4, "the text given as a key is not one")                             \
    X(KEY_AMBIGUOUS, key_ambiguous, 4, "two sources of a key are set at once")                     \
    X(KDF_LIMIT, kdf_limit, 4, "a slot asks for more work than is allowed")                        \
    X(KDF_MEMORY, kdf_memory, 4, "there is not enough memory to derive the key")                   \
    X(CORRUPT, corrupt, 4, "the keyring is damaged")                                               \
    X(FORMAT, format, 4, "the file is not a keyring")                                              \
    X(VERSION, version, 4, "the keyring was written by a newer version")                           \
    X(TAMPERED, tampered, 4, "the keyring was changed by someone without the key")                 \
    X(ROLLBACK, rollback, 4, "the keyring is older than the one last seen")                        \
    X(FORK, fork, 4, "the keyring differs from the one last seen")                                 \
    X(PERMS, perms, 4, "others could read or change a file that must be private")                  \
    X(LOCKED, locked, 4, "another process is writing the keyring")                                 \
    X(KEYRING_CONFLICT, keyring_conflict, 4, "the keyring kept changing while it was written")     \
    X(IO, io, 4, "a file could not be read or written")                                            \
    X(NO_SPACE, no_space, 4, "the disk is full")                                                   \
    X(READ_ONLY, read_only, 4, "the file system is read-only")                                     \
    X(DURABILITY, durability, 4, "the change is made but may not survive a power loss")            \
    X(MEMLOCK, memlock, 4, "memory could not be locked")                                           \
    X(PLUGIN_REFUSED, plugin_refused, 5, "a plugin did not pass the checks")                       \
    X(DNS, dns, 6, "the host name could not be resolved")                                          \
    X(CONNECT, connect, 6, "no connection could be made")                                          \
    X(TLS, tls, 6, "the secure connection failed")                                                 \
    X(RESET, reset, 6, "the connection broke")                                                     \
    X(TRUNCATED, truncated, 6, "the answer ended early")                                           \
    X(PROTOCOL, protocol, 6, "the answer is not what the service's interface promises")            \
    X(REDIRECT_REFUSED, redirect_refused, 6, "the service redirected, which is not followed")      \
    X(UNAVAILABLE, unavailable, 6, "the service is down (5xx)")                                    \
    X(RATE_LIMITED, rate_limited, 6, "too many requests (429)")                                    \
    X(TIMEOUT, timeout, 7, "the time for the call was over")                                       \
    X(CANCELLED, cancelled, 7, "the caller cancelled")                                             \
    X(LIMIT_EXCEEDED, limit_exceeded, 7, "a script went over a limit")

typedef enum kk_code {
    KK_OK = 0,
#define KK_CODE_ENUM(upper, name, exit_status, meaning) KK_ERR_##upper,
    KK_CODES(KK_CODE_ENUM)
#undef KK_CODE_ENUM
        KK_CODE_COUNT
} kk_code;

// Whether the failed call may have changed something at the service.
typedef enum kk_effect {
    KK_EFFECT_NONE = 0, // no
    KK_EFFECT_UNKNOWN,  // perhaps: a write was sent and its answer was lost
    KK_EFFECT_DONE      // yes: the service said so, and something failed after that
} kk_effect;

typedef struct kk_error {
    kk_code code;
    kk_effect effect;
    bool retryable;          // the same call may succeed later
    uint16_t http_status;    // 0 = no HTTP answer was involved
    uint64_t retry_after_ms; // 0 = not known
    char reason[32];    // narrows the code: the stage of plugin_refused, the reason of replay_miss;
                        // else ""
    char api_code[64];  // the service's own code, or ""
    char argument[160]; // JSON Pointer to the argument at fault, or ""
    char message[768];  // what happened and where
    char hint[384];     // how to mend it, or ""
} kk_error;

// The stable name of a code, "timeout"; "ok" for KK_OK, "internal" for a number that is no code.
// Threads: any.
KK_PUBLIC const char *kk_code_name(kk_code code);

// One sentence fragment that says what the code means.  Threads: any.
KK_PUBLIC const char *kk_code_meaning(kk_code code);

// The exit status that kk gives for the code, 0 to 7.  Threads: any.
KK_PUBLIC int kk_code_exit_status(kk_code code);

// "none", "unknown" or "done".  Threads: any.
KK_PUBLIC const char *kk_effect_name(kk_effect effect);

#ifdef __cplusplus
}
#endif

#endif
