// The table of rules, and running one of them.
#include "check_private.h"
#include "fail.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct rule_row {
    kk_check_rule info;
    const char *stage; // a rule that is a stage of loading; or NULL and
    kk_check_fn run;
} rule_row;

#define STAGE(number, stage, text, rationale, mend)                                                \
    {                                                                                              \
        {"KKP-" number, "stage_" stage, KK_CHECK_ERROR, KK_CHECK_NEEDS_NOTHING, text, rationale,   \
         mend},                                                                                    \
            stage, NULL                                                                            \
    }
#define RULE(number, name, severity, needs, run, text, rationale, mend)                            \
    {                                                                                              \
        {"KKP-" number, name, KK_CHECK_##severity, KK_CHECK_NEEDS_##needs, text, rationale, mend}, \
            NULL, run                                                                              \
    }

static const rule_row rules[] = {
    STAGE("001", "path", "The path is absolute and leads to a regular file of at most 64 MiB.",
          "A device or a pipe in place of a file would hang the host that reads it.",
          "Name the shared object itself."),
    STAGE("002", "trust",
          "The file and every directory above it belong to root or to you, and nobody else may "
          "write them.",
          "Loading a file executes it: who can replace it can do what you can.",
          "Take the permission away that the finding names, with chmod or chown."),
    STAGE("003", "elf",
          "The file is a shared object of this machine that exports kk_plugin_describe.",
          "It is read before anything in it runs, so that what is no plugin never runs at all.",
          "Build with -shared for this machine, and mark kk_plugin_describe with KK_EXPORT."),
    STAGE("004", "dlopen",
          "The dynamic loader loads it, and its constructors do nothing that is forbidden.",
          "Constructors run before anybody has agreed to run the plugin.",
          "Link with -Wl,-z,defs to find missing symbols; move what a constructor does to open()."),
    STAGE("040", "describe",
          "kk_plugin_describe returns an aligned manifest, the same each time, and does nothing "
          "else.",
          "It runs for every list of tools, confined, without files and without a network.",
          "Return the address of constant data."),
    STAGE(
        "041", "version",
        "Magic, major version, oldest host and size are those of a manifest that this host reads.",
        "A host that guesses at a layout reads wild addresses.",
        "Use KK_ABI_TAG_INIT, and compile against the installed kk/plugin.h."),
    STAGE("042", "manifest",
          "Texts, names, schemas, credentials, origins and examples obey kk/plugin.h.",
          "What a manifest promises is shown to people and models, and enforced.",
          "Change what the finding names."),
    STAGE("043", "services", "This host has every service in needs.",
          "Without one the plugin could not work, and it is better to know before a call.",
          "Move services that the plugin can do without to wants."),
    STAGE("020", "symbols",
          "Every tool's symbol is exported by this object and is the function that entry names.",
          "So that what a reader of the symbols sees is what is called.",
          "Use KK_TOOL, KK_TOOL_SYMBOL and KK_TOOL_ENTRY with the same two names."),
    RULE("021", "extra_export", ERROR, LOAD, kk_check_exports,
         "Nothing is exported but kk_plugin_describe and the tools of the manifest.",
         "A name that is visible can meet the same name elsewhere in the process, and an entry "
         "point that no manifest lists is a hidden one.",
         "Compile with -fvisibility=hidden and link with -Wl,--exclude-libs,ALL."),
    RULE("022", "tls_library", ERROR, LOAD, kk_check_tls_library,
         "No HTTP, TLS or cryptographic library is linked.",
         "Two of them in one process have crashed many hosts, and the host sends the requests.",
         "Send with kk.http/1."),
    RULE("023", "other_library", WARNING, LOAD, kk_check_other_library,
         "No shared library is linked but libc, libm, libcjson and the C++ run-time.",
         "What a plugin needs has to be there on every machine that it is copied to.",
         "Link it statically, with -Wl,--exclude-libs,ALL."),
    RULE("024", "bind_now", WARNING, LOAD, kk_check_bind_now,
         "All symbols are bound when it is loaded.",
         "A symbol that is missing shall be told at the load, not in the middle of a call.",
         "Link with -Wl,-z,now."),
    RULE("025", "nodelete", ADVICE, LOAD, kk_check_nodelete,
         "The object says that it is never unmapped.",
         "A thread's destructor that runs after its code is gone crashes the host.",
         "Link with -Wl,-z,nodelete."),
    RULE("026", "text_relocation", ERROR, LOAD, kk_check_text_relocation,
         "The code needs no relocation.", "Hardened systems refuse code that has to be written to.",
         "Compile everything with -fPIC."),
    RULE("027", "run_path", WARNING, LOAD, kk_check_run_path,
         "It brings no search path for libraries.",
         "A path of the machine that built it may belong to somebody else where it runs.",
         "Link without -rpath."),
    RULE("028", "executable_stack", ERROR, LOAD, kk_check_stack, "The stack is not executable.",
         "Loading it would make every stack of the host executable.",
         "Link with -Wl,-z,noexecstack; no nested functions whose address is taken."),
    RULE("029", "symbolic", ADVICE, LOAD, kk_check_symbolic,
         "Its own names are bound within the object.",
         "Otherwise the host's function of that name is called in place of the plugin's.",
         "Link with -Wl,-Bsymbolic."),
    RULE("030", "relro", WARNING, LOAD, kk_check_relro,
         "Tables of addresses are read-only once it is loaded.",
         "A stray write shall crash at once, not call something else later.",
         "Link with -Wl,-z,relro."),
    RULE("044", "describe_time", WARNING, LOAD, kk_check_describe_time,
         "It is looked at within 100 milliseconds.",
         "Every start of a host that has no cache waits for it.",
         "Return constant data, and give constructors nothing to do."),
    RULE("050", "version_form", WARNING, LOAD, kk_check_version_form,
         "The version is three numbers, as 1.2.3, with or without a suffix.",
         "People and programs compare versions.", "Write MAJOR.MINOR.PATCH."),
    RULE("051", "summary_length", ADVICE, LOAD, kk_check_summaries,
         "A summary has at most 120 characters.", "Lists show it on one line.",
         "Say the rest in the description."),
    RULE("052", "http_named", WARNING, LOAD, kk_check_http_named,
         "A plugin whose tools use a credential names kk.http/1 in needs or wants.",
         "A credential is of no use to a plugin that cannot send.",
         "Add KK_SERVICE_HTTP to needs, or take the credential from the tool."),
    RULE("053", "unknown_flags", ERROR, LOAD, kk_check_unknown_flags,
         "No bit is set in flags that this version does not know.",
         "A later host will take it for what it then means.",
         "Set only the bits of the header that it is compiled with."),
    RULE("070", "closed_arguments", ADVICE, LOAD, kk_check_closed_objects,
         "An input schema says additionalProperties.",
         "A model that misspells an argument learns it from the refusal.",
         "Add \"additionalProperties\":false."),
    RULE("071", "described_arguments", ADVICE, LOAD, kk_check_descriptions,
         "Every argument has a description.", "It is all that a model knows of it.",
         "Add \"description\" to each property."),
    RULE("080", "has_example", WARNING, LOAD, kk_check_has_examples, "Every tool has an example.",
         "Models copy examples.", "Add a kk_example that can be run."),
    RULE("081", "example_arguments", ERROR, LOAD, kk_check_example_args,
         "The arguments of an example satisfy the input schema.",
         "A model that copies it would be refused.", "Mend the example or the schema."),
    RULE("082", "example_script", ERROR, LOAD, kk_check_example_lua,
         "The script of an example calls the tool that it belongs to.",
         "A page that shows another tool misleads.",
         "Call app.integrations.<plugin>.<tool> in it."),
    RULE("083", "output_described", ADVICE, LOAD, kk_check_output_schemas,
         "Every tool has an output schema.",
         "With it, a wrong name in the argument fields is refused before anything is sent.",
         "Add output_schema."),
    RULE("100", "returns", ERROR, LOAD, kk_check_returns,
         "Every tool comes back, whatever valid arguments it gets and whatever the service "
         "answers.",
         "It runs in the host's process: a crash, an exit or a hang ends or blocks everything.",
         "Run `kk plugin check --seed N --only KKP-100 --in-process` in a debugger."),
    RULE("101", "one_value", ERROR, RETURN, kk_check_one_value,
         "A tool that returns KK_E_OK has written exactly one JSON value.",
         "Everything else reaches the caller as bad_output.",
         "Write the whole value, and escape texts."),
    RULE("102", "status", ERROR, RETURN, kk_check_status,
         "A tool returns what fail() returned, or a status of kk/plugin.h.",
         "A failure that is then called a success is neither.",
         "Write `return call->host->fail(call, &error);`."),
    RULE("103", "read_only", ERROR, RETURN, kk_check_read_only,
         "A tool with KK_TOOL_READ_ONLY sends only GET and HEAD.",
         "Reads run without asking anybody.", "Take the flag away, or send with GET."),
    RULE("104", "requests", ERROR, RETURN, kk_check_requests,
         "Requests are what kk.http/1 takes: an https URL of the credential's origins, no header "
         "of the host's.",
         "The host refuses the others with a contract error.",
         "Build URLs from the account's url field, and leave authorization to the host."),
    RULE("105", "cancelled", ERROR, RETURN, kk_check_cancelled,
         "A call that is cancelled ends, and not as a success.",
         "An agent that cancels wants its turn back.",
         "Return what stopped(), send() and sleep_ms() return."),
    RULE("106", "deadline", ERROR, RETURN, kk_check_deadline,
         "A call whose time is over ends, and not as a success.",
         "Two seconds later the host gives the whole instance up.",
         "Return what stopped(), send() and sleep_ms() return."),
    RULE("107", "refused_write", ERROR, RETURN, kk_check_refused_write,
         "A tool whose write() failed does not return KK_E_OK.",
         "Half a result would be taken for a whole one.", "Return what write() returned."),
    RULE("108", "sinks", ERROR, RETURN, kk_check_sinks,
         "write() and fail() get a length and a record that are valid.",
         "The host copies what it is given.",
         "Set struct_size and a code other than KK_E_OK; never write after fail()."),
    RULE("109", "undeclared_service", WARNING, RETURN, kk_check_services,
         "Only services of needs and wants are asked for.",
         "The host gives nothing else, and the manifest is what an operator reads.",
         "Name it in wants."),
    RULE("110", "late_use", ERROR, RETURN, kk_check_late_use,
         "Nothing of a call is used on another thread or after the return.",
         "Its memory is gone then.", "Copy what a thread needs; join it before the return."),
    RULE("111", "instances", ERROR, RETURN, kk_check_instances,
         "Two instances can be open at once, and be closed in either order.",
         "Each account has its own, and a global would mix them up.",
         "Keep state in the instance."),
    RULE("140", "working_directory", ERROR, RETURN, kk_check_directory,
         "The working directory stays.", "It belongs to the whole process.",
         "Use openat() or absolute paths."),
    RULE("141", "umask", ERROR, RETURN, kk_check_umask, "The umask stays.",
         "Files of the host would get other permissions.", "Set the mode of a file with fchmod()."),
    RULE("142", "locale", ERROR, RETURN, kk_check_locale, "The locale stays.",
         "Numbers would be written with commas all over the process.", "Use newlocale()."),
    RULE("143", "environment", ERROR, RETURN, kk_check_environment, "The environment stays.",
         "Changing it while another thread reads it crashes.", "Keep settings in the instance."),
    RULE("144", "signals", ERROR, RETURN, kk_check_signals,
         "Signal handlers and the signal mask stay.", "They belong to the program.",
         "Ask stopped() in place of signals."),
    RULE("145", "descriptors", ERROR, RETURN, kk_check_descriptors,
         "No descriptor is left open, and none of the host's is closed.",
         "A host that runs for months runs out of them.", "Close what was opened."),
    RULE("146", "threads", ERROR, RETURN, kk_check_threads,
         "No thread is left running after close().", "It would run on without its instance.",
         "Join threads in close()."),
    RULE("147", "standard_streams", ERROR, RETURN, kk_check_standard_streams,
         "Nothing is written to standard output or standard error.",
         "Standard output is the program's: over MCP, a line there breaks the protocol.",
         "Use log()."),
    RULE("148", "children", ERROR, RETURN, kk_check_children, "No child process is left.",
         "The host would have to reap it.", "Start no processes."),
    RULE("149", "leaks", WARNING, RETURN, kk_check_leaks,
         "The same calls again and again need no more memory.",
         "A host that runs for months grows.", "Run the plugin's tests with -fsanitize=address."),
    RULE("150", "random_state", ADVICE, RETURN, kk_check_random_state,
         "The sequence of rand() is not touched.", "It belongs to the program.",
         "Use getrandom(), or a state of the plugin's own."),
};

size_t kk_check_rule_count(void)
{
    return sizeof rules / sizeof rules[0];
}

const kk_check_rule *kk_check_rule_at(size_t index)
{
    return &rules[index].info;
}

void kk_check_find(kk_check *self, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char line[sizeof text];
    kk_text_set(line, sizeof line, text);
    self->found(self->context, line);
}

// The generator splitmix64: one addition and one mixing a number.
uint64_t kk_check_random(kk_check *self, uint64_t bound)
{
    uint64_t mixed = self->random += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ (mixed >> 31)) % bound;
}

static kk_code load(kk_check *self)
{
    kk_code code = kk_plugin_load(self->subject->path, NULL, &self->plugin, self->err);
    if (code == KK_OK) {
        self->manifest = kk_plugin_manifest(self->plugin);
        code = kk_plugin_bind(self->plugin, &self->code, self->err);
    }
    return code;
}

kk_code kk_check_run(size_t rule, const kk_check_subject *subject, kk_check_found_fn found,
                     void *context, kk_error *err)
{
    if (rule >= kk_check_rule_count() || subject->size < sizeof *subject) {
        return kk_fail(err, KK_ERR_INTERNAL, "there is no rule number %zu", rule);
    }
    kk_error own = {0};
    kk_check self = {.subject = subject,
                     .found = found,
                     .context = context,
                     .err = err != NULL ? err : &own,
                     .random = subject->seed};
    if (rules[rule].stage != NULL) {
        return kk_check_stage(&self, rules[rule].stage);
    }
    kk_code code = load(&self);
    if (code == KK_OK) {
        code = rules[rule].run(&self);
    }
    kk_plugin_free(self.plugin);
    return code;
}
