/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes take and give, as OpenAPI 3.1: for /openapi.json, and tools that read it. */
#ifndef SERVE_OPENAPI_H
#define SERVE_OPENAPI_H

#include "serve/function.h"

/* Appends the document; our own words of the dialect (is_path and so on) become x-is-path. */
void openapi_write(struct buffer *out, const struct function *function);

#endif
