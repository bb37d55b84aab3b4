// What the files of the configuration share.
//
//     config_places.c  where the files are
//     config.c         reading and checking
//     config_write.c   remembering the key file, and making directories
#ifndef KK_CONFIG_PRIVATE_H
#define KK_CONFIG_PRIVATE_H

#include "config.h"
#include "config_places.h"
#include "json.h"

enum { KK_CONFIG_MAX = 64 << 10 }; // bytes of a file

struct kk_config {
    kk_places places;
    char *environment_ca_file;
    char *project_path;
    const char **key_command;
    cJSON *tree;    // of config.json, or NULL
    cJSON *project; // of .kk.json, or NULL
};

kk_code kk_config_fail_memory(kk_error *err);

// *out is "BASE/REST", for free().
KK_MUST_USE kk_code kk_config_join(char **out, const char *base, const char *rest, kk_error *err);

#endif
