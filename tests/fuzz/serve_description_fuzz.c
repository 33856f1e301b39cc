/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document of --describe is either read, and then all that a function needs is there; or refused
 * in one line that may be shown on a terminal.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "serve/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_read(const struct function *function, const struct buffer *refusal)
{
	assert(!refusal->length);
	assert(identifier_valid(function->name) && identifier_valid(function->id));
	assert(function->inputs && function->outputs);
}

static void check_refused(const struct buffer *refusal)
{
	assert(refusal->length);
	for (size_t i = 0; i < refusal->length; i++) {
		assert((unsigned char)refusal->data[i] >= ' ' && refusal->data[i] != 0x7f);
	}
}

static void forget(struct function *function)
{
	free(function->name);
	free(function->description);
	free(function->id);
	schema_free(function->inputs);
	schema_free(function->outputs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *command[] = {"./plugin", NULL};
	const struct serve_config config = {.command = command};
	struct serve serve = {.config = &config};
	struct buffer refusal = {0};

	if (description_read(&serve, (const char *)data, size, &refusal) < 0) {
		description_make_plain(&refusal);
		check_refused(&refusal);
	} else {
		check_read(&serve.function, &refusal);
	}
	forget(&serve.function);
	buffer_fini(&refusal);
	return 0;
}
