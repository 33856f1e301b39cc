/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin may say, as a line of a process, as JSON, and as text: what is written of it is one
 * line of JSON, and read again it is written the same. What is refused leaves nothing behind.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/envelope.h"
#include "json/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write(struct buffer *out, const struct envelope *envelope)
{
	envelope_write(out, envelope);
	assert(!out->failed);
	assert(!memchr(out->data, '\n', out->length) && !memchr(out->data, '\r', out->length));
}

/* Whether it is JSON; a value that is as deep as may be is too deep within the envelope. */
static bool is_json(const char *text, size_t length)
{
	struct json_reader reader = {0};
	enum json_error error = json_read(&reader, text, length);

	assert(error == JSON_OK || error == JSON_TOO_DEEP);
	return error == JSON_OK;
}

static void check_again(const struct envelope *envelope)
{
	struct envelope again = {0};
	struct buffer first = {0};
	struct buffer second = {0};
	struct buffer refusal = {0};
	bool ended;

	write(&first, envelope);
	if (is_json(first.data, first.length)) {
		assert(envelope_read(&again, first.data, first.length, &ended, &refusal) == 0);
		write(&second, &again);
		assert(first.length == second.length);
		assert(!memcmp(first.data, second.data, first.length));
	}
	buffer_fini(&first);
	buffer_fini(&second);
	buffer_fini(&refusal);
	envelope_fini(&again);
}

static void try_line(const char *text, size_t size)
{
	struct envelope envelope = {0};
	struct buffer refusal = {0};
	bool ended = false;
	int error = envelope_read(&envelope, text, size, &ended, &refusal);

	assert(error == 0 || error == -EINVAL);
	assert((error != 0) == (refusal.length > 0));
	assert(!error || (!ended && !envelope.touched));
	check_again(&envelope);
	buffer_fini(&refusal);
	envelope_fini(&envelope);
}

static void try_json(const char *text, size_t size)
{
	struct json_reader reader = {0};
	struct envelope envelope = {0};
	int expected = json_read(&reader, text, size) == JSON_OK ? 0 : -EINVAL;

	assert(envelope_set_output(&envelope, text, size) == expected);
	assert(envelope_set_file_data(&envelope, text, size) == expected);
	assert(envelope_add_new_record(&envelope, text, size) == expected);
	assert(envelope_add_new_record(&envelope, text, size) == expected);
	assert(envelope.touched == !expected);
	check_again(&envelope);
	envelope_fini(&envelope);
}

static void try_text(const char *text, size_t size)
{
	struct envelope envelope = {0};
	int error = envelope_add_info(&envelope, text);

	assert(error == 0 || error == -EINVAL);
	assert(envelope_add_warning(&envelope, text) == error);
	assert(envelope_add_usage(&envelope, text, -1) == error);
	assert(envelope.touched == !error);
	check_again(&envelope);
	envelope_reset(&envelope);
	envelope_fail(&envelope, 503, text, size);
	check_again(&envelope);
	envelope_fini(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	if (size) {
		memcpy(text, data, size);
	}
	text[size] = '\0';
	try_line(text, size);
	try_json(text, size);
	try_text(text, size);
	free(text);
	return 0;
}
