/* SPDX-License-Identifier: Apache-2.0 */
#include "http/error.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	unsigned status;
	const char *text;
} errors[] = {
#define HTTP_ERROR(name, status, text) [HTTP_##name] = {status, text},
	HTTP_ERRORS(HTTP_ERROR)
#undef HTTP_ERROR
};

unsigned http_error_status(enum http_error error)
{
	assert((size_t)error < sizeof(errors) / sizeof(errors[0]));
	return errors[error].status;
}

const char *http_error_text(enum http_error error)
{
	assert((size_t)error < sizeof(errors) / sizeof(errors[0]));
	return errors[error].text;
}
