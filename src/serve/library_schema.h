/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a plugin's function, from the rows of its table. */
#ifndef SERVE_LIBRARY_SCHEMA_H
#define SERVE_LIBRARY_SCHEMA_H

#include <curfew/plugin.h>

#include "base/buffer.h"
#include "serve/response.h"
#include "serve/schema.h"

/*
 * Each returns the schema; or NULL with a sentence in *refusal, which names the parameter. What the
 * program gives by itself is in no schema; *uses tells of it.
 */
struct schema *library_inputs(const struct curfew_plugin *table,
	const struct curfew_parameter *parameters, struct response_uses *uses,
	struct buffer *refusal);
struct schema *library_outputs(const struct curfew_plugin *table,
	const struct curfew_parameter *output, struct buffer *refusal);

/* Whether the parameters are some that a precheck may have: CURFEW_USAGE and the token. */
bool library_precheck(const struct curfew_plugin *table, const struct curfew_parameter *parameters,
	struct response_uses *uses, struct buffer *refusal);

#endif
