// kk plugin new NAME DIR: a plugin to begin with, as a project of its own.
//
// Everything is made in memory first.  DIR is new or empty, no file is ever replaced, and when one
// cannot be written those before it are removed again.
#include "fail.h"
#include "output.h"
#include "plugin_template.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 63, PATH_SIZE = 128, FILES_MAX = 32 };

typedef struct file {
    char path[PATH_SIZE]; // in the directory
    kk_buf text;
} file;

typedef struct project {
    const char *dir;
    int fd;    // of the directory, or -1
    bool made; // the directory is ours
    const char *name;
    char title[NAME_MAX_BYTES + 1];
    char upper[NAME_MAX_BYTES + 1];
    file files[FILES_MAX];
    size_t count;
    size_t written; // files that are there
} project;

// ---- The name

// The rule of kk/plugin.h: words of small letters and digits between single underscores.
static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || name[0] < 'a' || name[0] > 'z' ||
        name[len - 1] == '_') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len &&
           strstr(name, "__") == NULL;
}

// Scripts write app.integrations.NAME, where these words cannot stand.
static bool is_lua_keyword(const char *name)
{
    static const char *const keywords[] = {"and",   "break", "do",       "else", "elseif", "end",
                                           "false", "for",   "function", "goto", "if",     "in",
                                           "local", "nil",   "not",      "or",   "repeat", "return",
                                           "then",  "true",  "until",    "while"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcmp(name, keywords[i]) == 0) {
            return true;
        }
    }
    return false;
}

static kk_code check_name(const char *name, kk_error *err)
{
    kk_code code = KK_OK;
    if (!name_is_valid(name)) {
        code = kk_fail(err, KK_ERR_USAGE, "'%.64s' is not the name of a plugin", name);
        kk_fail_hint(err, "a name is small letters, digits and single '_' between them, begins "
                          "with a letter, and has at most 63 bytes, such as 'acme_tools'");
    } else if (is_lua_keyword(name)) {
        code = kk_fail(err, KK_ERR_USAGE, "'%s' is a word of Lua, so that no script could name it",
                       name);
        kk_fail_hint(err, "call the plugin '%s_tools', for example", name);
    }
    return code;
}

// "acme_tools" as "Acme Tools" and "ACME_TOOLS".
static void spell_name(project *self)
{
    bool begins = true;
    for (size_t i = 0; self->name[i] != '\0'; i++) {
        char upper = (char)toupper((unsigned char)self->name[i]);
        self->upper[i] = upper;
        self->title[i] = self->name[i] == '_' ? ' ' : begins ? upper : self->name[i];
        begins = self->name[i] == '_';
    }
}

// ---- The files

static bool starts_with(kk_str text, const char *word)
{
    return text.len >= strlen(word) && memcmp(text.ptr, word, strlen(word)) == 0;
}

static void substitute(const project *self, kk_str text, kk_buf *out)
{
    const char *const pairs[][2] = {{KK_TEMPLATE_NAME, self->name},
                                    {KK_TEMPLATE_TITLE, self->title},
                                    {KK_TEMPLATE_UPPER, self->upper}};
    while (text.len > 0) {
        const char *const *pair = NULL;
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0] && pair == NULL; i++) {
            pair = starts_with(text, pairs[i][0]) ? pairs[i] : NULL;
        }
        size_t len = pair != NULL ? strlen(pair[0]) : 1;
        kk_buf_append(out, pair != NULL ? pair[1] : text.ptr, pair != NULL ? strlen(pair[1]) : 1);
        text = (kk_str){text.ptr + len, text.len - len};
    }
}

static kk_code make_file(project *self, const kk_template_file *from, kk_error *err)
{
    if (self->count == FILES_MAX) {
        return kk_fail(err, KK_ERR_INTERNAL, "the template has more than %d files", FILES_MAX);
    }
    file *to = &self->files[self->count++];
    kk_buf path = {.limit = PATH_SIZE - 1};
    to->text = (kk_buf){.limit = KK_TEXT_MAX};
    substitute(self, kk_str_from(from->path), &path);
    substitute(self, (kk_str){from->text, from->len}, &to->text);
    kk_text_set(to->path, sizeof to->path, kk_buf_text(&path));
    kk_code code = kk_buf_check(&path, "a file's name", err);
    kk_buf_clean(&path);
    return code == KK_OK ? kk_buf_check(&to->text, to->path, err) : code;
}

static kk_code make_files(project *self, bool cxx, kk_error *err)
{
    kk_code code = KK_OK;
    for (size_t i = 0; i < kk_template_file_count && code == KK_OK; i++) {
        const kk_template_file *from = &kk_template_files[i];
        if (cxx ? from->in_cxx : from->in_c) {
            code = make_file(self, from, err);
        }
    }
    return code;
}

// ---- The directory

static kk_code fail_errno(kk_error *err, int number, const char *verb, const char *dir,
                          const char *path)
{
    kk_code code = number == ENOSPC || number == EDQUOT ? KK_ERR_NO_SPACE
                   : number == EROFS                    ? KK_ERR_READ_ONLY
                   : number == EEXIST                   ? KK_ERR_CONFLICT
                                                        : KK_ERR_IO;
    return kk_fail(err, code, "cannot %s '%.160s%s%s': %s", verb, dir, path[0] != '\0' ? "/" : "",
                   path, strerror(number));
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// Whether nothing is in the directory.
static kk_code check_empty(const project *self, kk_error *err)
{
    int fd = dup(self->fd);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        int number = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fail_errno(err, number, "read", self->dir, "");
    }
    const struct dirent *entry = NULL;
    errno = 0;
    do {
        entry = readdir(list);
    } while (entry != NULL && is_dots(entry->d_name));
    kk_code code = KK_OK;
    if (entry != NULL) {
        code = kk_fail(err, KK_ERR_CONFLICT, "'%.160s' holds '%.64s' already; nothing was written",
                       self->dir, entry->d_name);
        kk_fail_hint(err, "name a directory that is new or empty");
    } else if (errno != 0) {
        code = fail_errno(err, errno, "read", self->dir, "");
    }
    closedir(list);
    return code;
}

// Opens the directory if there is one; a file in its place is a conflict.
static kk_code open_directory(project *self, kk_error *err)
{
    self->fd = open(self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->fd >= 0) {
        return self->made ? KK_OK : check_empty(self, err);
    }
    if (errno == ENOENT) {
        return KK_OK;
    }
    if (errno == ENOTDIR) {
        kk_fail(err, KK_ERR_CONFLICT, "'%.160s' is no directory; nothing was written", self->dir);
        kk_fail_hint(err, "name a directory that is new or empty");
        return KK_ERR_CONFLICT;
    }
    return fail_errno(err, errno, "open", self->dir, "");
}

static kk_code make_directory(project *self, kk_error *err)
{
    if (mkdir(self->dir, 0777) != 0) {
        kk_code code = fail_errno(err, errno, "make the directory", self->dir, "");
        if (errno == ENOENT) {
            kk_fail_hint(err, "make the directory above it first");
        }
        return code;
    }
    self->made = true;
    kk_code code = open_directory(self, err);
    if (code == KK_OK && self->fd < 0) {
        code = kk_fail(err, KK_ERR_CONFLICT, "'%.160s' was removed meanwhile", self->dir);
    }
    return code;
}

// The directory of a path inside the project, or false if it has none.
static bool directory_of(const char *path, char out[PATH_SIZE])
{
    const char *slash = strchr(path, '/');
    kk_text_set(out, PATH_SIZE, path);
    out[slash != NULL ? (size_t)(slash - path) : 0] = '\0';
    return slash != NULL;
}

// Writes all of [text] to a new file.  0 or an errno; what is there of it then is the caller's.
static int write_file(int dir, const char *path, kk_str text)
{
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return errno;
    }
    int failed = 0;
    while (text.len > 0 && failed == 0) {
        ssize_t wrote = write(fd, text.ptr, text.len);
        if (wrote < 0 && errno != EINTR) {
            failed = errno;
        } else if (wrote > 0) {
            text = (kk_str){text.ptr + wrote, text.len - (size_t)wrote};
        }
    }
    if (close(fd) != 0 && failed == 0 && errno != EINTR) {
        failed = errno;
    }
    if (failed != 0) {
        unlinkat(dir, path, 0);
    }
    return failed;
}

static kk_code write_files(project *self, kk_error *err)
{
    for (; self->written < self->count; self->written++) {
        const file *next = &self->files[self->written];
        char directory[PATH_SIZE];
        if (directory_of(next->path, directory) && mkdirat(self->fd, directory, 0777) != 0) {
            return fail_errno(err, errno, "make the directory", self->dir, directory);
        }
        int failed = write_file(self->fd, next->path, kk_buf_view(&next->text));
        if (failed != 0) {
            return fail_errno(err, failed, "write", self->dir, next->path);
        }
    }
    return KK_OK;
}

// Takes back what was written.  The hint says what became of it.
static void undo(project *self, kk_error *err)
{
    size_t left = 0;
    for (size_t i = 0; self->fd >= 0 && i < self->count; i++) {
        char directory[PATH_SIZE];
        bool ours = i < self->written;
        left += ours && unlinkat(self->fd, self->files[i].path, 0) != 0 ? 1 : 0;
        if (i <= self->written && directory_of(self->files[i].path, directory)) {
            unlinkat(self->fd, directory, AT_REMOVEDIR);
        }
    }
    if (self->made) {
        left += rmdir(self->dir) != 0 ? 1 : 0;
    }
    if (left > 0) {
        kk_fail_hint(err, "what was written could not be removed again: look into '%.100s'",
                     self->dir);
    } else {
        kk_fail_hint(err, "nothing of it was left behind");
    }
}

static kk_code write_project(project *self, kk_error *err)
{
    kk_code code = self->fd >= 0 ? KK_OK : make_directory(self, err);
    if (code == KK_OK) {
        code = write_files(self, err);
    }
    if (code != KK_OK && (self->made || self->fd >= 0)) {
        undo(self, err);
    }
    return code;
}

// ---- What is told

static void write_json(const project *self, bool written, kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true");
    kk_output_member(out, "directory", self->dir);
    kk_output_name(out, "files");
    kk_buf_append_byte(out, '[');
    for (size_t i = 0; i < self->count; i++) {
        kk_buf_append_format(out, "%s\"%s\"", i > 0 ? "," : "", self->files[i].path);
    }
    kk_buf_append_format(out, "],\"written\":%s}\n", written ? "true" : "false");
}

static kk_code report(const kk_run *run, const project *self, bool written, kk_error *err)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        write_json(self, written, &out);
        return kk_output_take(&out, err);
    }
    for (size_t i = 0; i < self->count; i++) {
        kk_buf_append_format(&out, "%s/%s\n", self->dir, self->files[i].path);
    }
    kk_code code = kk_output_take(&out, err);
    if (code == KK_OK && written) {
        kk_output_note("%s/README.md says how to build and test it", self->dir);
    }
    return code;
}

static void clean(project *self)
{
    for (size_t i = 0; i < self->count; i++) {
        kk_buf_clean(&self->files[i].text);
    }
    if (self->fd >= 0) {
        close(self->fd);
    }
    free(self);
}

kk_code kk_cmd_plugin_new(kk_run *run, kk_error *err)
{
    kk_code code = check_name(run->words[0], err);
    if (code != KK_OK) {
        return code;
    }
    project *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the project");
    }
    bool write = !kk_run_has(run, KK_OPT_DRY_RUN);
    self->name = run->words[0];
    self->dir = run->words[1];
    self->fd = -1;
    spell_name(self);
    code = make_files(self, kk_run_has(run, KK_OPT_CXX), err);
    if (code == KK_OK) {
        code = open_directory(self, err);
    }
    if (code == KK_OK && write) {
        code = write_project(self, err);
    }
    if (code == KK_OK) {
        code = report(run, self, write, err);
    }
    clean(self);
    return code;
}
