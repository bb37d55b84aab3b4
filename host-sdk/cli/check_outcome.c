// Findings: as lines, as JSON, and the rules as a page.
#include "check_outcome.h"
#include "fail.h"
#include "output.h"
#include <ctype.h>
#include <stdlib.h>

typedef struct finding {
    struct finding *next;
    size_t rule;
    bool skipped; // the rule was not run
    char text[];
} finding;

struct check_outcome {
    finding *first;
    finding **last;
    size_t counts[CHECK_RULES_MAX];
    bool refused;
    char broken[512];
};

static const char *const severities[] = {"", "error", "warning", "advice"};

check_outcome *check_outcome_new(void)
{
    check_outcome *self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->last = &self->first;
    }
    return self;
}

void check_outcome_free(check_outcome *self)
{
    while (self != NULL && self->first != NULL) {
        finding *next = self->first->next;
        free(self->first);
        self->first = next;
    }
    free(self);
}

static void append(check_outcome *self, size_t rule, bool skipped, const char *text)
{
    size_t len = strlen(text);
    finding *added = malloc(sizeof *added + len + 1);
    if (added == NULL) {
        return;
    }
    *added = (finding){.rule = rule, .skipped = skipped};
    memcpy(added->text, text, len + 1);
    *self->last = added;
    self->last = &added->next;
}

void check_outcome_add(check_outcome *self, size_t rule, const char *found)
{
    if (self->counts[rule]++ < CHECK_FINDINGS_MAX) {
        append(self, rule, false, found);
    }
}

void check_outcome_skip(check_outcome *self, size_t rule, bool refused, const char *why)
{
    self->refused = self->refused || refused;
    append(self, rule, true, why);
}

void check_outcome_break(check_outcome *self, const char *why)
{
    if (self->broken[0] == '\0') {
        kk_text_set(self->broken, sizeof self->broken, why);
    }
}

const char *check_outcome_broken(const check_outcome *self)
{
    return self->broken;
}

// The rules stand in their order: the stages, what needs them, and among that the one that says
// whether tools come back.
const char *check_outcome_blocks(const check_outcome *self, size_t rule)
{
    int needs = kk_check_rule_at(rule)->needs;
    for (size_t i = 0; i < rule; i++) {
        const kk_check_rule *before = kk_check_rule_at(i);
        bool is_stage = before->needs == KK_CHECK_NEEDS_NOTHING;
        bool is_return = strcmp(before->name, "returns") == 0;
        if (self->counts[i] > 0 && (is_stage || (is_return && needs == KK_CHECK_NEEDS_RETURN))) {
            return before->id;
        }
    }
    return NULL;
}

static void write_anchor(const kk_check_rule *rule, kk_buf *out)
{
    kk_buf_append_text(out, "plugin-abi.md#");
    for (const char *at = rule->id; *at != '\0'; at++) {
        kk_buf_append_byte(out, (char)tolower((unsigned char)*at));
    }
}

static void write_json_entry(const finding *entry, kk_buf *out)
{
    const kk_check_rule *rule = kk_check_rule_at(entry->rule);
    kk_output_comma(out);
    kk_buf_append_byte(out, '{');
    kk_output_member(out, "rule", rule->id);
    kk_output_member(out, "name", rule->name);
    kk_output_member(out, "severity", severities[rule->severity]);
    kk_output_member(out, entry->skipped ? "why" : "found", entry->text);
    if (!entry->skipped) {
        kk_output_member(out, "mend", rule->mend);
        kk_buf_append_text(out, ",\"anchor\":\"");
        write_anchor(rule, out);
        kk_buf_append_byte(out, '"');
    }
    kk_buf_append_byte(out, '}');
}

static void write_json_list(const check_outcome *outcome, bool skipped, kk_buf *out)
{
    kk_output_name(out, skipped ? "not_run" : "findings");
    kk_buf_append_byte(out, '[');
    for (const finding *at = outcome->first; at != NULL; at = at->next) {
        if (at->skipped == skipped) {
            write_json_entry(at, out);
        }
    }
    kk_buf_append_byte(out, ']');
}

static void write_lines(const check_outcome *outcome, kk_buf *out)
{
    for (const finding *at = outcome->first; at != NULL; at = at->next) {
        const kk_check_rule *rule = kk_check_rule_at(at->rule);
        if (at->skipped) {
            kk_buf_append_format(out, "not run: %s %s: %s\n", rule->id, rule->name, at->text);
            continue;
        }
        kk_buf_append_format(out, "%s: %s %s: %s\n    %s\n", severities[rule->severity], rule->id,
                             rule->name, at->text, rule->mend);
    }
}

typedef struct totals {
    size_t by_severity[4];
    size_t not_run;
    bool passed;
} totals;

// What was not run because something else failed is no pass, and that something else fails already.
static totals count(const check_plan *plan, const check_outcome *outcome)
{
    totals self = {.passed = !outcome->refused};
    for (size_t i = 0; i < kk_check_rule_count(); i++) {
        int severity = kk_check_rule_at(i)->severity;
        self.by_severity[severity] += outcome->counts[i];
        self.passed = self.passed && (outcome->counts[i] == 0 || severity > plan->strictness);
    }
    for (const finding *at = outcome->first; at != NULL; at = at->next) {
        self.not_run += at->skipped ? 1 : 0;
    }
    return self;
}

bool check_write_outcome(const check_plan *plan, const check_outcome *outcome, bool json,
                         kk_buf *out)
{
    totals sums = count(plan, outcome);
    unsigned long long seed = plan->subject.seed;
    if (json) {
        kk_buf_append_format(out, "{\"success\":%s", sums.passed ? "true" : "false");
        kk_output_member(out, "file", plan->subject.path);
        kk_buf_append_format(out,
                             ",\"strict\":%d,\"seed\":%llu,\"passed\":%s,\"counts\":{\"error\":%zu,"
                             "\"warning\":%zu,\"advice\":%zu,\"not_run\":%zu}",
                             plan->strictness, seed, sums.passed ? "true" : "false",
                             sums.by_severity[KK_CHECK_ERROR], sums.by_severity[KK_CHECK_WARNING],
                             sums.by_severity[KK_CHECK_ADVICE], sums.not_run);
        write_json_list(outcome, false, out);
        write_json_list(outcome, true, out);
        kk_buf_append_text(out, "}\n");
        return sums.passed;
    }
    write_lines(outcome, out);
    kk_buf_append_format(out,
                         "%s: %s at strictness %d: %zu errors, %zu warnings, %zu advice, %zu not "
                         "run; seed %llu\n",
                         plan->subject.path, sums.passed ? "passed" : "failed", plan->strictness,
                         sums.by_severity[KK_CHECK_ERROR], sums.by_severity[KK_CHECK_WARNING],
                         sums.by_severity[KK_CHECK_ADVICE], sums.not_run, seed);
    return sums.passed;
}

void check_write_rules(kk_buf *out)
{
    for (size_t i = 0; i < kk_check_rule_count(); i++) {
        const kk_check_rule *rule = kk_check_rule_at(i);
        kk_buf_append_format(out, "%s### %s\n\n**%s**, %s. %s %s *%s*\n", i > 0 ? "\n" : "",
                             rule->id, rule->name, severities[rule->severity], rule->text,
                             rule->rationale, rule->mend);
    }
}
