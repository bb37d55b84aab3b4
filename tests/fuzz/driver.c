// Runs a fuzz target once over every file of a directory, where no libFuzzer is linked.
#include "fuzz.h"
#include <dirent.h>

enum { SEED_MAX = 1 << 20 };

static void run_file(const char *path, uint8_t *room)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(room, 1, SEED_MAX, file);
    fclose(file);
    // A copy of exactly this size lets a sanitizer see a read past the end.
    uint8_t *copy = malloc(len > 0 ? len : 1);
    REQUIRE(copy != NULL);
    for (size_t i = 0; i < len; i++) {
        copy[i] = room[i];
    }
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static size_t run_directory(const char *name, uint8_t *room)
{
    DIR *directory = opendir(name);
    if (directory == NULL) {
        perror(name);
        exit(1);
    }
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        run_file(path, room);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    uint8_t *room = malloc(SEED_MAX);
    REQUIRE(room != NULL && argc == 2);
    size_t count = run_directory(argv[1], room);
    free(room);
    printf("%zu seeds\n", count);
    return count > 0 ? 0 : 1;
}
