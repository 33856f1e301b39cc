/* SPDX-License-Identifier: Apache-2.0 */
#include "json/edit.h"

#include <assert.h>

/* Returns the edit that comes first of those from an offset on, NULL if there is none. */
static const struct json_edit *edit_from(const struct json_edit *edits, size_t count, size_t offset)
{
	const struct json_edit *first = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct json_value *value = edits[i].value;

		if (value->kind && value->start >= offset &&
			(!first || value->start < first->value->start)) {
			first = &edits[i];
		}
	}
	return first;
}

void json_splice(struct buffer *out, const char *text, const struct json_value *whole,
	const struct json_edit *edits, size_t count)
{
	size_t at = whole->start, end = whole->start + whole->length;
	size_t done = 0, present = 0;
	const struct json_edit *edit;

	for (size_t i = 0; i < count; i++) {
		present += edits[i].value->kind != JSON_ABSENT;
	}
	for (; (edit = edit_from(edits, count, at)); done++) {
		assert(edit->value->length);
		buffer_append(out, text + at, edit->value->start - at);
		buffer_append(out, edit->bytes, edit->length);
		at = edit->value->start + edit->value->length;
	}
	assert(done == present && at <= end); /* none overlaps another, or lies outside */
	buffer_append(out, text + at, end - at);
}
