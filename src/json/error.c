/* SPDX-License-Identifier: Apache-2.0 */
#include "json/error.h"

#include <assert.h>
#include <stddef.h>

const char *json_error_text(enum json_error error)
{
	static const char *const texts[] = {
#define JSON_ERROR(name, text) text,
		JSON_ERRORS(JSON_ERROR)
#undef JSON_ERROR
	};

	assert((size_t)error < sizeof(texts) / sizeof(texts[0]));
	return texts[error];
}
