// Whether a JSON value is what an OpenAPI 3.0 schema describes.
//
// It knows type, nullable, properties, required, additionalProperties, items and enum, all that
// the description of PlanetScale's seven operations uses.  A member that the schema does not name
// is a fault, unless it has additionalProperties: the tapes may not invent any.
#ifndef KK_TEST_OPENAPI_CHECK_H
#define KK_TEST_OPENAPI_CHECK_H

#include "buf.h"
#include "json.h"

// Appends one line a fault to [faults], each beginning with [at] and the way to the value.
void openapi_check(const cJSON *schema, const cJSON *value, const char *at, kk_buf *faults);

// The schema of the answer [status] to [method] on the path template [path], or NULL.
const cJSON *openapi_answer_schema(const cJSON *description, const char *method, const char *path,
                                   int status);

#endif
