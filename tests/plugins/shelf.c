// A plugin that is right in every way: what documentation and arguments are tested with.
#include <kk/plugin_util.h>

static const kk_example find_example = {
    .struct_size = sizeof find_example,
    .title = "Print the books",
    .lua = "local result = app.integrations.shelf.find({shelf = \"left\"})\n"
           "for _, book in ipairs(result.data) do\n"
           "  print(book.title)\n"
           "end\n",
    .args = "{\"shelf\":\"left\"}",
};
static const kk_example *const find_examples[] = {&find_example, NULL};
static const char *const find_access[] = {"read_books", NULL};

static const kk_example add_example = {
    .struct_size = sizeof add_example,
    .title = "Add one book",
    .lua = "local book = app.integrations.shelf.add({title = \"It's here\"})\n"
           "print(app.integrations.shelf.find({shelf = book.shelf}).data[1].title)",
    .args = "{\"title\":\"It's here\"}",
};
static const kk_example *const add_examples[] = {&add_example, NULL};

KK_TOOL(shelf, find)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "{\"data\":[]}");
}

KK_TOOL(shelf, add)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "{\"title\":\"x\",\"shelf\":\"left\"}");
}

static const kk_tool find_tool = {
    .struct_size = sizeof find_tool,
    .flags = KK_TOOL_READ_ONLY,
    .name = "find",
    .symbol = KK_TOOL_SYMBOL(shelf, find),
    .entry = KK_TOOL_ENTRY(shelf, find),
    .title = "Find books",
    .summary = "Find the books of a shelf",
    .description = "Finds the books of a shelf, the newest first.",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"shelf\":{\"type\":\"string\",\"description\":\"Which shelf: left | right\"},"
        "\"kind\":{\"type\":\"string\",\"enum\":[\"any\",\"novel\"],\"default\":\"any\","
        "\"description\":\"What to find.\"},"
        "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20}},"
        "\"required\":[\"shelf\"],\"additionalProperties\":false}",
    .result_notes = "`data` holds the books, each with `title`.",
    .examples = find_examples,
    .rows = "/data",
    .access = find_access,
    .credential = "shelf",
};

static const kk_tool add_tool = {
    .struct_size = sizeof add_tool,
    .name = "add",
    .symbol = KK_TOOL_SYMBOL(shelf, add),
    .entry = KK_TOOL_ENTRY(shelf, add),
    .title = "Add a book",
    .summary = "Put a book on a shelf",
    .description = "Puts a book on a shelf.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\"}},"
                    "\"required\":[\"title\"],\"additionalProperties\":false}",
    .examples = add_examples,
    .credential = "shelf",
};

static const kk_tool *const tools[] = {&find_tool, &add_tool, NULL};

static const kk_field url_field = {
    .struct_size = sizeof url_field,
    .flags = KK_FIELD_URL,
    .key = "url",
    .label = "Base URL",
    .hint = "only for a shelf of your own",
    .default_value = "https://shelf.example/v1",
};
static const kk_field token_field = {
    .struct_size = sizeof token_field,
    .flags = KK_FIELD_SECRET,
    .key = "token",
    .label = "Token",
    .hint = "made on the page Settings | Tokens",
    .env = "SHELF_TOKEN",
};
static const kk_field *const fields[] = {&url_field, &token_field, NULL};
static const char *const scheme_fields[] = {"token", NULL};
static const kk_scheme bearer = {
    .struct_size = sizeof bearer,
    .name = "bearer",
    .fields = scheme_fields,
    .header_name = "Authorization",
    .header_format = "Bearer {token}",
};
static const kk_scheme *const schemes[] = {&bearer, NULL};
static const char *const origins[] = {"https://shelf.example", NULL};
static const kk_credential credential = {
    .struct_size = sizeof credential,
    .slot = "shelf",
    .title = "Shelf API",
    .fields = fields,
    .schemes = schemes,
    .origins = origins,
};
static const kk_credential *const credentials[] = {&credential, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "shelf",
    .title = "Shelf",
    .summary = "Books on shelves",
    .description = "Keeps books where they can be found.",
    .category = "data",
    .version = "1.2.3",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = 2,
    .tools = tools,
    .credentials = credentials,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    return host_abi >> 16 == KK_ABI_MAJOR ? &manifest : NULL;
}
