// A manifest as bytes: what a worker sends to its host, and what the cache of scans keeps.
//
// The bytes are those of this build's structures, one behind the other with their texts, without
// any address: entry points, `open` and `close` are zero.  Two manifests that say the same have the
// same bytes.  They are for the same version of kk on the same machine, and nothing else.
#ifndef KK_MANIFEST_PACK_H
#define KK_MANIFEST_PACK_H

#include "buf.h"
#include "manifest.h"

// The most bytes of a packed manifest.
#define KK_MANIFEST_PACKED_MAX ((size_t)4 << 20)

// Appends a copy that kk_manifest_copy() made.  Errors: what kk_buf_check() gives.
KK_MUST_USE kk_code kk_manifest_pack(const kk_manifest *manifest, kk_buf *out, kk_error *err);

// Makes structures of [bytes], which may come from anybody: nothing outside them is read, and what
// they say has yet to be copied and checked as if a plugin had said it.  *out and what it points at
// live until kk_chunk_free(*memory).
// Errors: KK_ERR_PROTOCOL for bytes that are no manifest; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_manifest_unpack(kk_str bytes, kk_chunk **memory, kk_manifest **out,
                                       kk_error *err);

#endif
