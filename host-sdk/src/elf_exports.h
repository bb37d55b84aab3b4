// What a shared object exports, read from the file without executing any of it.
#ifndef KK_ELF_EXPORTS_H
#define KK_ELF_EXPORTS_H

#include <kk/error.h>

typedef struct kk_elf kk_elf;

// Reads the [size] bytes behind [fd]; [path] is for messages.  *out is new, freed with
// kk_elf_free().  The file must be an ELF shared object of the class, byte order and machine of
// this process, with its section headers.  Every offset in it is checked against [size].
// Errors: KK_ERR_PLUGIN_REFUSED, its reason "elf"; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_elf_read(int fd, uint64_t size, const char *path, kk_elf **out,
                                kk_error *err);
void kk_elf_free(kk_elf *self);

// Whether the object defines the symbol [name] for others.
bool kk_elf_exports(const kk_elf *self, const char *name);

// The names that it defines for others, in the order of the file.
size_t kk_elf_export_count(const kk_elf *self);
const char *kk_elf_export_at(const kk_elf *self, size_t index);

#endif
