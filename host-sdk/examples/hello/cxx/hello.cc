// hello.so - a plugin for kk with two tools: one that asks nobody, and one that asks a service.
//
// The law is kk/plugin.h, and the manual is plugin-abi.md of the SDK.  To make it yours: change the
// credential and the tools below, then the tape and the test.
//
// The structures are filled in the order of their members, which C++11 takes; with C++20 they may
// be named.  No exception may leave an entry point: guard() turns what is thrown into a status.
#include <cjson/cJSON.h>
#include <kk/plugin_util.h>
#include <memory>
#include <new>
#include <string>

// What one account needs; made by open_account(), and every call on behalf of the account gets it.
struct kk_instance {
    std::string url; // where the service is, without a slash at the end
};

namespace
{

struct json_deleter {
    void operator()(cJSON *value) const
    {
        cJSON_Delete(value);
    }
    void operator()(char *text) const
    {
        cJSON_free(text);
    }
};
typedef std::unique_ptr<cJSON, json_deleter> json_value;
typedef std::unique_ptr<char, json_deleter> json_text;

template <typename Function> kk_status guard(Function body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return KK_E_NO_MEMORY;
    } catch (...) {
        return KK_E_INTERNAL;
    }
}

// What cJSON gives NULL for is memory that ran out: the host has checked the text before.
json_value parse(const char *text, size_t len)
{
    json_value value(cJSON_ParseWithLength(text, len));
    if (!value) {
        throw std::bad_alloc();
    }
    return value;
}

// A member that the schema promises.
const cJSON *member(const json_value &object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object.get(), name);
}

// ---- greet: needs no account and no network

kk_status run_greet(const kk_call *call, const char *args, size_t args_len)
{
    json_value arguments = parse(args, args_len);
    std::string greeting("Good day, ");
    greeting.append(cJSON_GetStringValue(member(arguments, "name"))).append("!");

    json_value result(cJSON_CreateObject());
    if (cJSON_AddStringToObject(result.get(), "greeting", greeting.c_str()) == nullptr) {
        return KK_E_NO_MEMORY;
    }
    json_text text(cJSON_PrintUnformatted(result.get()));
    return text ? kk_call_write(call, text.get()) : KK_E_NO_MEMORY;
}

// ---- show_user: a GET with the account's credential, which the host adds

// Says what the service refused.  A model reads it: the cause, and how to mend it.
kk_status fail_answer(const kk_call *call, const kk_http_response *response)
{
    kk_tool_error error = kk_tool_error();
    error.struct_size = sizeof error;
    error.http_status = response->status;
    error.code = KK_E_UPSTREAM;
    error.message = "the service refused the request";
    if (response->status == 401) {
        error.code = KK_E_UNAUTHENTICATED;
        error.message = "the service did not accept the token";
        error.hint = "store a new one: kk keyring set hello/ACCOUNT/token";
    } else if (response->status == 403) {
        error.code = KK_E_PERMISSION_DENIED;
        error.message = "the token may not read users";
        error.hint = "give it the permission 'read_users'";
    } else if (response->status == 404) {
        error.code = KK_E_NOT_FOUND;
        error.message = "there is no user with this id";
        error.argument = "/id";
        error.hint = "take an id that the service has shown before";
    } else if (response->status == 429) {
        error.code = KK_E_RATE_LIMITED;
        error.message = "the service was asked too often";
        error.flags = KK_TOOL_ERROR_RETRYABLE;
    } else if (response->status >= 500) {
        error.code = KK_E_UNAVAILABLE;
        error.message = "the service is down";
        error.flags = KK_TOOL_ERROR_RETRYABLE;
    }
    return call->host->fail(call, &error);
}

// Passes the service's own JSON on, once it is what `output_schema` promises.
kk_status write_user(const kk_call *call, const kk_http_response *response)
{
    json_value user(cJSON_ParseWithLength(response->body, response->body_len));
    if (!cJSON_IsNumber(member(user, "id")) || !cJSON_IsString(member(user, "name"))) {
        return kk_call_fail(call, KK_E_PROTOCOL, "the service's answer is not a user");
    }
    return call->host->write(call, response->body, response->body_len);
}

kk_status run_show_user(const kk_instance *self, const kk_call *call, const char *args,
                        size_t args_len)
{
    json_value arguments = parse(args, args_len);
    const long long id = static_cast<long long>(member(arguments, "id")->valuedouble);
    const std::string url = self->url + "/users/" + std::to_string(id);
    const kk_header accept = {"accept", "application/json"};

    kk_http_request request = kk_http_request();
    request.struct_size = sizeof request;
    request.method = "GET";
    request.url = url.c_str();
    request.credential = "hello";
    request.headers = &accept;
    request.header_count = 1;
    const kk_http_response *response = nullptr;
    const kk_status status = kk_call_http(call)->send(call, &request, &response);
    if (status != KK_E_OK) {
        return status; // the host tells the caller what it knows
    }
    return response->status == 200 ? write_user(call, response) : fail_answer(call, response);
}

} // namespace

// ---- The entry points

KK_TOOL(hello, greet)
{
    (void)self;
    return guard([=] { return run_greet(call, args, args_len); });
}

KK_TOOL(hello, show_user)
{
    return guard([=] { return run_show_user(self, call, args, args_len); });
}

namespace
{

const kk_example greet_ada = {
    sizeof(kk_example),                                               // struct_size
    0,                                                                // flags
    "Greet somebody",                                                 // title
    "print(app.integrations.hello.greet({name = \"Ada\"}).greeting)", // lua
    "{\"name\":\"Ada\"}",                                             // args
};
const kk_example *const greet_examples[] = {&greet_ada, nullptr};

const kk_tool greet = {
    sizeof(kk_tool), KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT | KK_TOOL_CLOSED_WORLD, "greet",
    KK_TOOL_SYMBOL(hello, greet), KK_TOOL_ENTRY(hello, greet),
    "Greet",                          // title
    "Makes a greeting for somebody.", // summary
    "Makes a greeting for the person whose name is given.  Asks no service.",
    // input_schema
    "{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100,"
    "\"description\":\"Who is greeted.\"}},"
    "\"required\":[\"name\"],\"additionalProperties\":false}",
    // output_schema
    "{\"type\":\"object\",\"properties\":{"
    "\"greeting\":{\"type\":\"string\",\"description\":\"The greeting.\"}},"
    "\"required\":[\"greeting\"]}",
    "An object with one text, `greeting`.", // result_notes
    greet_examples,
    nullptr, // rows
    nullptr, // access
    nullptr, // secret_paths
    nullptr, // credential
    0,       // timeout_ms
    0,       // reserved0
};

const kk_example show_user_7 = {
    sizeof(kk_example),    0,
    "Print a user's name", "print(app.integrations.hello.show_user({id = 7}).name)",
    "{\"id\":7}",
};
const kk_example *const show_user_examples[] = {&show_user_7, nullptr};
const char *const show_user_access[] = {"read_users", nullptr};

const kk_tool show_user = {
    sizeof(kk_tool), KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT, "show_user",
    KK_TOOL_SYMBOL(hello, show_user), KK_TOOL_ENTRY(hello, show_user),
    "Show a user",                    // title
    "Shows one user of the service.", // summary
    "Shows the name and the city of the user with an id.",
    // input_schema
    "{\"type\":\"object\",\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000000,"
    "\"description\":\"The user's number.\"}},"
    "\"required\":[\"id\"],\"additionalProperties\":false}",
    // output_schema
    "{\"type\":\"object\",\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"description\":\"The user's number.\"},"
    "\"name\":{\"type\":\"string\",\"description\":\"The user's name.\"},"
    "\"city\":{\"type\":[\"string\",\"null\"],"
    "\"description\":\"Where the user lives, null if that is not known.\"}},"
    "\"required\":[\"id\",\"name\"]}",
    "An object with `id`, `name` and `city`.", // result_notes
    show_user_examples,
    nullptr,          // rows
    show_user_access, // access
    nullptr,          // secret_paths
    "hello",          // credential
    0,                // timeout_ms
    0,                // reserved0
};

const kk_tool *const tools[] = {&greet, &show_user, nullptr};

// ---- The credential: what the operator stores, and where the host sends it

const kk_field url_field = {
    sizeof(kk_field),
    KK_FIELD_URL,
    "url",                            // key
    "URL",                            // label
    "only for a service of your own", // hint
    "https://api.example.com/v1",     // placeholder
    "https://api.example.com/v1",     // default_value
    nullptr,                          // env
    nullptr,                          // prefix
    0,                                // length_min
    0,                                // length_max
};
const kk_field token_field = {
    sizeof(kk_field),
    KK_FIELD_SECRET,
    "token",                           // key
    "API token",                       // label
    "Settings, API tokens, New token", // hint
    nullptr,                           // placeholder
    nullptr,                           // default_value
    "HELLO_TOKEN",                     // env
    nullptr,                           // prefix
    0,                                 // length_min
    0,                                 // length_max
};
const kk_field *const fields[] = {&url_field, &token_field, nullptr};

const char *const bearer_fields[] = {"token", nullptr};
const kk_scheme bearer = {
    sizeof(kk_scheme),
    0,               // flags
    "bearer",        // name
    bearer_fields,   // fields
    "Authorization", // header_name
    "Bearer {token}" // header_format
};
const kk_scheme *const schemes[] = {&bearer, nullptr};

const char *const origins[] = {"https://api.example.com", nullptr};
const kk_credential credential = {
    sizeof(kk_credential),
    0,           // flags
    "hello",     // slot
    "Hello API", // title
    fields,
    schemes,
    origins,
};
const kk_credential *const credentials[] = {&credential, nullptr};

// ---- The instance

void close_account(kk_instance *self)
{
    delete self;
}

// [config] holds the fields that are not secret; the token never comes here.
kk_status open_account(const kk_host_api *, const char *config, size_t config_len,
                       kk_instance **out)
{
    return guard([=] {
        json_value document = parse(config, config_len);
        const cJSON *values = member(document, "fields");
        const char *url = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(values, "url"));
        std::unique_ptr<kk_instance> self(new kk_instance());
        self->url = url != nullptr ? url : "";
        while (!self->url.empty() && self->url.back() == '/') {
            self->url.pop_back();
        }
        *out = self.release();
        return KK_E_OK;
    });
}

// ---- The manifest

const char *const needs[] = {KK_SERVICE_HTTP, nullptr};

const kk_manifest manifest = {
    KK_ABI_TAG_INIT,
    "hello",                                          // id
    "Hello",                                          // title
    "Greets people, and shows users of a service.",   // summary
    "An example to begin a plugin of your own with.", // description
    "example",                                        // category
    "1.0.0",                                          // version
    "MIT",                                            // license
    nullptr,                                          // homepage
    nullptr,                                          // tags
    KK_PARALLEL,                                      // concurrency
    2,                                                // tool_count
    tools,
    credentials,
    needs,
    nullptr, // wants
    open_account,
    close_account,
};

} // namespace

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t)
{
    return &manifest;
}
