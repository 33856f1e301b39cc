/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "serve/fitting.h"
#include "json/pointer.h"
#include "json/reader.h"

static const struct place body_place = {.kind = PLACE_NAME, .bytes = "body", .length = 4};

static enum arguments_outcome refuse_text(const struct json_reader *reader, struct buffer *told)
{
	buffer_appendf(told, "the body is not JSON: byte %zu: %s", reader->offset,
		json_error_text(reader->error));
	return told->failed ? ARGUMENTS_NO_MEMORY : ARGUMENTS_NOT_JSON;
}

static bool requires_any(const struct schema *inputs)
{
	for (size_t i = 0; i < inputs->member_count; i++) {
		if (inputs->members[i].is_required) {
			return true;
		}
	}
	return false;
}

/* Where no parameters are declared, there may be null or any object. */
static bool fit_nothing(struct fitting *fitting, const struct json_value *root)
{
	buffer_append_text(fitting->out, "{}");
	return root->kind == JSON_ABSENT || root->kind == JSON_NULL || root->kind == JSON_OBJECT ||
		fitting_complain(
			fitting, complaint_of_kind(SCHEMA_OBJECT), NULL, &body_place, root);
}

/* No body is as good as an empty object, unless something is missing: then the body is. */
static bool fit_body(
	struct fitting *fitting, const struct schema *inputs, const struct json_value *root)
{
	const struct json_value empty = {.kind = JSON_OBJECT, .length = 2};

	if (!inputs->members) {
		return fit_nothing(fitting, root);
	}
	if (root->kind) {
		return fitting_value(fitting, inputs, root, &body_place);
	}
	if (requires_any(inputs)) {
		return fitting_complain(fitting, &complaint_missing, inputs, &body_place, NULL);
	}
	fitting->text = "{}";
	return fitting_value(fitting, inputs, &empty, &body_place);
}

static enum arguments_outcome tell(struct buffer *told, const struct buffer *complaints)
{
	buffer_append_text(told, "{\"detail\":[");
	buffer_append(told, buffer_text(complaints), complaints->length);
	buffer_append_text(told, "]}");
	return told->failed || complaints->failed ? ARGUMENTS_NO_MEMORY : ARGUMENTS_INVALID;
}

static bool make_room(struct arguments *arguments, const struct schema *inputs)
{
	if (inputs->member_count) {
		arguments->values = calloc(inputs->member_count, sizeof(*arguments->values));
	}
	return arguments->values || !inputs->member_count;
}

enum arguments_outcome arguments_read(struct arguments *arguments, const struct schema *inputs,
	const char *body, size_t length, struct buffer *told)
{
	struct json_reader reader = {0};
	struct buffer complaints = {0};
	struct fitting fitting = {.text = body,
		.out = &arguments->text,
		.complaints = &complaints,
		.complaints_most = ARGUMENTS_ERRORS_MOST};
	enum arguments_outcome outcome = ARGUMENTS_OK;
	bool fits;

	if (json_read(&reader, body, length) && reader.error != JSON_EMPTY) {
		return refuse_text(&reader, told);
	}
	if (!make_room(arguments, inputs)) {
		return ARGUMENTS_NO_MEMORY;
	}
	fitting.ranges = arguments->values;
	fits = fit_body(&fitting, inputs, &reader.root);
	arguments->root =
		(struct json_value){.kind = JSON_OBJECT, .length = arguments->text.length};
	if (fitting.failed || arguments->text.failed) {
		outcome = ARGUMENTS_NO_MEMORY;
	} else if (!fits) {
		outcome = tell(told, &complaints);
	}
	if (outcome != ARGUMENTS_OK) {
		arguments_fini(arguments);
	}
	buffer_fini(&complaints);
	fitting_fini(&fitting);
	return outcome;
}

void arguments_fini(struct arguments *arguments)
{
	buffer_fini(&arguments->text);
	free(arguments->values);
	*arguments = (struct arguments){0};
}

bool arguments_find(const struct arguments *arguments, const struct schema *inputs,
	const char *name, struct json_value *value)
{
	const struct schema_member *member;

	if (!*name || *name == '/') {
		return json_point(buffer_text(&arguments->text), &arguments->root, name, value);
	}
	member = schema_member_find(inputs, name, strlen(name));
	if (!member || !arguments->values[member - inputs->members].kind) {
		return false;
	}
	*value = arguments->values[member - inputs->members];
	return true;
}
