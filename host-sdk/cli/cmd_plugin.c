// kk plugin list and kk plugin check.
#include "check_run.h"
#include "fail.h"
#include "json.h"
#include "output.h"
#include <errno.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

// ---- list

static void list_json(const kk_host *host, kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true,\"plugins\":[");
    for (size_t i = 0; i < kk_host_plugin_count(host); i++) {
        const kk_plugin_info *plugin = kk_host_plugin_at(host, i);
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "plugin", plugin->id);
        kk_output_member(out, "version", plugin->version);
        kk_output_member(out, "path", plugin->path);
        kk_buf_append_format(out, ",\"functions\":%zu}", plugin->tool_count);
    }
    kk_buf_append_byte(out, ']');
    kk_output_refusals(host, out);
    kk_buf_append_text(out, "}\n");
}

static void list_lines(const kk_host *host, kk_buf *out)
{
    for (size_t i = 0; i < kk_host_plugin_count(host); i++) {
        const kk_plugin_info *plugin = kk_host_plugin_at(host, i);
        kk_buf_append_format(out, "%s %s  %zu functions  %s\n", plugin->id, plugin->version,
                             plugin->tool_count, plugin->path);
    }
    for (size_t i = 0; i < kk_host_refusal_count(host); i++) {
        const kk_refusal_info *refusal = kk_host_refusal_at(host, i);
        kk_buf_append_format(out, "refused (%s)  %s\n    %s\n", refusal->error->reason,
                             refusal->path, refusal->error->message);
    }
}

kk_code kk_cmd_plugin_list(kk_run *run, kk_error *err)
{
    kk_host *host = NULL;
    kk_code code = kk_run_open_host(run, &host, err);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = 16 * KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        list_json(host, &out);
    } else {
        list_lines(host, &out);
    }
    kk_host_close(host);
    return kk_output_take(&out, err);
}

// ---- check

static kk_code read_number(const kk_run *run, kk_option_id id, const char *name, uint64_t least,
                           uint64_t most, uint64_t *out, kk_error *err)
{
    const char *text = run->options[id];
    char *end = NULL;
    if (text == NULL) {
        return KK_OK;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        return kk_fail(err, KK_ERR_USAGE, "'--%s' takes a number from %llu to %llu, not '%.32s'",
                       name, (unsigned long long)least, (unsigned long long)most, text);
    }
    *out = number;
    return KK_OK;
}

static kk_code choose_rules(const kk_run *run, check_plan *plan, kk_error *err)
{
    const char *pattern = run->options[KK_OPT_ONLY];
    regex_t regex;
    if (pattern == NULL) {
        return KK_OK;
    }
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return kk_fail(err, KK_ERR_USAGE, "'--only' takes a regular expression, not '%.64s'",
                       pattern);
    }
    size_t chosen = 0;
    for (size_t i = 0; i < kk_check_rule_count(); i++) {
        const kk_check_rule *rule = kk_check_rule_at(i);
        bool wanted = regexec(&regex, rule->id, 0, NULL, 0) == 0 ||
                      regexec(&regex, rule->name, 0, NULL, 0) == 0;
        plan->skipped[i] = !wanted;
        chosen += wanted ? 1 : 0;
    }
    regfree(&regex);
    return chosen > 0 ? KK_OK : kk_fail(err, KK_ERR_USAGE, "no rule is called '%.64s'", pattern);
}

static kk_code read_plan(const kk_run *run, check_plan *plan, kk_error *err)
{
    uint64_t strictness = KK_CHECK_WARNING;
    uint32_t limit_ms = 0;
    (void)!getrandom(&plan->subject.seed, 4, 0);
    plan->subject.seed &= 0xFFFFFFFF;
    kk_code code = read_number(run, KK_OPT_STRICT, "strict", 1, 3, &strictness, err);
    if (code == KK_OK) {
        code = read_number(run, KK_OPT_SEED, "seed", 0, UINT64_MAX, &plan->subject.seed, err);
    }
    if (code == KK_OK) {
        code = kk_run_timeout(run, &limit_ms, err);
    }
    if (code == KK_OK) {
        code = choose_rules(run, plan, err);
    }
    plan->strictness = (int)strictness;
    plan->limit_ms = limit_ms > 0 ? limit_ms : CHECK_LIMIT_MS;
    plan->in_process = kk_run_has(run, KK_OPT_IN_PROCESS);
    return code;
}

static kk_code find_file(const char *word, char *path, kk_error *err)
{
    if (realpath(word, path) == NULL) {
        kk_fail(err, KK_ERR_USAGE, "'%.200s' cannot be checked: %s", word, strerror(errno));
        kk_fail_hint(err, "name the plugin's shared object");
        return KK_ERR_USAGE;
    }
    return KK_OK;
}

static kk_code print_rules(kk_error *err)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    check_write_rules(&out);
    return kk_output_take(&out, err);
}

kk_code kk_cmd_plugin_check(kk_run *run, kk_error *err)
{
    char path[PATH_MAX];
    check_plan plan = {.subject = {.size = sizeof plan.subject, .path = path}};
    check_outcome *outcome = NULL;
    if (kk_run_has(run, KK_OPT_RULES)) {
        return print_rules(err);
    }
    if (run->word_count == 0) {
        kk_fail(err, KK_ERR_USAGE, "'plugin check' needs the FILE to check");
        kk_fail_hint(err, "`kk plugin check --rules` shows the rules");
        return KK_ERR_USAGE;
    }
    kk_code code = read_plan(run, &plan, err);
    if (code == KK_OK) {
        code = find_file(run->words[0], path, err);
    }
    if (code == KK_OK) {
        code = check_run_all(&plan, &outcome, err);
    }
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = 16 * KK_TEXT_MAX};
    bool json = kk_run_has(run, KK_OPT_JSON);
    bool passed = check_write_outcome(&plan, outcome, json, &out);
    code = kk_output_take(&out, err);
    check_outcome_free(outcome);
    if (code == KK_OK && !passed) {
        run->reported = json;
        return kk_fail(err, KK_ERR_CHECK_FAILED, "'%.200s' does not pass", run->words[0]);
    }
    return code;
}
