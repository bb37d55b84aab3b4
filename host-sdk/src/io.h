// Files that must be private and are replaced as a whole.
//
// Every system call of the keyring goes through a kk_io, so that a test can make any one of them
// fail, and can see their order.  Functions that return an int return 0 or an errno.
#ifndef KK_IO_H
#define KK_IO_H

#include "str.h"
#include <kk/error.h>
#include <sys/stat.h>
#include <sys/types.h>

// The system calls, with their own conventions (-1 and errno).  Directories are descriptors.
typedef struct kk_io {
    int (*open)(int dir, const char *name, int flags, mode_t mode);
    int (*stat)(int fd, struct stat *out);
    int (*lock)(int fd, int operation);
    ssize_t (*read)(int fd, void *bytes, size_t len);
    ssize_t (*write)(int fd, const void *bytes, size_t len);
    int (*chmod)(int fd, mode_t mode);
    int (*sync)(int fd);
    int (*close)(int fd);
    int (*rename)(int dir, const char *from, const char *to);
    int (*link)(int dir, const char *from, const char *to);
    int (*publish)(int fd, int dir, const char *name); // gives a file made with O_TMPFILE a name
    int (*unlink)(int dir, const char *name);
} kk_io;

// The machine's own.
extern const kk_io kk_io_system;

// Where a file is: its directory, held open, and its name in it.  Start with {.dir = -1}.
typedef struct kk_place {
    int dir;
    char *path;       // absolute if it was given so
    char *parent;     // the path of the directory
    const char *name; // the last part of `path`
} kk_place;

// Opens the directory of [path].  With [follow], links on the way and a link that [path] itself is
// are resolved once, so that what is written lands beside the file that is meant.
int kk_place_open(kk_place *self, const kk_io *io, const char *path, bool follow);
void kk_place_close(kk_place *self, const kk_io *io);

// Who may do what with a file.
typedef enum kk_trust {
    KK_TRUST_PRIVATE, // ours or root's, nobody else may read or write
    KK_TRUST_KEY,     // the same, or root's and readable by a group of ours, as container secrets
    KK_TRUST_OWN      // ours or root's, nobody else may write
} kk_trust;

// Checks what fstat() told of an open file, or of a directory that holds one.  With [sticky] a
// directory where only owners may remove is good enough.  The hint is the command that mends it.
// Errors: KK_ERR_PERMS.
KK_MUST_USE kk_code kk_trust_check(const struct stat *status, kk_trust trust, const char *path,
                                   kk_error *err);
KK_MUST_USE kk_code kk_trust_check_dir(const struct stat *status, bool sticky, const char *path,
                                       kk_error *err);

// Opens and checks the file at a place for reading.  *absent tells that there is none, which is no
// error.  Links are followed only with KK_TRUST_KEY.  Errors: KK_ERR_PERMS, IO.
KK_MUST_USE kk_code kk_place_read(const kk_place *self, const kk_io *io, kk_trust trust, int *fd,
                                  struct stat *status, bool *absent, kk_error *err);

// Reads to the end of the file, at most [size] bytes; *len is how many came.
int kk_io_read(const kk_io *io, int fd, void *bytes, size_t size, size_t *len);

// Writes all of [bytes].
int kk_io_write(const kk_io *io, int fd, kk_str bytes);

// A name for a file that is renamed at once: [prefix], the process and random digits.
enum { KK_IO_TEMP_NAME_SIZE = 64 };
void kk_io_temp_name(const char *prefix, char out[KK_IO_TEMP_NAME_SIZE]);

// Removes the files of a directory whose names begin with [prefix] and which nobody has written to
// for [age_s] seconds: what killed processes left.  With an age, processes that do not know of each
// other may share the directory.  A file that cannot be removed stays.
void kk_io_sweep(const kk_io *io, int dir, const char *prefix, int age_s);

// Writes a new private file and brings it to the disk.  On failure there is none.
int kk_io_write_new(const kk_io *io, int dir, const char *name, kk_str bytes);

// The code of an errno: KK_ERR_NO_SPACE, READ_ONLY or IO; the message is "cannot [verb] 'PATH': ".
kk_code kk_io_fail(kk_error *err, int number, const char *verb, const char *path);

#endif
