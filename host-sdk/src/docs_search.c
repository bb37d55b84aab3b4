// Lists of documentation pages: those below a name, and those that speak of some words.
#include "docs.h"
#include "docs_write.h"
#include "fail.h"
#include "json.h"
#include "near.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 12, WORD_SIZE = 48, NAME_SIZE = 160, FOUND_MAX = 20, NEAR_MAX = 3 };

// How much a word counts by where a page holds it.  One place is worth more than the next one with
// any way to match, so that names go before descriptions, and those before parameters.
enum {
    IN_NAME = 12,
    IN_NAME_SHORT = 7, // abbreviated
    IN_DESCRIPTION = 6,
    IN_DESCRIPTION_SHORT = 4,
    IN_PARAMETER = 3,
    IN_PARAMETER_SHORT = 2,
    IN_PARAMETER_TEXT = 1
};

typedef struct query {
    char words[WORDS_MAX][WORD_SIZE];
    size_t count;
} query;

typedef struct page {
    char name[NAME_SIZE];
    const char *summary;
    int scores[WORDS_MAX]; // of each word, 0 = not there
    size_t held;           // how many words it holds
    int sum;
    int best;
    size_t order; // among all pages
} page;

typedef struct shelf {
    page *pages;
    size_t count;
} shelf;

// ---- Words

static bool is_filler(const char *word)
{
    static const char *const fillers[] = {"a",  "an", "and", "for", "from", "how",
                                          "in", "is", "of",  "on",  "or",   "the",
                                          "to", "do", "i",   "my",  "with", "all"};
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        if (strcmp(word, fillers[i]) == 0) {
            return true;
        }
    }
    return false;
}

// The next run of letters and digits at *at, in lower case; false at the end.  A longer one is cut.
static bool next_token(const char **at, char *out)
{
    while (**at != '\0' && !isalnum((unsigned char)**at)) {
        (*at)++;
    }
    size_t len = 0;
    for (; isalnum((unsigned char)**at); (*at)++) {
        if (len < WORD_SIZE - 1) {
            out[len++] = (char)tolower((unsigned char)**at);
        }
    }
    out[len] = '\0';
    return len > 0;
}

// Without the ending of a plural: "branches" and "branch" are the same word, and so are
// "databases" and "database".
static void make_singular(char *word)
{
    size_t len = strlen(word);
    bool hisses =
        len > 4 && (strcmp(word + len - 4, "ches") == 0 || strcmp(word + len - 4, "shes") == 0 ||
                    strcmp(word + len - 3, "xes") == 0);
    if (hisses) {
        word[len - 2] = '\0';
    } else if (len > 3 && word[len - 1] == 's' && word[len - 2] != 's') {
        word[len - 1] = '\0';
    }
}

static void read_query(const char *text, query *out)
{
    query fillers = {.count = 0};
    char word[WORD_SIZE] = "";
    *out = (query){.count = 0};
    while (next_token(&text, word)) {
        query *into = is_filler(word) ? &fillers : out;
        if (into->count < WORDS_MAX) {
            make_singular(word);
            memcpy(into->words[into->count++], word, WORD_SIZE);
        }
    }
    // "all" alone is a word like any other.
    if (out->count == 0) {
        *out = fillers;
    }
}

// Whether a short [word] leaves letters out of [token]: db, org, repl.
static bool abbreviates(const char *word, const char *token)
{
    size_t len = strlen(word);
    if (len < 2 || len > 4 || word[0] != token[0]) {
        return false;
    }
    for (; *token != '\0' && *word != '\0'; token++) {
        word += *word == *token ? 1 : 0;
    }
    return *word == '\0';
}

typedef enum fit { FITS_NOT, FITS_SHORT, FITS } fit;

static fit fit_of(const char *word, const char *token)
{
    char singular[WORD_SIZE];
    memcpy(singular, token, WORD_SIZE);
    make_singular(singular);
    size_t len = strlen(word);
    if (strcmp(word, singular) == 0 || (len > 2 && strncmp(word, token, len) == 0)) {
        return FITS;
    }
    return abbreviates(word, singular) ? FITS_SHORT : FITS_NOT;
}

// Counts the words of [wanted] that [text] holds: [full] each, or [part] where one is abbreviated.
static void look(const query *wanted, const char *text, int full, int part, page *into)
{
    char token[WORD_SIZE];
    while (text != NULL && next_token(&text, token)) {
        for (size_t i = 0; i < wanted->count; i++) {
            fit found = fit_of(wanted->words[i], token);
            int score = found == FITS ? full : found == FITS_SHORT ? part : 0;
            into->scores[i] = score > into->scores[i] ? score : into->scores[i];
        }
    }
}

// ---- Pages

static page *add_page(shelf *self, const char *name, const char *summary)
{
    page *added = &self->pages[self->count];
    *added = (page){.summary = summary, .order = self->count};
    kk_text_set(added->name, sizeof added->name, name);
    self->count++;
    return added;
}

static void look_at_errors(const query *wanted, page *into)
{
    for (int code = 1; code < KK_CODE_COUNT; code++) {
        look(wanted, kk_code_name((kk_code)code), IN_PARAMETER, 0, into);
        look(wanted, kk_code_meaning((kk_code)code), IN_PARAMETER_TEXT, 0, into);
    }
}

static void add_guides(const query *wanted, shelf *self)
{
    for (size_t i = 0; i < KK_DOCS_GUIDE_COUNT; i++) {
        const kk_docs_guide *guide = &kk_docs_guides[i];
        page *added = add_page(self, guide->name, guide->summary);
        look(wanted, guide->name, IN_NAME, 0, added);
        look(wanted, guide->summary, IN_DESCRIPTION, 0, added);
        if (strcmp(guide->name, "errors") == 0) {
            look_at_errors(wanted, added);
        }
    }
}

static void add_plugin(const kk_registry *registry, size_t index, const query *wanted, shelf *self)
{
    const kk_manifest *manifest = kk_plugin_manifest(kk_registry_plugin_at(registry, index));
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "integrations.%s", manifest->id);
    page *added = add_page(self, name, kk_registry_plugin_info(registry, index)->summary);
    look(wanted, manifest->id, IN_NAME, IN_NAME_SHORT, added);
    look(wanted, manifest->title, IN_NAME, IN_NAME_SHORT, added);
    look(wanted, manifest->summary, IN_DESCRIPTION, IN_DESCRIPTION_SHORT, added);
    look(wanted, manifest->description, IN_DESCRIPTION, 0, added);
    look(wanted, manifest->category, IN_DESCRIPTION, 0, added);
    for (size_t i = 0; manifest->tags != NULL && manifest->tags[i] != NULL; i++) {
        look(wanted, manifest->tags[i], IN_DESCRIPTION, 0, added);
    }
}

static void add_function(const kk_entry *entry, const query *wanted, shelf *self)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "integrations.%s", entry->info.function);
    page *added = add_page(self, name, entry->info.summary);
    look(wanted, entry->info.name, IN_NAME, IN_NAME_SHORT, added);
    look(wanted, entry->info.title, IN_DESCRIPTION, IN_DESCRIPTION_SHORT, added);
    look(wanted, entry->info.summary, IN_DESCRIPTION, IN_DESCRIPTION_SHORT, added);
    look(wanted, entry->info.description, IN_DESCRIPTION, 0, added);
    look(wanted, entry->info.operation, IN_DESCRIPTION, 0, added);
    const kk_schema *schema = kk_entry_schema(entry);
    for (size_t i = 0; i < kk_schema_property_count(schema); i++) {
        const kk_schema_property *property = kk_schema_property_at(schema, i);
        look(wanted, property->name, IN_PARAMETER, IN_PARAMETER_SHORT, added);
        look(wanted, property->description, IN_PARAMETER_TEXT, 0, added);
    }
}

// Every page with its scores, in the order of the list.  False if memory runs out.
static bool fill(const kk_registry *registry, const query *wanted, shelf *self)
{
    size_t plugins = kk_registry_plugin_count(registry);
    size_t room = KK_DOCS_GUIDE_COUNT + plugins + kk_registry_count(registry);
    *self = (shelf){.pages = calloc(room, sizeof *self->pages)};
    if (self->pages == NULL) {
        return false;
    }
    add_guides(wanted, self);
    for (size_t p = 0; p < plugins; p++) {
        add_plugin(registry, p, wanted, self);
        for (size_t i = 0; i < kk_registry_count(registry); i++) {
            if (kk_registry_at(registry, i)->plugin == kk_registry_plugin_at(registry, p)) {
                add_function(kk_registry_at(registry, i), wanted, self);
            }
        }
    }
    return true;
}

static void write_page(const page *self, const char *matched, kk_buf *out)
{
    kk_buf_append_text(out, out->ptr[out->len - 1] == '[' ? "{\"page\":" : ",{\"page\":");
    kk_json_write_string(out, kk_str_from(self->name));
    kk_buf_append_text(out, ",\"summary\":");
    kk_json_write_string(out, kk_str_from(self->summary));
    kk_buf_append_format(out, matched != NULL ? ",\"matched\":\"%s\"}" : "}",
                         matched != NULL ? matched : "");
}

static kk_code take_json(kk_buf *text, char **json, kk_error *err)
{
    kk_buf_append_byte(text, ']');
    kk_code code = kk_buf_check(text, "the list of pages", err);
    if (code == KK_OK) {
        *json = kk_buf_steal(text);
    }
    kk_buf_clean(text);
    return code;
}

// ---- The list

static bool is_below(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    const char *bare = kk_docs_skip_prefix(name);
    return len == 0 || (strncmp(bare, prefix, len) == 0 && (bare[len] == '\0' || bare[len] == '.'));
}

static kk_code fail_near_pages(const shelf *pages, const char *wanted, kk_error *err)
{
    const char **names = calloc(pages->count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < pages->count; i++) {
        names[i] = pages->pages[i].name;
    }
    kk_fail_near(err, wanted, names, names != NULL ? pages->count : 0);
    kk_fail_hint(err, "'kk docs' without a page lists all");
    free(names);
    return KK_ERR_UNKNOWN_PAGE;
}

kk_code kk_docs_list(const kk_registry *registry, const char *prefix, char **json, kk_error *err)
{
    const char *wanted = kk_docs_is_root(prefix) ? "" : kk_docs_skip_prefix(prefix);
    query none = {.count = 0};
    shelf pages;
    kk_buf out = {.limit = 4 * KK_TEXT_MAX};
    if (!fill(registry, &none, &pages)) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the list of pages");
    }
    kk_buf_append_byte(&out, '[');
    size_t found = 0;
    for (size_t i = 0; i < pages.count && out.failed == KK_OK; i++) {
        if (is_below(pages.pages[i].name, wanted)) {
            write_page(&pages.pages[i], NULL, &out);
            found++;
        }
    }
    kk_code code = KK_OK;
    if (found == 0) {
        kk_fail(err, KK_ERR_UNKNOWN_PAGE, "there is no page '%.128s' and none below it", prefix);
        code = fail_near_pages(&pages, prefix, err);
    } else {
        code = take_json(&out, json, err);
    }
    kk_buf_clean(&out);
    free(pages.pages);
    return code;
}

// ---- The search

static int compare(const void *left, const void *right)
{
    const page *a = left;
    const page *b = right;
    if (a->held != b->held) {
        return a->held > b->held ? -1 : 1;
    }
    if (a->sum != b->sum) {
        return a->sum > b->sum ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static void rate(const query *wanted, page *self)
{
    for (size_t i = 0; i < wanted->count; i++) {
        self->held += self->scores[i] > 0 ? 1 : 0;
        self->sum += self->scores[i];
        self->best = self->scores[i] > self->best ? self->scores[i] : self->best;
    }
}

static const char *place_of(int score)
{
    return score > IN_DESCRIPTION ? "name" : score > IN_PARAMETER ? "description" : "parameter";
}

// Hints at the pages with a word in their name that is near one of the query's.
static void hint_near_words(const shelf *pages, const query *wanted, kk_error *err)
{
    kk_buf list = {.limit = 256};
    size_t found = 0;
    for (size_t p = 0; p < pages->count && found < NEAR_MAX; p++) {
        const char *at = kk_docs_skip_prefix(pages->pages[p].name);
        char token[WORD_SIZE];
        bool near = false;
        while (!near && next_token(&at, token)) {
            make_singular(token);
            const char *name = token;
            char ignored[WORD_SIZE + 4];
            for (size_t i = 0; !near && i < wanted->count; i++) {
                near = kk_near(wanted->words[i], &name, 1, ignored, sizeof ignored) > 0;
            }
        }
        if (near) {
            kk_buf_append_format(&list, "%s'%s'", found > 0 ? ", " : "", pages->pages[p].name);
            found++;
        }
    }
    if (found > 0 && list.failed == KK_OK) {
        kk_fail_hint(err, "near it are %s", kk_buf_text(&list));
    }
    kk_fail_hint(err, "'kk docs' without a page lists all");
    kk_buf_clean(&list);
}

static kk_code write_found(const shelf *pages, kk_buf *out)
{
    kk_buf_append_byte(out, '[');
    size_t count = 0;
    while (count < pages->count && count < FOUND_MAX && pages->pages[count].held > 0 &&
           out->failed == KK_OK) {
        write_page(&pages->pages[count], place_of(pages->pages[count].best), out);
        count++;
    }
    return count > 0 ? KK_OK : KK_ERR_UNKNOWN_PAGE;
}

kk_code kk_docs_search(const kk_registry *registry, const char *words, char **json, kk_error *err)
{
    query wanted;
    shelf pages;
    kk_buf out = {.limit = KK_TEXT_MAX};
    read_query(words, &wanted);
    if (!fill(registry, &wanted, &pages)) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the search");
    }
    for (size_t i = 0; i < pages.count; i++) {
        rate(&wanted, &pages.pages[i]);
    }
    qsort(pages.pages, pages.count, sizeof *pages.pages, compare);
    kk_code code = write_found(&pages, &out);
    if (code == KK_OK) {
        code = take_json(&out, json, err);
    } else {
        kk_fail(err, code, "no page speaks of '%.128s'", words);
        hint_near_words(&pages, &wanted, err);
    }
    kk_buf_clean(&out);
    free(pages.pages);
    return code;
}
