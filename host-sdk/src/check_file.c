// Rules on the file: the stages of loading, and how the object was linked.
#include "check_private.h"
#include "elf_exports.h"
#include "fail.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>

// ---- Stages

static const char describe_symbol[] = "kk_plugin_describe";

// The first three need nothing of the plugin to run.
static kk_code pass_file(kk_check *self, bool with_symbols)
{
    kk_trusted file = {.fd = -1};
    kk_elf *elf = NULL;
    kk_code code = kk_trust_open(self->subject->path, &file, self->err);
    if (code == KK_OK && with_symbols) {
        code = kk_elf_read(file.fd, file.identity.size, file.path, &elf, self->err);
    }
    if (elf != NULL && !kk_elf_exports(elf, describe_symbol)) {
        kk_check_find(self, "it does not export '%s'", describe_symbol);
    }
    kk_elf_free(elf);
    kk_trusted_clean(&file);
    return code;
}

static kk_code pass_all(kk_check *self)
{
    kk_plugin *plugin = NULL;
    const kk_plugin_code *functions = NULL;
    kk_code code = kk_plugin_load(self->subject->path, NULL, &plugin, self->err);
    if (code == KK_OK) {
        code = kk_plugin_bind(plugin, &functions, self->err);
    }
    kk_plugin_free(plugin);
    return code;
}

kk_code kk_check_stage(kk_check *self, const char *stage)
{
    bool is_elf = strcmp(stage, "elf") == 0;
    bool is_file = is_elf || strcmp(stage, "path") == 0 || strcmp(stage, "trust") == 0;
    kk_code code = is_file ? pass_file(self, is_elf) : pass_all(self);
    if (code == KK_ERR_PLUGIN_REFUSED && strcmp(self->err->reason, stage) == 0) {
        kk_check_find(self, "%s", self->err->message);
    }
    // Stages come in their order, and one that refuses has let the plugin pass those before it.
    if (code == KK_ERR_PLUGIN_REFUSED) {
        *self->err = (kk_error){0};
        code = KK_OK;
    }
    return code;
}

// ---- Exports

// What linkers and sanitizers add to every object.
static bool is_from_tools(const char *name)
{
    static const char *const own[] = {"_init", "_fini", "__bss_start", "_edata", "_end"};
    static const char *const prefixes[] = {"__asan",  "__odr_asan",  "__tsan",
                                           "__ubsan", "__sanitizer", "__gcov",
                                           "__llvm_", "__start_",    "__stop_"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(name, own[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_declared(const kk_manifest *manifest, const char *name)
{
    if (strcmp(name, describe_symbol) == 0) {
        return true;
    }
    for (size_t i = 0; i < manifest->tool_count; i++) {
        if (strcmp(name, manifest->tools[i]->symbol) == 0) {
            return true;
        }
    }
    return false;
}

kk_code kk_check_exports(kk_check *self)
{
    kk_trusted file = {.fd = -1};
    kk_elf *elf = NULL;
    kk_code code = kk_trust_open(self->subject->path, &file, self->err);
    if (code == KK_OK) {
        code = kk_elf_read(file.fd, file.identity.size, file.path, &elf, self->err);
    }
    for (size_t i = 0; code == KK_OK && i < kk_elf_export_count(elf); i++) {
        const char *name = kk_elf_export_at(elf, i);
        if (!is_declared(self->manifest, name) && !is_from_tools(name)) {
            kk_check_find(self, "it exports '%.200s'", name);
        }
    }
    kk_elf_free(elf);
    kk_trusted_clean(&file);
    return code;
}

// ---- The dynamic section, as it is mapped

typedef struct linkage {
    const void *base; // of the object that is looked for
    const ElfW(Dyn) * dynamic;
    ElfW(Addr) address;
    bool has_stack;
    bool executable_stack;
    bool relro;
} linkage;

static int note_object(struct dl_phdr_info *info, size_t size, void *context)
{
    linkage *self = context;
    (void)size;
    uintptr_t first = UINTPTR_MAX;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_vaddr < first) {
            first = info->dlpi_phdr[i].p_vaddr;
        }
    }
    if (info->dlpi_addr + first != (uintptr_t)self->base) {
        return 0;
    }
    self->address = info->dlpi_addr;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_DYNAMIC) {
            self->dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + header->p_vaddr);
        } else if (header->p_type == PT_GNU_STACK) {
            self->has_stack = true;
            self->executable_stack = (header->p_flags & PF_X) != 0;
        } else if (header->p_type == PT_GNU_RELRO) {
            self->relro = true;
        }
    }
    return 1;
}

static kk_code read_linkage(kk_check *self, linkage *out)
{
    void *entry;
    Dl_info info;
    memcpy(&entry, &self->code->entries[0], sizeof entry);
    *out = (linkage){0};
    if (dladdr(entry, &info) != 0) {
        out->base = info.dli_fbase;
        dl_iterate_phdr(note_object, out);
    }
    return out->dynamic != NULL
               ? KK_OK
               : kk_fail(self->err, KK_ERR_UNAVAILABLE, "the object's tables cannot be found");
}

// The number behind a tag; false where the object has none.
static bool dynamic_value(const linkage *self, ElfW(Sxword) tag, uintptr_t *value)
{
    for (const ElfW(Dyn) *at = self->dynamic; at->d_tag != DT_NULL; at++) {
        if (at->d_tag == tag) {
            *value = at->d_un.d_val;
            return true;
        }
    }
    return false;
}

static bool has_flag(const linkage *self, ElfW(Sxword) tag, uintptr_t bit)
{
    uintptr_t value = 0;
    return dynamic_value(self, tag, &value) && (value & bit) != 0;
}

// Some dynamic loaders put the address in place of the offset, others do not.
static const char *string_at(const linkage *self, uintptr_t offset)
{
    uintptr_t strings = 0;
    if (!dynamic_value(self, DT_STRTAB, &strings)) {
        return "";
    }
    return (const char *)(strings < self->address ? strings + self->address : strings) + offset;
}

static bool begins_with_one_of(const char *name, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++) {
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const tls_libraries[] = {"libcurl",   "libssl",     "libcrypto",  "libgnutls",
                                            "libsodium", "libmbedtls", "libwolfssl", NULL};
static const char *const usual_libraries[] = {
    "libc.so.",      "libm.so.",     "ld-linux",      "ld64.so",   "libcjson.so.1",
    "libstdc++.so.", "libgcc_s.so.", "libpthread.so", "libdl.so.", "librt.so",
    "libasan.so",    "libtsan.so",   "libubsan.so",   NULL};

static kk_code check_libraries(kk_check *self, bool tls)
{
    linkage object;
    kk_code code = read_linkage(self, &object);
    for (const ElfW(Dyn) *at = object.dynamic; code == KK_OK && at->d_tag != DT_NULL; at++) {
        const char *name = at->d_tag == DT_NEEDED ? string_at(&object, at->d_un.d_val) : NULL;
        if (name == NULL) {
            continue;
        }
        bool is_tls = begins_with_one_of(name, tls_libraries);
        if (is_tls ? tls : !tls && !begins_with_one_of(name, usual_libraries)) {
            kk_check_find(self, "it is linked to '%.200s'", name);
        }
    }
    return code;
}

kk_code kk_check_tls_library(kk_check *self)
{
    return check_libraries(self, true);
}

kk_code kk_check_other_library(kk_check *self)
{
    return check_libraries(self, false);
}

// Finds [problem] unless [holds].
static kk_code expect(kk_check *self, bool holds, const char *problem)
{
    if (!holds) {
        kk_check_find(self, "%s", problem);
    }
    return KK_OK;
}

kk_code kk_check_bind_now(kk_check *self)
{
    linkage object;
    uintptr_t value;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code
                         : expect(self,
                                  has_flag(&object, DT_FLAGS, DF_BIND_NOW) ||
                                      has_flag(&object, DT_FLAGS_1, DF_1_NOW) ||
                                      dynamic_value(&object, DT_BIND_NOW, &value),
                                  "symbols are bound when they are first used");
}

kk_code kk_check_nodelete(kk_check *self)
{
    linkage object;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code
                         : expect(self, has_flag(&object, DT_FLAGS_1, DF_1_NODELETE),
                                  "the flag NODELETE is missing");
}

kk_code kk_check_text_relocation(kk_check *self)
{
    linkage object;
    uintptr_t value;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code
                         : expect(self,
                                  !dynamic_value(&object, DT_TEXTREL, &value) &&
                                      !has_flag(&object, DT_FLAGS, DF_TEXTREL),
                                  "the code has relocations");
}

kk_code kk_check_run_path(kk_check *self)
{
    linkage object;
    uintptr_t offset;
    kk_code code = read_linkage(self, &object);
    if (code == KK_OK && (dynamic_value(&object, DT_RPATH, &offset) ||
                          dynamic_value(&object, DT_RUNPATH, &offset))) {
        kk_check_find(self, "it searches libraries in '%.300s'", string_at(&object, offset));
    }
    return code;
}

kk_code kk_check_stack(kk_check *self)
{
    linkage object;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code
                         : expect(self, object.has_stack && !object.executable_stack,
                                  "it asks for an executable stack");
}

kk_code kk_check_symbolic(kk_check *self)
{
    linkage object;
    uintptr_t value;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code
                         : expect(self,
                                  has_flag(&object, DT_FLAGS, DF_SYMBOLIC) ||
                                      dynamic_value(&object, DT_SYMBOLIC, &value),
                                  "the flag SYMBOLIC is missing");
}

kk_code kk_check_relro(kk_check *self)
{
    linkage object;
    kk_code code = read_linkage(self, &object);
    return code != KK_OK ? code : expect(self, object.relro, "it has no read-only relocations");
}
