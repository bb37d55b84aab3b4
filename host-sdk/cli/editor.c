// The line editor.
#include "editor.h"
#include "utf8.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { HISTORY_MAX = 500, WIDTH_USUAL = 80, WIDTH_LEAST = 20, SHOWN_MAX = 200 };

// Keys that are no characters.
enum {
    KEY_NONE = 0,
    KEY_WOKEN = -1,
    KEY_GONE = -2,
    KEY_TEXT = -3, // one character, in editor.typed
    KEY_LEFT = 256,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_DELETE
};

#define KEY_CTRL(letter) ((letter)&0x1F)

struct kk_editor {
    kk_complete_fn complete;
    void *context;
    char *history[HISTORY_MAX]; // the oldest first
    size_t history_count;
    struct termios before;

    // The line that is being edited.
    const char *prompt;
    int wake_fd;
    kk_buf *line;
    size_t cursor;   // a byte of the line
    size_t recalled; // an index into the history, or its count for the line itself
    char typed[4];
    size_t typed_len;
};

kk_editor *kk_editor_new(kk_complete_fn complete, void *context)
{
    kk_editor *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->complete = complete;
        self->context = context;
    }
    return self;
}

void kk_editor_free(kk_editor *self)
{
    for (size_t i = 0; self != NULL && i < self->history_count; i++) {
        free(self->history[i]);
    }
    free(self);
}

// ---- The terminal

static void put(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(STDOUT_FILENO, text, len);
        if (wrote < 0 && errno != EINTR) {
            return; // reading notices that the terminal is gone
        }
        text += wrote > 0 ? wrote : 0;
        len -= wrote > 0 ? (size_t)wrote : 0;
    }
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

// Keys come one by one, unseen, and none is a signal; what is written is left as it is.
static bool become_raw(kk_editor *self)
{
    if (tcgetattr(STDIN_FILENO, &self->before) != 0) {
        return false;
    }
    struct termios raw = self->before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void become_usual(const kk_editor *self)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &self->before);
}

static size_t width(void)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_LEAST;
    return known ? size.ws_col : WIDTH_USUAL;
}

// ---- Characters

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static size_t before(const kk_editor *self, size_t at)
{
    do {
        at -= at > 0 ? 1 : 0;
    } while (at > 0 && continues(self->line->ptr[at]));
    return at;
}

static size_t after(const kk_editor *self, size_t at)
{
    do {
        at += at < self->line->len ? 1 : 0;
    } while (at < self->line->len && continues(self->line->ptr[at]));
    return at;
}

static size_t columns(const kk_editor *self, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        count += continues(self->line->ptr[i]) ? 0 : 1;
    }
    return count;
}

// The place [count] characters from [at] in the direction of [step], or the line's end there.
static size_t walk(const kk_editor *self, size_t at, size_t count,
                   size_t (*step)(const kk_editor *, size_t))
{
    for (size_t i = 0; i < count; i++) {
        at = step(self, at);
    }
    return at;
}

// Shows the part of the line around the cursor that fits.  Looks at no more of it than that, so
// that the keys of a long line that is pasted cost no more than those of a short one.
static void show(const kk_editor *self)
{
    size_t room = width() - strlen(self->prompt) - 1;
    size_t start = walk(self, self->cursor, room, before);
    size_t end = walk(self, start, room, after);
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&out, "\r%s", self->prompt);
    kk_buf_append(&out, kk_buf_text(self->line) + start, end - start);
    kk_buf_append_format(&out, "\x1b[K\r\x1b[%zuC",
                         strlen(self->prompt) + columns(self, start, self->cursor));
    put(kk_buf_text(&out), out.len);
    kk_buf_clean(&out);
}

// ---- Changes

static void erase(kk_editor *self, size_t from, size_t to)
{
    kk_buf *line = self->line;
    if (from < to) {
        memmove(line->ptr + from, line->ptr + to, line->len - to);
        kk_buf_shrink(line, line->len - (to - from));
    }
    self->cursor = from;
}

// A line that is full takes no more.
static void insert(kk_editor *self, const char *text, size_t len)
{
    kk_buf *line = self->line;
    if (len > line->limit - line->len || kk_buf_reserve(line, len) == NULL) {
        return;
    }
    size_t behind = line->len - self->cursor;
    kk_buf_grow(line, len);
    memmove(line->ptr + self->cursor + len, line->ptr + self->cursor, behind);
    memcpy(line->ptr + self->cursor, text, len);
    self->cursor += len;
}

static void erase_word(kk_editor *self)
{
    size_t from = self->cursor;
    while (from > 0 && self->line->ptr[from - 1] == ' ') {
        from--;
    }
    while (from > 0 && self->line->ptr[from - 1] != ' ') {
        from--;
    }
    erase(self, from, self->cursor);
}

// ---- History

static void remember(kk_editor *self, const char *line)
{
    bool again =
        self->history_count > 0 && strcmp(self->history[self->history_count - 1], line) == 0;
    char *copy = line[0] != '\0' && !again ? strdup(line) : NULL;
    if (copy == NULL) {
        return;
    }
    if (self->history_count == HISTORY_MAX) {
        free(self->history[0]);
        memmove(self->history, self->history + 1, (HISTORY_MAX - 1) * sizeof *self->history);
        self->history_count--;
    }
    self->history[self->history_count++] = copy;
}

static void recall(kk_editor *self, size_t index)
{
    if (index > self->history_count) {
        return;
    }
    self->recalled = index;
    erase(self, 0, self->line->len);
    if (index < self->history_count) {
        insert(self, self->history[index], strlen(self->history[index]));
    }
}

// ---- Completion

static bool is_path(char byte)
{
    return byte == '.' || byte == '_' || (byte >= '0' && byte <= '9') ||
           (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static size_t common_length(char *const *paths)
{
    size_t len = strlen(paths[0]);
    for (size_t i = 1; paths[i] != NULL; i++) {
        size_t same = 0;
        while (same < len && paths[0][same] == paths[i][same]) {
            same++;
        }
        len = same;
    }
    return len;
}

static void list_paths(char *const *paths)
{
    put_text("\n");
    for (size_t i = 0; paths[i] != NULL && i < SHOWN_MAX; i++) {
        put_text(paths[i]);
        put_text("\n");
    }
}

static void complete(kk_editor *self)
{
    size_t start = self->cursor;
    while (start > 0 && is_path(self->line->ptr[start - 1])) {
        start--;
    }
    if (start == self->cursor || self->complete == NULL) {
        insert(self, "  ", 2); // so that pasted code keeps its shape
        return;
    }
    char *text = strndup(self->line->ptr + start, self->cursor - start);
    char **paths = text != NULL ? self->complete(self->context, text) : NULL;
    if (paths != NULL && paths[0] != NULL) {
        size_t len = common_length(paths);
        size_t typed = strlen(text);
        if (len > typed) {
            insert(self, paths[0] + typed, len - typed);
        } else if (paths[1] != NULL) {
            list_paths(paths);
        }
    }
    free(paths);
    free(text);
}

// ---- Keys

// The next byte, or KEY_WOKEN or KEY_GONE.
static int next_byte(const kk_editor *self)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = self->wake_fd, .events = POLLIN}};
        unsigned char byte;
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return KEY_GONE;
        }
        if (fds[1].revents != 0) {
            return KEY_WOKEN;
        }
        if (fds[0].revents == 0) {
            continue;
        }
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got == 1) {
            return byte;
        }
        if (got == 0 || errno != EINTR) {
            return KEY_GONE;
        }
    }
}

// What follows an escape: ESC [ A, ESC O H, ESC [ 3 ~ and the like.
static int read_escape(const kk_editor *self)
{
    static const struct {
        char final;
        char digit;
        int key;
    } keys[] = {{'A', 0, KEY_UP},     {'B', 0, KEY_DOWN},     {'C', 0, KEY_RIGHT},
                {'D', 0, KEY_LEFT},   {'H', 0, KEY_HOME},     {'F', 0, KEY_END},
                {'~', '1', KEY_HOME}, {'~', '3', KEY_DELETE}, {'~', '4', KEY_END},
                {'~', '7', KEY_HOME}, {'~', '8', KEY_END}};
    int byte = next_byte(self);
    if (byte != '[' && byte != 'O') {
        return byte < 0 ? byte : KEY_NONE;
    }
    int digit = 0;
    do {
        byte = next_byte(self);
        digit = byte >= '0' && byte <= '9' && digit == 0 ? byte : digit;
    } while ((byte >= '0' && byte <= '9') || byte == ';');
    for (size_t i = 0; byte > 0 && i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].final == byte && (byte != '~' || keys[i].digit == digit)) {
            return keys[i].key;
        }
    }
    return byte < 0 ? byte : KEY_NONE;
}

// A character of several bytes, once it is whole.  One that can be none is dropped.
static int read_character(kk_editor *self, int first)
{
    self->typed_len = 0;
    for (int byte = first; byte >= 0x80; byte = next_byte(self)) {
        self->typed[self->typed_len++] = (char)byte;
        if (kk_utf8_length(self->typed, self->typed_len) > 0) {
            return KEY_TEXT;
        }
        if (self->typed_len == sizeof self->typed) {
            return KEY_NONE;
        }
    }
    return KEY_NONE;
}

static int next_key(kk_editor *self)
{
    int byte = next_byte(self);
    if (byte == 0x1B) {
        return read_escape(self);
    }
    if (byte >= 0x80) {
        return read_character(self, byte);
    }
    if (byte >= 0x20 && byte != 0x7F) {
        self->typed[0] = (char)byte;
        self->typed_len = 1;
        return KEY_TEXT;
    }
    return byte;
}

static void move_or_erase(kk_editor *self, int key)
{
    size_t len = self->line->len;
    switch (key) {
    case KEY_LEFT:
    case KEY_CTRL('b'):
        self->cursor = before(self, self->cursor);
        break;
    case KEY_RIGHT:
    case KEY_CTRL('f'):
        self->cursor = after(self, self->cursor);
        break;
    case KEY_HOME:
    case KEY_CTRL('a'):
        self->cursor = 0;
        break;
    case KEY_END:
    case KEY_CTRL('e'):
        self->cursor = len;
        break;
    case 0x7F:
    case KEY_CTRL('h'):
        erase(self, before(self, self->cursor), self->cursor);
        break;
    case KEY_DELETE:
    case KEY_CTRL('d'):
        erase(self, self->cursor, after(self, self->cursor));
        break;
    case KEY_CTRL('u'):
        erase(self, 0, self->cursor);
        break;
    case KEY_CTRL('k'):
        erase(self, self->cursor, len);
        break;
    default:
        break;
    }
}

// Ctrl-Z stops the program, as everywhere, with the terminal as it was.
static void stop(kk_editor *self)
{
    become_usual(self);
    put_text("\n");
    raise(SIGTSTP);
    become_raw(self);
}

static void act(kk_editor *self, int key)
{
    switch (key) {
    case KEY_TEXT:
        insert(self, self->typed, self->typed_len);
        break;
    case KEY_UP:
    case KEY_CTRL('p'):
        recall(self, self->recalled > 0 ? self->recalled - 1 : 0);
        break;
    case KEY_DOWN:
    case KEY_CTRL('n'):
        recall(self, self->recalled + 1);
        break;
    case KEY_CTRL('w'):
        erase_word(self);
        break;
    case KEY_CTRL('l'):
        put_text("\x1b[H\x1b[2J");
        break;
    case KEY_CTRL('z'):
        stop(self);
        break;
    case '\t':
        complete(self);
        break;
    default:
        move_or_erase(self, key);
        break;
    }
}

// Edits until something ends it.
static kk_edit edit(kk_editor *self)
{
    for (;;) {
        show(self);
        int key = next_key(self);
        if (key == '\r' || key == '\n') {
            return KK_EDIT_LINE;
        }
        if (key == KEY_CTRL('c')) {
            return KK_EDIT_DROPPED;
        }
        if (key == KEY_WOKEN) {
            return KK_EDIT_WOKEN;
        }
        if (key == KEY_GONE || (key == KEY_CTRL('d') && self->line->len == 0)) {
            return KK_EDIT_END;
        }
        act(self, key);
    }
}

// As the terminal gives it.
static kk_edit read_plain(kk_editor *self)
{
    put_text(self->prompt);
    for (;;) {
        int byte = next_byte(self);
        if (byte == '\n') {
            return KK_EDIT_LINE;
        }
        if (byte < 0) {
            return byte == KEY_WOKEN ? KK_EDIT_WOKEN : KK_EDIT_END;
        }
        char typed = (char)byte;
        insert(self, &typed, 1);
    }
}

kk_edit kk_editor_read(kk_editor *self, const char *prompt, int wake_fd, kk_buf *out)
{
    const char *term = getenv("TERM");
    bool able = term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    kk_buf_clear(out);
    self->prompt = prompt;
    self->wake_fd = wake_fd;
    self->line = out;
    self->cursor = 0;
    self->recalled = self->history_count;
    if (!able || !become_raw(self)) {
        return read_plain(self);
    }
    kk_edit outcome = edit(self);
    become_usual(self);
    put_text("\n");
    if (outcome == KK_EDIT_LINE) {
        remember(self, kk_buf_text(out));
    }
    return outcome;
}
