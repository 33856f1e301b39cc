/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the lines, words and bytes of a file, and tells how far it is while it reads: a stream of
 * items, the last one with the whole. It looks at its token before each chunk, so that it ends at
 * once when the process does, when the client goes away, or when its time is over.
 *
 *	cc -shared -fPIC text_statistics.c -o text_statistics.so
 *	curfew serve ./text_statistics.so
 *	curl -N localhost:8080/invoke -H 'Content-Type: application/json' -d '{"path": "book.txt"}'
 */
#include <curfew/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 65536

struct counts {
	long long lines, words, bytes;
	bool inside; /* a word */
};

static void count(struct counts *counts, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool space = strchr(" \t\n\v\f\r", bytes[i]) && bytes[i];

		counts->words += !space && !counts->inside;
		counts->inside = !space;
		counts->lines += bytes[i] == '\n';
	}
	counts->bytes += (long long)length;
}

static int yield(struct curfew_response *response, const struct counts *counts, bool done)
{
	char json[160];
	int length = snprintf(json, sizeof(json),
		"{\"lines\": %lld, \"words\": %lld, \"bytes\": %lld, \"done\": %s}", counts->lines,
		counts->words, counts->bytes, done ? "true" : "false");

	return curfew_response_yield(response, json, (size_t)length);
}

/* An item for so many bytes, and one for the whole. */
static int read_file(const struct curfew_request *request, struct curfew_response *response,
	FILE *file, int64_t every)
{
	struct counts counts = {0};
	char chunk[CHUNK];
	long long told = 0;
	size_t length;
	int error;

	while ((length = fread(chunk, 1, sizeof(chunk), file))) {
		CURFEW_RETURN_IF_CANCELLED(request);
		count(&counts, chunk, length);
		if (counts.bytes - told >= every) {
			told = counts.bytes;
			error = yield(response, &counts, false);
			if (error) {
				return error;
			}
		}
	}
	if (ferror(file)) {
		return -errno;
	}
	error = curfew_response_usage(response, "bytes", counts.bytes);
	return error ? error : yield(response, &counts, true);
}

static int text_statistics(const struct curfew_request *request, struct curfew_response *response)
{
	const char *path = curfew_request_string(request, "path", NULL);
	FILE *file = fopen(path, "re");
	int64_t every = CHUNK;
	int code;

	if (!file && errno == ENOENT) {
		return curfew_response_fail(response, 404, "there is no file %s", path);
	}
	if (!file) {
		return -errno; /* 500 [EACCES] Permission denied */
	}
	(void)curfew_request_integer(request, "every", &every);
	code = read_file(request, response, file, every);
	fclose(file);
	return code;
}

static const struct curfew_parameter parameters[] = {
	{.name = "path", .type = CURFEW_PATH, .description = "A file"},
	{.name = "every",
		.type = CURFEW_INTEGER,
		.preset = "1048576",
		.description = "Bytes between two items"},
	{.name = "token", .type = CURFEW_CANCELLATION_TOKEN},
	{.name = "usage", .type = CURFEW_USAGE},
	{0},
};
static const struct curfew_parameter members[] = {
	{.name = "lines", .type = CURFEW_INTEGER},
	{.name = "words", .type = CURFEW_INTEGER},
	{.name = "bytes", .type = CURFEW_INTEGER},
	{.name = "done", .type = CURFEW_BOOLEAN, .description = "Whether this is the whole file"},
	{0},
};
static const struct curfew_parameter output = {.type = CURFEW_OBJECT, .parts = members};
static const struct curfew_function functions[] = {
	{
		.name = "text_statistics",
		.description = "Counts lines, words and bytes of a file",
		.parameters = parameters,
		.output = &output,
		.streams = true,
		.run = text_statistics,
	},
	{0},
};

CURFEW_PLUGIN(.functions = functions);
