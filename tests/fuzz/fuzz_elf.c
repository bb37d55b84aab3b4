// The reader of ELF files, on any bytes.
#include "elf_exports.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void put(int fd, const uint8_t *data, size_t size)
{
    REQUIRE(ftruncate(fd, 0) == 0);
    for (size_t at = 0; at < size;) {
        ssize_t put = pwrite(fd, data + at, size - at, (off_t)at);
        REQUIRE(put > 0);
        at += (size_t)put;
    }
}

// Reads the file as if it had [size] bytes; it may have become shorter since somebody looked.
static void read_file(int fd, uint64_t size)
{
    kk_elf *elf = NULL;
    kk_error err = {0};
    kk_code code = kk_elf_read(fd, size, "/x.so", &elf, &err);
    if (code == KK_OK) {
        REQUIRE(elf != NULL && !kk_elf_exports(elf, ""));
        kk_elf_exports(elf, "kk_plugin_describe");
    } else {
        REQUIRE(code == KK_ERR_PLUGIN_REFUSED && elf == NULL);
        REQUIRE(strcmp(err.reason, "elf") == 0 && strstr(err.message, "/x.so") != NULL);
    }
    kk_elf_free(elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("elf", MFD_CLOEXEC);
        REQUIRE(fd >= 0);
    }
    put(fd, data, size);
    read_file(fd, size);
    read_file(fd, size / 2);
    read_file(fd, (uint64_t)size + 4096);
    return 0;
}
