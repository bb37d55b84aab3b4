// Which tape a host plays or records.
#include "fail.h"
#include "host_private.h"
#include <stdlib.h>
#include <string.h>

static kk_code fail_twice(kk_error *err)
{
    return kk_fail(err, KK_ERR_USAGE, "a tape is replayed or recorded, not both at once");
}

// What KK_TRANSPORT and KK_TAPE say.
static kk_code ask_environment(const kk_host *self, kk_host_tapes *out, kk_error *err)
{
    const char *transport = kk_host_environment(self, "KK_TRANSPORT");
    const char *tape = kk_host_environment(self, "KK_TAPE");
    if (transport == NULL || strcmp(transport, "live") == 0) {
        return KK_OK;
    }
    bool replays = strcmp(transport, "replay") == 0;
    if (!replays && strcmp(transport, "record") != 0) {
        return kk_fail(err, KK_ERR_USAGE,
                       "KK_TRANSPORT is '%.40s', not 'live', 'record' or 'replay'", transport);
    }
    if (tape == NULL || tape[0] == '\0') {
        return kk_fail(err, KK_ERR_USAGE, "KK_TRANSPORT is '%s' and KK_TAPE names no tape",
                       transport);
    }
    out->replay = replays ? tape : NULL;
    out->record = replays ? NULL : tape;
    return KK_OK;
}

// In continuous integration a tape is checked, not made.
static kk_code check_recording(const kk_host *self, kk_error *err)
{
    const char *ci = kk_host_environment(self, "CI");
    const char *allowed = kk_host_environment(self, "KK_RECORD_IN_CI");
    bool in_ci = ci != NULL && ci[0] != '\0';
    if (!in_ci || (allowed != NULL && strcmp(allowed, "1") == 0)) {
        return KK_OK;
    }
    kk_fail(err, KK_ERR_DENIED, "nothing is recorded where CI is set");
    kk_fail_hint(err, "replay the tape there, or set KK_RECORD_IN_CI=1");
    return KK_ERR_DENIED;
}

kk_code kk_host_choose_tapes(const kk_host *self, const kk_host_options *options,
                             kk_host_tapes *out, kk_error *err)
{
    *out = (kk_host_tapes){options->replay_file, options->record_file};
    if (out->replay != NULL && out->record != NULL) {
        return fail_twice(err);
    }
    kk_code code =
        out->replay == NULL && out->record == NULL ? ask_environment(self, out, err) : KK_OK;
    return code == KK_OK && out->record != NULL ? check_recording(self, err) : code;
}

kk_code kk_host_wrap_recording(kk_host *self, kk_error *err)
{
    kk_transport *recording = NULL;
    if (self->writer == NULL) {
        return KK_OK;
    }
    kk_code code = kk_transport_record_open(self->transport, self->writer, &recording, err);
    if (code != KK_OK) {
        self->transport->table->close(self->transport);
    }
    self->transport = recording;
    return code;
}

kk_code kk_host_save_recording(kk_host *host, kk_error *err)
{
    kk_code code = host->writer != NULL ? kk_tape_writer_save(host->writer, err) : KK_OK;
    host->saved = true;
    return code;
}

void kk_host_reject_recording(kk_host *host)
{
    if (host->writer != NULL) {
        kk_tape_writer_reject(host->writer);
    }
}

void kk_host_end_recording(kk_host *self)
{
    kk_error err = {0};
    if (self->writer != NULL && !self->saved && kk_tape_writer_save(self->writer, &err) != KK_OK) {
        kk_host_log(self, KK_LOG_LEVEL_ERROR, "the recording was not saved: %s", err.message);
    }
    kk_tape_writer_free(self->writer);
    self->writer = NULL;
}
