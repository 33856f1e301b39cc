/* SPDX-License-Identifier: Apache-2.0 */
#include "load/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load/file.h"

#define NS_PER_MS 1000000

struct part {
	const char *file;
	struct buffer text;
	int64_t began_ms, ended_ms; /* of the calendar's clock */
};

struct parts {
	struct part *parts;
	size_t count;
	struct buffer *refusal;
};

static int refuse(const struct parts *parts, const struct part *part, const char *why)
{
	buffer_appendf(parts->refusal, "'%.200s': %s", part->file, why);
	return -1;
}

static int read_file(const struct parts *parts, struct part *part)
{
	int error = file_read(part->file, MERGE_FILE_MOST, &part->text);

	return error ? refuse(parts, part, strerror(-error)) : 0;
}

/* Makes a result of a part. */
static int read_result(const struct parts *parts, const struct part *part, struct result *result)
{
	struct buffer why = {0};
	int error = result_read(result, part->text.data, part->text.length, &why);

	if (error) {
		(void)refuse(parts, part, error == -ENOMEM ? strerror(ENOMEM) : buffer_text(&why));
	}
	buffer_fini(&why);
	return error ? -1 : 0;
}

static int refuse_twice(const struct parts *parts, const struct part *part)
{
	for (const struct part *other = parts->parts; other < part; other++) {
		if (other->text.length == part->text.length &&
			memcmp(buffer_text(&other->text), buffer_text(&part->text),
				part->text.length) == 0) {
			return refuse(parts, part, "it is the same result as another one of these");
		}
	}
	return 0;
}

/* What has to be known of each before they can be laid over each other. */
static int look(const struct parts *parts, struct part *part)
{
	struct result result = {0};
	int error = read_file(parts, part);

	error = error ? error : read_result(parts, part, &result);
	error = error ? error : refuse_twice(parts, part);
	part->began_ms = result.began_ms;
	part->ended_ms = result.began_ms + result.ended_ns / NS_PER_MS;
	result_fini(&result);
	return error;
}

static int compare_begins(const void *a, const void *b)
{
	const struct part *first = a, *second = b;

	return (first->began_ms > second->began_ms) - (first->began_ms < second->began_ms);
}

/* Whether there was a moment at which all ran. */
static bool are_together(const struct parts *parts)
{
	int64_t last_begin = 0, first_end = INT64_MAX;

	for (size_t i = 0; i < parts->count; i++) {
		const struct part *part = &parts->parts[i];

		last_begin = part->began_ms > last_begin ? part->began_ms : last_begin;
		first_end = part->ended_ms < first_end ? part->ended_ms : first_end;
	}
	return last_begin < first_end;
}

static int add(
	const struct parts *parts, const struct part *part, bool together, struct result *into)
{
	struct buffer why = {0};
	struct result result;
	int error = read_result(parts, part, &result);

	if (error == 0) {
		error = result_merge(into, &result, together, &why);
		if (error) {
			(void)refuse(parts, part,
				error == -ENOMEM ? strerror(ENOMEM) : buffer_text(&why));
		}
	}
	result_fini(&result);
	buffer_fini(&why);
	return error ? -1 : 0;
}

static int merge(struct parts *parts, struct result *into)
{
	bool together;
	int error = 0;

	for (size_t i = 0; i < parts->count && error == 0; i++) {
		error = look(parts, &parts->parts[i]);
	}
	if (error) {
		return error;
	}
	together = are_together(parts);
	if (together) {
		qsort(parts->parts, parts->count, sizeof(*parts->parts), compare_begins);
	}
	error = read_result(parts, &parts->parts[0], into);
	for (size_t i = 1; i < parts->count && error == 0; i++) {
		error = add(parts, &parts->parts[i], together, into);
	}
	return error;
}

int merge_files(struct result *result, char *const *files, struct buffer *refusal)
{
	struct parts parts = {.refusal = refusal};
	int error;

	*result = (struct result){0};
	while (files[parts.count]) {
		parts.count++;
	}
	parts.parts = calloc(parts.count > 0 ? parts.count : 1, sizeof(*parts.parts));
	if (!parts.parts) {
		buffer_append_text(refusal, strerror(ENOMEM));
		return -1;
	}
	for (size_t i = 0; i < parts.count; i++) {
		parts.parts[i].file = files[i];
	}
	error = merge(&parts, result);
	for (size_t i = 0; i < parts.count; i++) {
		buffer_fini(&parts.parts[i].text);
	}
	free(parts.parts);
	return error;
}
