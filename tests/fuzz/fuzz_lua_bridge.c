// JSON to Lua values and back, values that JSON lacks, and the glue of regex.  The first byte says
// which.
#include "fuzz.h"
#include "json.h"
#include "lua_fixture.h"

static const script_limits limits = {
    .memory_bytes = (size_t)8 << 20, .cpu_ms = 2000, .output_bytes = 1 << 16};

// A run ends well, or at a limit; nothing else is right here.
static bool run(lua_fixture *lua, const char *chunk)
{
    kk_code code = lua_fixture_run(lua, chunk);
    if (code != KK_OK && code != KK_ERR_LIMIT_EXCEEDED) {
        fprintf(stderr, "%s\n", lua_fixture_error(lua, "text"));
        REQUIRE(code == KK_OK);
    }
    return code == KK_OK;
}

// ---- An answer

static void check_json(lua_fixture *lua, kk_str text)
{
    bool is_json = kk_json_check(text, NULL) == KK_OK;
    char *copy = malloc(text.len + 1);
    REQUIRE(copy != NULL);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    // The fixture takes the answer up to its NUL.
    if (memchr(copy, '\0', text.len) == NULL) {
        lua->answer_json = copy;
        if (run(lua, "local ok, r = pcall(app.integrations.planetscale.get_database)\n"
                     "if not ok then assert(r.code == 'protocol', r) return 'refused' end\n"
                     "tostring(r)\n"
                     "local written, a = pcall(json.encode, r)\n"
                     "if not written then\n"
                     "  assert(a:find('infinity') or a:find('nested'), a)\n"
                     "  return 'unwritable'\n"
                     "end\n"
                     "assert(json.encode(json.decode(a)) == a, 'not stable')\n"
                     "assert(json.encode(json.decode(a, {null = true})) == a, 'null not stable')\n"
                     "assert(json.encode(json.decode(json.encode(r, {indent = true}))) == a)\n"
                     "return 'stable'")) {
            const char *result = lua_fixture_result(lua);
            REQUIRE(is_json == (strcmp(result, "\"refused\"") != 0));
        }
    }
    free(copy);
}

// ---- Values that a script makes

// Writes a Lua expression that the bytes from *at describe.
static void write_value(kk_str bytes, size_t *at, int depth, kk_buf *out)
{
    static const char *const words[] = {
        "nil",  "true",         "false", "json.null", "print", "0/0",     "1/0", "math.mininteger",
        "-0.0", "json.array()", "{}",    "1.5",       "2^53",  "'\\xff'", "app", "shared"};
    unsigned char byte = *at < bytes.len ? (unsigned char)bytes.ptr[(*at)++] : 0;
    if (byte < 16 || depth == 0) {
        kk_buf_append_text(out, words[byte % 16]);
    } else if (byte < 64) {
        kk_buf_append_format(out, "%d", byte - 40);
    } else if (byte < 128) {
        kk_buf_append_format(out, "'k%c'", 'a' + byte % 26);
    } else {
        kk_buf_append_byte(out, '{');
        for (int i = 0; i < byte % 8; i++) {
            bool keyed = byte >= 192 && *at < bytes.len && bytes.ptr[*at] != 0;
            if (keyed) {
                kk_buf_append_text(out, "[key(");
                write_value(bytes, at, 0, out);
                kk_buf_append_text(out, ")] = ");
            }
            write_value(bytes, at, depth - 1, out);
            kk_buf_append_byte(out, ',');
        }
        kk_buf_append_byte(out, '}');
    }
}

static void check_value(lua_fixture *lua, kk_str bytes)
{
    kk_buf chunk = {.limit = KK_TEXT_MAX};
    size_t at = 0;
    kk_buf_append_text(&chunk, "local shared = {1}\n"
                               "local function key(k)\n"
                               "  if k == nil or k ~= k then return 'nothing' end return k\n"
                               "end\n"
                               "local v = ");
    write_value(bytes, &at, 12, &chunk);
    kk_buf_append_text(&chunk, "\ntostring(v)\n"
                               "local ok, a = pcall(json.encode, v)\n"
                               "if not ok then assert(a.message, a) return end\n"
                               "assert(json.encode(json.decode(a, {null = true})) == a)\n"
                               "pcall(app.integrations.planetscale.get_database, {a = v})\n"
                               "return v");
    run(lua, kk_buf_text(&chunk));
    kk_buf_clean(&chunk);
}

// ---- regex

// Splits [bytes] at its first NULs into subject, pattern and replacement.
static void check_regex(lua_fixture *lua, kk_str bytes)
{
    static const char *const names[] = {"subject", "pattern", "text"};
    kk_buf json = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < 3; i++) {
        const char *end = bytes.len > 0 ? memchr(bytes.ptr, '\0', bytes.len) : NULL;
        size_t len = end != NULL ? (size_t)(end - bytes.ptr) : bytes.len;
        kk_buf_append_format(&json, "%s\"%s\":", i == 0 ? "{" : ",", names[i]);
        kk_json_write_string(&json, (kk_str){bytes.ptr, len});
        bytes.ptr += len + (end != NULL ? 1 : 0);
        bytes.len -= len + (end != NULL ? 1 : 0);
    }
    kk_buf_append_byte(&json, '}');
    lua->answer_json = kk_buf_text(&json);
    run(lua, "local r = app.integrations.planetscale.get_database()\n"
             "local ok, all = pcall(regex.match_all, r.subject, r.pattern)\n"
             "local matched, first = pcall(regex.match, r.subject, r.pattern)\n"
             "if ok and matched then\n"
             "  assert((first == nil) == (#all == 0), 'match and match_all differ')\n"
             "  assert(first == nil or first[0] == all[1][0], 'the first differs')\n"
             "  local same, n = regex.gsub(r.subject, r.pattern, '$0')\n"
             "  assert(n == #all and same == r.subject, 'gsub differs')\n"
             "end\n"
             "pcall(regex.gsub, r.subject, r.pattern, r.text)\n"
             "pcall(regex.gsub, r.subject, r.pattern, function(m) return m[1] end)");
    kk_buf_clean(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_fixture lua = {0};
    if (size == 0) {
        return 0;
    }
    kk_str bytes = {(const char *)data + 1, size - 1};
    REQUIRE(lua_fixture_open(&lua, &limits));
    switch (data[0]) {
    case 'v':
        check_value(&lua, bytes);
        break;
    case 'r':
        check_regex(&lua, bytes);
        break;
    default:
        check_json(&lua, bytes);
        break;
    }
    lua_fixture_close(&lua);
    return 0;
}
