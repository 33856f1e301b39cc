/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects whose members are declared: found in one walk over the text, whatever their order, and
 * then gone through as they were declared.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/fitting.h"

#define FIRST_CAPACITY 16

void fitting_fini(struct fitting *fitting)
{
	free(fitting->found);
	buffer_fini(&fitting->said);
	fitting->found = NULL;
}

/* Room for the members of one more object, all absent. Returns false if there is no memory. */
static bool open_object(struct fitting *fitting, size_t count)
{
	size_t needed = fitting->found_count + count;
	size_t capacity = fitting->found_capacity ? fitting->found_capacity : FIRST_CAPACITY;

	while (capacity < needed) {
		capacity *= 2;
	}
	if (capacity > fitting->found_capacity) {
		struct json_value *found = realloc(fitting->found, capacity * sizeof(*found));

		if (!found) {
			fitting->failed = true;
			return false;
		}
		fitting->found = found;
		fitting->found_capacity = capacity;
	}
	memset(fitting->found + fitting->found_count, 0, count * sizeof(*fitting->found));
	fitting->found_count = needed;
	return true;
}

static bool is_member(const struct schema_member *member, const char *name, size_t length)
{
	return member->name_length == length && !memcmp(member->name, name, length);
}

/* The same of a name with escapes: what it says is looked for, and half a character is nobody's. */
static const struct schema_member *find_said(
	struct fitting *fitting, const struct schema *schema, const struct json_value *name)
{
	struct buffer *said = &fitting->said;
	const struct schema_member *member;

	said->length = 0;
	json_string_decode(said, fitting->text, name);
	fitting->failed |= said->failed;
	member = schema_member_find(schema, buffer_text(said), said->length);
	return member && json_string_equal(fitting->text, name, member->name, member->name_length)
		? member
		: NULL;
}

/* Returns which member a name of the text is; expected: the one that it probably is. */
static size_t find_member(struct fitting *fitting, const struct schema *schema,
	const struct json_value *name, size_t expected)
{
	const char *inside = fitting->text + name->start + 1;
	const struct schema_member *member;
	size_t length = name->length - 2;

	if (memchr(inside, '\\', length)) {
		member = find_said(fitting, schema, name);
	} else if (expected < schema->member_count &&
		is_member(&schema->members[expected], inside, length)) {
		return expected;
	} else {
		member = schema_member_find(schema, inside, length);
	}
	return member ? (size_t)(member - schema->members) : schema->member_count;
}

static void find_members(struct fitting *fitting, const struct schema *schema,
	const struct json_value *object, size_t base)
{
	struct json_value name = {0}, value = {0};
	size_t expected = 0;

	while (json_member_next(fitting->text, object, &name, &value)) {
		size_t i = find_member(fitting, schema, &name, expected);

		if (i < schema->member_count) {
			fitting->found[base + i] = value; /* the last one counts */
			expected = i + 1;
		}
	}
}

static bool is_plain(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\') {
			return false;
		}
	}
	return true;
}

static void append_name(struct buffer *out, char before, const struct schema_member *member)
{
	buffer_append_char(out, before);
	if (is_plain(member->name, member->name_length)) {
		buffer_append_char(out, '"');
		buffer_append(out, member->name, member->name_length);
		buffer_append_char(out, '"');
	} else {
		buffer_append_json(out, member->name, member->name_length);
	}
	buffer_append_char(out, ':');
}

/* Nothing is told behind this: there would be no end of it. Returns false. */
static bool refuse_preset(
	struct fitting *fitting, const struct schema *schema, const struct place *place)
{
	if (fitting_told(fitting)) {
		(void)fitting_complain(fitting, &complaint_presets, schema, place, NULL);
		fitting->complained = fitting->complaints_most;
	}
	return false;
}

/* The preset, with those of its own members where it has none. It was checked when it was read. */
static bool fill_in(struct fitting *fitting, const struct schema *schema, const struct place *place)
{
	const struct schema_text *preset = &schema->preset;
	const struct json_value whole = {
		.kind = json_kind_of(*preset->bytes), .length = preset->length};
	size_t start = fitting->out->length, score = fitting->score;
	const char *text = fitting->text;

	fitting->presets += preset->length;
	if (fitting->presets > FITTING_PRESETS_MOST) {
		return refuse_preset(fitting, schema, place);
	}
	fitting->text = preset->bytes;
	fitting->trying++;
	if (!fitting_value(fitting, schema, &whole, place)) {
		fitting_cut_back(fitting->out, start);
		buffer_append(fitting->out, preset->bytes, preset->length);
	}
	fitting->trying--;
	fitting->text = text;
	fitting->score = score;
	return true;
}

/* What a member is, or its preset, with its name; *range: where it stands. */
static bool fit_member(struct fitting *fitting, const struct schema_member *member, char before,
	const struct json_value *value, const struct place *step, struct json_value *range)
{
	struct buffer *out = fitting->out;
	bool fits;
	size_t start;

	append_name(out, before, member);
	start = out->length;
	if (value->kind) {
		fitting->score++;
		fits = fitting_value(fitting, member->schema, value, step);
	} else {
		fits = fill_in(fitting, member->schema, step);
	}
	if (range && fits && !out->failed) {
		*range = (struct json_value){.kind = json_kind_of(out->data[start]),
			.start = start,
			.length = out->length - start};
	}
	return fits;
}

/* Those that were found, from base on, and presets. */
static bool fit_members(struct fitting *fitting, const struct schema *schema,
	const struct json_value *object, const struct place *place, size_t base)
{
	struct json_value *ranges = fitting->ranges;
	bool fits = true;
	char before = '{';

	fitting->ranges = NULL;
	for (size_t i = 0; i < schema->member_count && (fits || fitting_told(fitting)); i++) {
		const struct schema_member *member = &schema->members[i];
		const struct json_value value = fitting->found[base + i]; /* which may be moved */
		const struct place step = {.outer = place,
			.kind = PLACE_NAME,
			.bytes = member->name,
			.length = member->name_length};

		if (value.kind || (!member->is_required && member->schema->preset.bytes)) {
			fits &= fit_member(
				fitting, member, before, &value, &step, ranges ? &ranges[i] : NULL);
			before = ',';
		} else if (member->is_required) {
			fits = fitting_complain(
				fitting, &complaint_missing, member->schema, &step, object);
		}
	}
	buffer_append_text(fitting->out, before == '{' ? "{}" : "}");
	return fits;
}

bool fitting_members(struct fitting *fitting, const struct schema *schema,
	const struct json_value *object, const struct place *place)
{
	size_t base = fitting->found_count;
	bool fits;

	if (!open_object(fitting, schema->member_count)) {
		return false;
	}
	find_members(fitting, schema, object, base);
	fits = fit_members(fitting, schema, object, place, base);
	fitting->found_count = base;
	return fits;
}
