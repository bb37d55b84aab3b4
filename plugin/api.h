// One call of the PlanetScale API: from a tool's arguments to its output.
//
// Every function that returns a kk_status has, unless it is KK_E_OK, already told the host why:
// with fail(), or by handing on what send() returned.  The caller only hands the status on.
// Nothing here is shared between calls but what an instance holds, which never changes.
#ifndef PS_API_H
#define PS_API_H

#include "json.h"
#include <kk/plugin_util.h>

#define PS_DEFAULT_URL "https://api.planetscale.com/v1"

// The most rows that `all` gathers, and the most bytes of an output.
#define PS_ALL_ROWS_MAX 1000
#define PS_PAGE_ROWS_MAX 100
#define PS_OUTPUT_MAX ((size_t)32 << 20)

// The longest name of an argument or member is 63 bytes.
#define PS_POINTER_MAX 80

// What an account gives to its calls.
struct kk_instance {
    bool service_token; // false: an OAuth access token
    char base_url[];    // without a slash at its end
};

// An argument that is sent in the query (GET) or in the body (POST).  Arrays of them end with a
// name of NULL.
typedef struct ps_parameter {
    const char *name;    // of the argument
    const char *sent_as; // its name in the API; NULL = the same
    const char *value; // JSON text that is sent when the caller gives none; NULL = nothing is sent
} ps_parameter;

// One row of the table of tools: what is sent, and what is added to what comes back.
typedef struct ps_operation {
    const kk_tool *tool;
    const char *method;             // "GET" or "POST"
    const char *path;               // below the base URL; {name} is an argument
    const ps_parameter *parameters; // never NULL
    kk_json_extend_fn extend;       // adds to the object, or to each row
    const char *lost_hint;          // of a POST: what to do when its answer was lost
} ps_operation;

// A call under way.
typedef struct ps_call {
    const ps_operation *operation;
    const kk_instance *self;
    const kk_call *call;
    kk_str args; // one JSON object
} ps_call;

// Runs a tool from its arguments to its written output.
kk_status ps_run(const ps_operation *operation, const kk_instance *self, const kk_call *call,
                 kk_str args);

// Copies the member [from] of [object] into [added] under the name [as].  Returns how many members
// that are: 1, or 0 if [object] has no such member.
size_t ps_add_copy(const kk_json_object *object, const char *from, const char *as,
                   kk_json_member *added);

// What a call has written.  The host drops it if the call fails afterwards.
typedef struct ps_writer {
    const ps_call *call;
    size_t len;
    kk_status status; // after a failure nothing more is written
} ps_writer;

// Writes a piece of the output; a kk_json_piece_fn for a ps_writer.
void ps_write(void *writer, kk_str piece);

// ---- request.c: arguments and sending

// Writes the JSON Pointer of the member [name] into [out], of PS_POINTER_MAX bytes, and returns it.
const char *ps_pointer(const char *name, char *out);

// The raw JSON of an argument.  False if it was not given, or as null.
bool ps_argument(const ps_call *self, const char *name, kk_str *raw);

// Sends one request and gives its response, whatever its status.  [page] and [per_page] stand in
// for the arguments `page` and `limit` unless they are 0.
kk_status ps_send(const ps_call *self, int64_t page, int64_t per_page,
                  const kk_http_response **response);

// ---- pages.c: lists

// Walks the pages and writes the last one with the rows of all pages, extended, as its rows.
kk_status ps_gather(const ps_call *self);

// The bytes of a response, which last until it is released.
kk_str ps_body(const kk_http_response *response);

// Checks that a response is a success and what the tool's output promises: one JSON object, with an
// array at the tool's rows if it has them.  Appends to [added] what the documentation promises and
// the API leaves out.  *extent tells what it is.
kk_status ps_extend_body(const ps_call *self, const kk_http_response *response,
                         kk_json_additions *added, kk_json_extent *extent);

// Appends members at the end of the object that is the body to [added].
kk_status ps_add_members(const ps_call *self, const kk_http_response *response,
                         const kk_json_member *members, size_t count, kk_json_additions *added);

// ---- failure.c: telling the host

// Fails with a message and the argument at fault (a JSON Pointer, or NULL).
kk_status ps_fail(const ps_call *self, kk_status code, const char *argument, const char *format,
                  ...) KK_PRINTF(4, 5);

// Fails for what json.h or buf.h reported.
kk_status ps_fail_error(const ps_call *self, const kk_error *err);

// Fails for a send() that gave no response.
kk_status ps_fail_send(const ps_call *self, kk_status status);

// Fails for a response whose status is not a success.
kk_status ps_fail_response(const ps_call *self, const kk_http_response *response);

// Fails for a response that came with a success and is not what the API promises; [problem] ends
// the sentence "the service answered 200 ...".
kk_status ps_fail_body(const ps_call *self, const kk_http_response *response, const char *problem);

// What the body is instead of JSON, as the end of a sentence; NULL if it may be JSON.
const char *ps_not_json(const kk_http_response *response);

// Appends which access the credential needs for the tool.
void ps_append_access_hint(const ps_call *self, kk_buf *out);

#endif
