/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each kind has its function, and those of containers call fitting_value again: as deep as schemas
 * are in each other, never as deep as the text. Alternatives of a union are tried in silence; only
 * if none fits are they gone through again, to be told what is wrong, so that nothing that was said
 * has to be taken back.
 */
#include "serve/fitting.h"

#include <errno.h>
#include <string.h>

#include "serve/choice.h"
#include "json/number.h"

bool fitting_told(const struct fitting *fitting)
{
	return fitting->complaints && !fitting->trying &&
		fitting->complained < fitting->complaints_most;
}

bool fitting_complain(struct fitting *fitting, const struct complaint *complaint,
	const struct schema *schema, const struct place *place, const struct json_value *input)
{
	if (fitting_told(fitting)) {
		if (fitting->complained) {
			buffer_append_char(fitting->complaints, ',');
		}
		complaint_write(
			fitting->complaints, complaint, schema, place, fitting->text, input);
		fitting->complained++;
	}
	return false;
}

void fitting_cut_back(struct buffer *out, size_t length)
{
	if (length < out->length) {
		out->length = length;
		out->data[length] = '\0';
	}
}

static bool ends_line(char byte)
{
	return byte == '\n' || byte == '\r';
}

void fitting_append_line(struct buffer *out, const char *bytes, size_t length)
{
	const char *end = bytes + length;

	if (!memchr(bytes, '\n', length) && !memchr(bytes, '\r', length)) {
		buffer_append(out, bytes, length);
		return;
	}
	while (bytes < end) {
		const char *first = bytes;

		while (bytes < end && !ends_line(*bytes)) {
			bytes++;
		}
		buffer_append(out, first, (size_t)(bytes - first));
		while (bytes < end && ends_line(*bytes)) {
			bytes++;
		}
	}
}

static bool take(struct fitting *fitting, const struct json_value *value)
{
	fitting_append_line(fitting->out, fitting->text + value->start, value->length);
	return true;
}

static bool fit_choice(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	bool is_choice = choices_have(schema, fitting->text, value, &fitting->said);

	fitting->failed |= fitting->said.failed;
	return is_choice ? take(fitting, value)
			 : fitting_complain(fitting, &complaint_choice, schema, place, value);
}

static bool fit_scalar(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	static const unsigned takes[] = {
		[SCHEMA_NULL] = 1U << JSON_NULL,
		[SCHEMA_BOOLEAN] = 1U << JSON_FALSE | 1U << JSON_TRUE,
		[SCHEMA_INTEGER] = 1U << JSON_NUMBER,
		[SCHEMA_NUMBER] = 1U << JSON_NUMBER,
		[SCHEMA_STRING] = 1U << JSON_STRING,
	};

	if (!(takes[schema->kind] >> value->kind & 1)) {
		return fitting_complain(
			fitting, complaint_of_kind(schema->kind), schema, place, value);
	}
	if (schema->kind == SCHEMA_INTEGER && json_whole(fitting->text, value, NULL) == -EINVAL) {
		return fitting_complain(fitting, &complaint_fraction, schema, place, value);
	}
	return take(fitting, value);
}

static bool fit_array(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	struct place step = {.outer = place, .kind = PLACE_INDEX};
	struct json_value element = {0};
	bool fits = true;

	if (value->kind != JSON_ARRAY) {
		return fitting_complain(
			fitting, complaint_of_kind(SCHEMA_ARRAY), schema, place, value);
	}
	if (!schema->items) {
		return take(fitting, value);
	}
	buffer_append_char(fitting->out, '[');
	for (; json_element_next(fitting->text, value, &element); step.length++) {
		if (step.length) {
			buffer_append_char(fitting->out, ',');
		}
		if (!fitting_value(fitting, schema->items, &element, &step)) {
			fits = false;
			if (!fitting_told(fitting)) {
				break;
			}
		}
	}
	buffer_append_char(fitting->out, ']');
	return fits;
}

/* A name that nobody knew beforehand. */
static bool fit_key(struct fitting *fitting, const struct schema *schema,
	const struct json_value *name, const struct place *step)
{
	const struct place place = {
		.outer = step, .kind = PLACE_NAME, .bytes = "[key]", .length = 5};

	return !schema->keys || fitting_value(fitting, schema->keys, name, &place);
}

static bool fit_map(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	struct json_value name = {0}, member = {0};
	struct place step = {
		.outer = place, .kind = PLACE_KEY, .bytes = fitting->text, .key = &name};
	bool fits = true;
	char before = '{';

	while (json_member_next(fitting->text, value, &name, &member)) {
		buffer_append_char(fitting->out, before);
		before = ',';
		fits &= fit_key(fitting, schema, &name, &step);
		if (!schema->keys) {
			take(fitting, &name);
		}
		buffer_append_char(fitting->out, ':');
		fits &= fitting_value(fitting, schema->items, &member, &step);
		if (!fits && !fitting_told(fitting)) {
			break;
		}
	}
	buffer_append_text(fitting->out, before == '{' ? "{}" : "}");
	return fits;
}

static bool fit_object(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	if (value->kind != JSON_OBJECT) {
		return fitting_complain(
			fitting, complaint_of_kind(SCHEMA_OBJECT), schema, place, value);
	}
	if (schema->members) {
		return fitting_members(fitting, schema, value, place);
	}
	return schema->items ? fit_map(fitting, schema, value, place) : take(fitting, value);
}

/* Leaves the better one of what was appended from best on and from last on. */
static void keep_last(struct buffer *out, size_t best, size_t last)
{
	if (!out->failed) {
		memmove(out->data + best, out->data + last, out->length - last);
		fitting_cut_back(out, best + out->length - last);
	}
}

/* Tries the alternatives. Only objects and what is around them can fit better or worse. */
static bool fit_best(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	bool is_container = value->kind == JSON_ARRAY || value->kind == JSON_OBJECT;
	size_t first = fitting->out->length, score = fitting->score, presets = fitting->presets;
	size_t best_score = 0, best_presets = presets;
	bool fits = false;

	fitting->trying++;
	for (size_t i = 0; i < schema->alternative_count && (!fits || is_container); i++) {
		size_t last = fitting->out->length;

		fitting->score = 0;
		fitting->presets = presets;
		if (fitting_value(fitting, schema->alternatives[i], value, place) &&
			(!fits || fitting->score > best_score)) {
			keep_last(fitting->out, first, last);
			best_score = fitting->score;
			best_presets = fitting->presets;
			fits = true;
		} else {
			fitting_cut_back(fitting->out, last);
		}
	}
	fitting->trying--;
	fitting->score = score + best_score;
	fitting->presets = best_presets;
	return fits;
}

static size_t count_types(const struct schema *schema)
{
	size_t count = 0;

	for (size_t i = 0; i < schema->alternative_count; i++) {
		count += schema->alternatives[i]->kind != SCHEMA_NULL;
	}
	return count;
}

/* Null is not among what is told, unless there is nothing else; a single type needs no name. */
static bool fit_union(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	size_t first = fitting->out->length, types = count_types(schema);

	if (fit_best(fitting, schema, value, place)) {
		return true;
	}
	for (size_t i = 0; i < schema->alternative_count && fitting_told(fitting); i++) {
		const struct schema *type = schema->alternatives[i];
		const struct place step = {.outer = place, .kind = PLACE_TYPE, .type = type};

		if (!types || type->kind != SCHEMA_NULL) {
			(void)fitting_value(fitting, type, value, types > 1 ? &step : place);
			fitting_cut_back(fitting->out, first);
		}
		if (!types) {
			break;
		}
	}
	return false;
}

bool fitting_value(struct fitting *fitting, const struct schema *schema,
	const struct json_value *value, const struct place *place)
{
	if (schema->choices) {
		return fit_choice(fitting, schema, value, place);
	}
	switch (schema->kind) {
	case SCHEMA_ANY:
		return take(fitting, value);
	case SCHEMA_ARRAY:
		return fit_array(fitting, schema, value, place);
	case SCHEMA_OBJECT:
		return fit_object(fitting, schema, value, place);
	case SCHEMA_UNION:
		return fit_union(fitting, schema, value, place);
	default:
		return fit_scalar(fitting, schema, value, place);
	}
}
