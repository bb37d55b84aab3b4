// The role "describe": one foreign object is loaded and asked what it is.
#include "channel.h"
#include "json.h"
#include "loader_object.h"
#include "manifest_pack.h"
#include "role.h"
#include "sandbox.h"
#include <stdio.h>
#include <unistd.h>

static void send_refusal(const kk_error *problem)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_text(&text, "{\"stage\":");
    kk_json_write_string(&text, kk_str_from(problem->reason));
    kk_buf_append_text(&text, ",\"message\":");
    kk_json_write_string(&text, kk_str_from(problem->message));
    kk_buf_append_text(&text, ",\"hint\":");
    kk_json_write_string(&text, kk_str_from(problem->hint));
    kk_buf_append_byte(&text, '}');
    channel_send(KK_FRAME_REFUSED, kk_buf_text(&text), text.len);
    kk_buf_clean(&text);
}

static void answer(const char *path)
{
    kk_object object = {0};
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    kk_error problem = {0};
    kk_code code = kk_object_load(&object, path, &problem);
    if (code == KK_OK) {
        channel_send(KK_FRAME_LOADED, NULL, 0);
        code = kk_object_describe(&object, path, NULL, &problem);
    }
    // What the plugin wrote to a stream and nobody saw yet is written now, and trapped.
    fflush(NULL);
    if (code == KK_OK) {
        code = kk_manifest_pack(object.manifest, &packed, &problem);
    }
    if (code == KK_OK) {
        channel_send(KK_FRAME_MANIFEST, packed.ptr, packed.len);
        code = kk_object_prove(&object, path, NULL, &problem);
    }
    if (code == KK_OK) {
        channel_send(KK_FRAME_PROVED, NULL, 0);
    } else {
        send_refusal(&problem);
    }
    kk_buf_clean(&packed);
    kk_object_clean(&object);
}

void role_describe(void)
{
    kk_buf path = {0};
    if (channel_receive(&path) != KK_FRAME_OBJECT) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    if (!sandbox_enter_describe()) {
        _exit(CHANNEL_EXIT_UNCONFINED);
    }
    answer(kk_buf_text(&path));
    kk_buf_clean(&path);
}
