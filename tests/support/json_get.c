// Prints the raw JSON value at a pointer, for shell scripts: json_get POINTER FILE.  Exits with 1
// where there is none.
#include "json.h"
#include <stdio.h>

enum { FILE_MAX = 128 << 20 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: json_get POINTER FILE\n");
        return 2;
    }
    FILE *file = fopen(argv[2], "r");
    if (file == NULL) {
        fprintf(stderr, "json_get: cannot read %s\n", argv[2]);
        return 2;
    }
    kk_buf text = {.limit = FILE_MAX};
    char block[65536];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        kk_buf_append(&text, block, got);
    }
    fclose(file);
    kk_str value;
    bool found = kk_json_check(kk_buf_view(&text), NULL) == KK_OK &&
                 kk_json_find(kk_buf_view(&text), argv[1], &value);
    if (found) {
        printf("%.*s\n", KK_STR_ARG(value));
    }
    kk_buf_clean(&text);
    return found ? 0 : 1;
}
