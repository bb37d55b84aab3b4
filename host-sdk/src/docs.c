// From the name of a page to the page.
#include "docs.h"
#include "docs_write.h"
#include "fail.h"
#include "near.h"
#include <stdlib.h>

// A page of a plugin with many tools is long, and is still text that kk makes itself.
#define PAGE_MAX (4 * KK_TEXT_MAX)

enum { PARTS_MAX = 3, PART_SIZE = 64, NAMES_SIZE = 320 };

// What the name of a page means.
typedef struct target {
    const char *guide;       // or NULL
    const kk_plugin *plugin; // or NULL
    const kk_entry *entry;   // or NULL: the whole plugin
    char account[PART_SIZE]; // or ""
} target;

const char *kk_docs_skip_prefix(const char *page)
{
    static const char *const prefixes[] = {"app.", "integrations."};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(prefixes[i]);
        page += strncmp(page, prefixes[i], len) == 0 ? len : 0;
    }
    return page;
}

bool kk_docs_is_root(const char *page)
{
    static const char *const roots[] = {"", "app", "integrations", "app.integrations"};
    for (size_t i = 0; page != NULL && i < sizeof roots / sizeof *roots; i++) {
        if (strcmp(page, roots[i]) == 0) {
            return true;
        }
    }
    return page == NULL;
}

// Splits at the dots.  0 if there are too many parts or one is empty or too long.
static size_t split(const char *name, char parts[PARTS_MAX][PART_SIZE])
{
    for (size_t count = 0; count < PARTS_MAX; count++) {
        size_t len = strcspn(name, ".");
        if (len == 0 || len >= PART_SIZE) {
            return 0;
        }
        memcpy(parts[count], name, len);
        parts[count][len] = '\0';
        if (name[len] == '\0') {
            return count + 1;
        }
        name += len + 1;
    }
    return 0;
}

static const kk_plugin *find_plugin(const kk_registry *registry, const char *id)
{
    for (size_t i = 0; i < kk_registry_plugin_count(registry); i++) {
        if (strcmp(kk_registry_plugin_info(registry, i)->id, id) == 0) {
            return kk_registry_plugin_at(registry, i);
        }
    }
    return NULL;
}

// By its name within [plugin], or by its slug with any plugin (NULL) or this one.
static const kk_entry *find_entry(const kk_registry *registry, const kk_plugin *plugin,
                                  const char *name)
{
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const kk_entry *entry = kk_registry_at(registry, i);
        bool in_plugin = plugin == NULL || entry->plugin == plugin;
        bool by_name = plugin != NULL && strcmp(entry->info.name, name) == 0;
        if (in_plugin && (by_name || strcmp(entry->info.slug, name) == 0)) {
            return entry;
        }
    }
    return NULL;
}

// Whether [name] was rather meant to be a function of [plugin].
static bool is_near_a_function(const kk_registry *registry, const kk_plugin *plugin,
                               const char *name)
{
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const kk_entry *entry = kk_registry_at(registry, i);
        char ignored[NAMES_SIZE];
        if (entry->plugin == plugin &&
            kk_near(name, &entry->info.name, 1, ignored, sizeof ignored) > 0) {
            return true;
        }
    }
    return false;
}

static bool find_two(const kk_registry *registry, const char *name, target *out)
{
    out->entry = find_entry(registry, out->plugin, name);
    if (out->entry != NULL) {
        return true;
    }
    memcpy(out->account, name, strlen(name) + 1);
    return kk_name_is_valid(name, true) && !is_near_a_function(registry, out->plugin, name);
}

static bool find_target(const kk_registry *registry, const char *page, target *out)
{
    char parts[PARTS_MAX][PART_SIZE];
    const char *name = kk_docs_skip_prefix(page);
    *out = (target){0};
    for (size_t i = 0; i < KK_DOCS_GUIDE_COUNT; i++) {
        if (strcmp(name, kk_docs_guides[i].name) == 0) {
            out->guide = kk_docs_guides[i].name;
            return true;
        }
    }
    size_t count = split(name, parts);
    if (count == 0) {
        return false;
    }
    out->plugin = find_plugin(registry, parts[0]);
    if (out->plugin == NULL) {
        out->entry = count == 1 ? find_entry(registry, NULL, parts[0]) : NULL;
        return out->entry != NULL;
    }
    if (count == 1) {
        return true;
    }
    if (count == 2) {
        return find_two(registry, parts[1], out);
    }
    memcpy(out->account, parts[1], PART_SIZE);
    out->entry = find_entry(registry, out->plugin, parts[2]);
    return out->entry != NULL && kk_name_is_valid(parts[1], true);
}

// Hints at the nearest page of the same form: an account in the name is left out for the
// comparison.
static void hint_near_pages(const kk_registry *registry, const char *page, kk_error *err)
{
    size_t plugins = kk_registry_plugin_count(registry);
    size_t tools = kk_registry_count(registry);
    const char **names = calloc(KK_DOCS_GUIDE_COUNT + plugins + tools, sizeof *names);
    if (names == NULL) {
        return; // near names are a courtesy
    }
    size_t count = 0;
    for (size_t i = 0; i < KK_DOCS_GUIDE_COUNT; i++) {
        names[count++] = kk_docs_guides[i].name;
    }
    for (size_t i = 0; i < plugins; i++) {
        names[count++] = kk_registry_plugin_info(registry, i)->id;
    }
    for (size_t i = 0; i < tools; i++) {
        names[count++] = kk_registry_at(registry, i)->info.function;
    }
    char parts[PARTS_MAX][PART_SIZE];
    char wanted[2 * PART_SIZE];
    const char *name = kk_docs_skip_prefix(page);
    size_t part_count = split(name, parts);
    if (part_count == PARTS_MAX) {
        kk_buf joined = {.limit = sizeof wanted - 1};
        kk_buf_append_format(&joined, "%s.%s", parts[0], parts[2]);
        kk_text_set(wanted, sizeof wanted, kk_buf_text(&joined));
        kk_buf_clean(&joined);
    } else {
        kk_text_set(wanted, sizeof wanted, name);
    }
    kk_fail_near(err, wanted, names, count);
    free(names);
}

static kk_code unknown_page(const kk_registry *registry, const char *page, kk_error *err)
{
    char shown[2 * PART_SIZE];
    kk_text_set(shown, sizeof shown, page);
    kk_code code = kk_fail(err, KK_ERR_UNKNOWN_PAGE, "there is no page '%s'", shown);
    hint_near_pages(registry, page, err);
    kk_fail_hint(err, "'kk docs' without a page lists all");
    return code;
}

static void write_guide(const kk_registry *registry, const char *guide, kk_buf *out)
{
    if (strcmp(guide, "overview") == 0) {
        kk_docs_write_overview(registry, out);
    } else if (strcmp(guide, "errors") == 0) {
        kk_docs_write_errors(out);
    } else {
        kk_docs_write_examples(registry, out);
    }
}

// Sections end with an empty line; a page does not.
static void end_page(kk_buf *out)
{
    while (out->len >= 2 && out->ptr[out->len - 1] == '\n' && out->ptr[out->len - 2] == '\n') {
        out->len--;
    }
}

kk_code kk_docs_page(const kk_registry *registry, const kk_account_names *accounts,
                     const char *page, char **text, kk_error *err)
{
    kk_buf out = {.limit = PAGE_MAX};
    target found = {0};
    if (kk_docs_is_root(page)) {
        kk_docs_write_index(registry, &out);
    } else if (!find_target(registry, page, &found)) {
        return unknown_page(registry, page, err);
    } else if (found.guide != NULL) {
        write_guide(registry, found.guide, &out);
    } else {
        const char *account = found.account[0] != '\0' ? found.account : NULL;
        if (found.entry != NULL) {
            kk_docs_write_function(found.entry, account, &out);
        } else {
            kk_docs_write_plugin(registry, found.plugin, account, accounts, &out);
        }
    }
    kk_code code = kk_buf_check(&out, "the page", err);
    if (code == KK_OK) {
        end_page(&out);
        *text = kk_buf_steal(&out);
    }
    kk_buf_clean(&out);
    return code;
}

const kk_plugin *kk_docs_plugin(const kk_registry *registry, const char *page)
{
    target found = {0};
    bool known = page != NULL && find_target(registry, page, &found);
    return known && found.entry == NULL ? found.plugin : NULL;
}

bool kk_docs_account(const kk_registry *registry, const char *page, const kk_plugin **plugin,
                     char account[64])
{
    target found = {0};
    bool named = page != NULL && find_target(registry, page, &found) && found.account[0] != '\0' &&
                 strcmp(found.account, "default") != 0;
    if (named) {
        *plugin = found.plugin;
        memcpy(account, found.account, sizeof found.account);
    }
    return named;
}
