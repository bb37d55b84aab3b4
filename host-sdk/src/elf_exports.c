// Reading the dynamic symbols of an ELF file, every offset of which is a stranger's word.
#include "elf_exports.h"
#include "fail.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Shdr) elf_section;
typedef ElfW(Sym) elf_symbol;

struct kk_elf {
    char *strings; // NUL-terminated as a whole
    const char **exports;
    size_t count;
};

// A file being read.
typedef struct elf_file {
    int fd;
    uint64_t size;
    const char *path;
    elf_header header;
    elf_section *sections;
    kk_error *err;
} elf_file;

static kk_code refuse(const elf_file *file, const char *problem)
{
    kk_code code = kk_fail(file->err, KK_ERR_PLUGIN_REFUSED, "'%s' %s", file->path, problem);
    kk_fail_reason(file->err, "elf");
    return code;
}

static bool is_inside(const elf_file *file, uint64_t offset, uint64_t len)
{
    return offset <= file->size && len <= file->size - offset;
}

static bool read_at(const elf_file *file, uint64_t offset, void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        ssize_t got = pread(file->fd, at, len, (off_t)offset);
        if (got <= 0) {
            return false;
        }
        at += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return true;
}

// Reads a range into new memory that has one more byte, a NUL.
static kk_code read_range(const elf_file *file, uint64_t offset, uint64_t len, void *out)
{
    if (!is_inside(file, offset, len)) {
        return refuse(file, "is cut short: it names bytes beyond its end");
    }
    char *bytes = malloc((size_t)len + 1);
    if (bytes == NULL) {
        return kk_fail(file->err, KK_ERR_INTERNAL, "out of memory for '%s'", file->path);
    }
    if (!read_at(file, offset, bytes, (size_t)len)) {
        free(bytes);
        return refuse(file, "cannot be read");
    }
    bytes[len] = '\0';
    memcpy(out, &bytes, sizeof bytes);
    return KK_OK;
}

// The header of the object that this code is in, as it is mapped: what a plugin has to agree with.
static const unsigned char *own_header(uint16_t *machine)
{
    Dl_info info;
    if (dladdr((const void *)(uintptr_t)&kk_elf_read, &info) == 0) {
        return NULL;
    }
    const elf_header *own = info.dli_fbase;
    *machine = own->e_machine;
    return memcmp(own->e_ident, ELFMAG, SELFMAG) == 0 ? own->e_ident : NULL;
}

static kk_code check_machine(const elf_file *file)
{
    uint16_t machine = 0;
    const unsigned char *own = own_header(&machine);
    if (own == NULL) {
        return kk_fail(file->err, KK_ERR_INTERNAL, "the host cannot see its own ELF header");
    }
    const unsigned char *ident = file->header.e_ident;
    if (ident[EI_CLASS] != own[EI_CLASS] || ident[EI_DATA] != own[EI_DATA]) {
        kk_code code =
            kk_fail(file->err, KK_ERR_PLUGIN_REFUSED,
                    "'%s' has ELF class %u and byte order %u; this host has %u and %u", file->path,
                    ident[EI_CLASS], ident[EI_DATA], own[EI_CLASS], own[EI_DATA]);
        kk_fail_reason(file->err, "elf");
        return code;
    }
    if (file->header.e_machine != machine) {
        kk_code code = kk_fail(file->err, KK_ERR_PLUGIN_REFUSED,
                               "'%s' is for ELF machine %u; this host runs on %u", file->path,
                               file->header.e_machine, machine);
        kk_fail_reason(file->err, "elf");
        kk_fail_hint(file->err, "install the plugin that was built for this architecture");
        return code;
    }
    return KK_OK;
}

static kk_code read_header(elf_file *file)
{
    unsigned char magic[SELFMAG];
    if (file->size < sizeof magic || !read_at(file, 0, magic, sizeof magic) ||
        memcmp(magic, ELFMAG, SELFMAG) != 0) {
        return refuse(file, "is not an ELF file");
    }
    if (file->size < sizeof file->header || !read_at(file, 0, &file->header, sizeof file->header)) {
        return refuse(file, "is cut short: it ends within its ELF header");
    }
    kk_code code = check_machine(file);
    if (code != KK_OK) {
        return code;
    }
    if (file->header.e_type != ET_DYN) {
        return refuse(file, "is not a shared object");
    }
    if (file->header.e_shnum == 0 || file->header.e_shentsize != sizeof(elf_section)) {
        return refuse(file, "has no section headers, so its symbols cannot be checked");
    }
    return KK_OK;
}

static const elf_section *find_dynsym(const elf_file *file)
{
    for (size_t i = 0; i < file->header.e_shnum; i++) {
        const elf_section *section = &file->sections[i];
        bool linked = section->sh_link < file->header.e_shnum;
        if (section->sh_type == SHT_DYNSYM && section->sh_entsize == sizeof(elf_symbol) && linked) {
            return section;
        }
    }
    return NULL;
}

// A symbol whose name is empty, wherever in [strings] it stands, cannot be asked for.
static bool is_export(const elf_symbol *symbol, const char *strings, uint64_t strings_len)
{
    unsigned bind = symbol->st_info >> 4;
    unsigned visibility = symbol->st_other & 3;
    return symbol->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK) &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED) &&
           symbol->st_name < strings_len && strings[symbol->st_name] != '\0';
}

static kk_code list_exports(const elf_file *file, const elf_section *section, uint64_t strings_len,
                            kk_elf *out)
{
    elf_symbol *symbols = NULL;
    kk_code code = read_range(file, section->sh_offset, section->sh_size, &symbols);
    if (code != KK_OK) {
        return code;
    }
    size_t total = (size_t)(section->sh_size / sizeof *symbols);
    out->exports = calloc(total + 1, sizeof *out->exports);
    if (out->exports == NULL) {
        code = kk_fail(file->err, KK_ERR_INTERNAL, "out of memory for '%s'", file->path);
    }
    for (size_t i = 0; i < total && code == KK_OK; i++) {
        if (is_export(&symbols[i], out->strings, strings_len)) {
            out->exports[out->count++] = out->strings + symbols[i].st_name;
        }
    }
    free(symbols);
    return code;
}

static kk_code read_symbols(elf_file *file, kk_elf *out)
{
    uint64_t table_len = (uint64_t)file->header.e_shnum * sizeof *file->sections;
    kk_code code = read_range(file, file->header.e_shoff, table_len, &file->sections);
    if (code != KK_OK) {
        return code;
    }
    const elf_section *dynsym = find_dynsym(file);
    if (dynsym == NULL) {
        return refuse(file, "has no dynamic symbols");
    }
    const elf_section *strings = &file->sections[dynsym->sh_link];
    if (strings->sh_type != SHT_STRTAB) {
        return refuse(file, "has dynamic symbols without names");
    }
    code = read_range(file, strings->sh_offset, strings->sh_size, &out->strings);
    if (code != KK_OK) {
        return code;
    }
    return list_exports(file, dynsym, strings->sh_size, out);
}

kk_code kk_elf_read(int fd, uint64_t size, const char *path, kk_elf **out, kk_error *err)
{
    elf_file file = {.fd = fd, .size = size, .path = path, .err = err};
    kk_elf *elf = calloc(1, sizeof *elf);
    if (elf == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", path);
    }
    kk_code code = read_header(&file);
    if (code == KK_OK) {
        code = read_symbols(&file, elf);
    }
    free(file.sections);
    if (code != KK_OK) {
        kk_elf_free(elf);
        return code;
    }
    *out = elf;
    return KK_OK;
}

void kk_elf_free(kk_elf *self)
{
    if (self == NULL) {
        return;
    }
    free(self->exports);
    free(self->strings);
    free(self);
}

bool kk_elf_exports(const kk_elf *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->exports[i], name) == 0) {
            return true;
        }
    }
    return false;
}

size_t kk_elf_export_count(const kk_elf *self)
{
    return self->count;
}

const char *kk_elf_export_at(const kk_elf *self, size_t index)
{
    return self->exports[index];
}
