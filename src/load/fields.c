/* SPDX-License-Identifier: Apache-2.0 */
#include "load/fields.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/histogram.h"
#include "json/escape.h"

#define FIELDS_MOST 32 /* in a table */

struct field_block {
	struct field_block *next;
	max_align_t bytes[];
};

void *field_block_new(struct field_block **blocks, size_t size)
{
	struct field_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		return NULL;
	}
	block->next = *blocks;
	*blocks = block;
	return block->bytes;
}

void field_blocks_free(struct field_block **blocks)
{
	while (*blocks) {
		struct field_block *next = (*blocks)->next;

		free(*blocks);
		*blocks = next;
	}
}

int fields_refuse(const struct fields_reading *reading, const char *words)
{
	buffer_append_text(reading->refusal, words);
	return -EINVAL;
}

static void write_bool(struct buffer *out, const void *value)
{
	buffer_append_text(out, *(const bool *)value ? "true" : "false");
}

static int read_bool(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	(void)field;
	if (json->kind != JSON_TRUE && json->kind != JSON_FALSE) {
		return fields_refuse(reading, "is neither true nor false");
	}
	*(bool *)value = json->kind == JSON_TRUE;
	return 0;
}

const struct field_kind field_bool = {write_bool, read_bool};

bool fields_read_count(
	const struct fields_reading *reading, const struct json_value *json, uint64_t *count)
{
	const char *digits = reading->text + json->start;

	*count = 0;
	for (size_t i = 0; i < json->length; i++) {
		if (digits[i] < '0' || digits[i] > '9' ||
			__builtin_mul_overflow(*count, 10, count) ||
			__builtin_add_overflow(*count, (unsigned)(digits[i] - '0'), count)) {
			return false;
		}
	}
	return json->kind == JSON_NUMBER;
}

/* A count of at most so many. */
static int read_until(const struct fields_reading *reading, const struct json_value *json,
	uint64_t most, uint64_t *count)
{
	if (fields_read_count(reading, json, count) && *count <= most) {
		return 0;
	}
	buffer_appendf(reading->refusal, "is no whole number from 0 to %" PRIu64, most);
	return -EINVAL;
}

static void write_count(struct buffer *out, const void *value)
{
	buffer_appendf(out, "%" PRIu64, *(const uint64_t *)value);
}

static int read_count(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	(void)field;
	return read_until(reading, json, UINT64_MAX, value);
}

const struct field_kind field_count = {write_count, read_count};

static void write_count32(struct buffer *out, const void *value)
{
	buffer_appendf(out, "%" PRIu32, *(const uint32_t *)value);
}

static int read_count32(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	uint64_t count;
	int status = read_until(reading, json, UINT32_MAX, &count);

	(void)field;
	*(uint32_t *)value = (uint32_t)count;
	return status;
}

const struct field_kind field_count32 = {write_count32, read_count32};

static void write_int(struct buffer *out, const void *value)
{
	buffer_appendf(out, "%d", *(const int *)value);
}

static int read_int(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	uint64_t count;
	int status = read_until(reading, json, INT_MAX, &count);

	(void)field;
	*(int *)value = (int)count;
	return status;
}

const struct field_kind field_int = {write_int, read_int};

static void write_time(struct buffer *out, const void *value)
{
	buffer_appendf(out, "%" PRId64, *(const int64_t *)value);
}

static int read_time(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	uint64_t count;
	int status = read_until(reading, json, FIELD_TIME_MOST, &count);

	(void)field;
	*(int64_t *)value = (int64_t)count;
	return status;
}

const struct field_kind field_time = {write_time, read_time};

static void write_time_or_never(struct buffer *out, const void *value)
{
	if (*(const int64_t *)value == INT64_MAX) {
		buffer_append_text(out, "null");
	} else {
		write_time(out, value);
	}
}

static int read_time_or_never(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	if (json->kind == JSON_NULL) {
		*(int64_t *)value = INT64_MAX;
		return 0;
	}
	return read_time(reading, field, json, value);
}

const struct field_kind field_time_or_never = {write_time_or_never, read_time_or_never};

void fields_write_double(struct buffer *out, double number)
{
	if (isfinite(number)) {
		buffer_appendf(out, "%.17g", number);
	} else {
		buffer_append_text(out, "null");
	}
}

static void write_double(struct buffer *out, const void *value)
{
	fields_write_double(out, *(const double *)value);
}

/* What follows a number in the text ends it for strtod, too. */
static int read_double(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	double number = NAN;

	(void)field;
	if (json->kind == JSON_NUMBER) {
		number = strtod(reading->text + json->start, NULL);
	}
	if (json->kind != JSON_NULL && !isfinite(number)) {
		return fields_refuse(reading, "is neither a number that fits nor null");
	}
	*(double *)value = number;
	return 0;
}

const struct field_kind field_double = {write_double, read_double};

void fields_write_string(struct buffer *out, const char *string)
{
	if (string) {
		buffer_append_json(out, string, strlen(string));
	} else {
		buffer_append_text(out, "null");
	}
}

static void write_string(struct buffer *out, const void *value)
{
	fields_write_string(out, *(const char *const *)value);
}

char *fields_read_string(const struct fields_reading *reading, const struct json_value *json)
{
	struct buffer decoded = {0};
	char *string = NULL;

	json_string_decode(&decoded, reading->text, json);
	if (!decoded.failed) {
		string = field_block_new(reading->blocks, decoded.length + 1);
	}
	if (string) {
		memcpy(string, buffer_text(&decoded), decoded.length);
	}
	buffer_fini(&decoded);
	return string;
}

/* Whether it says something that ends a string of ours. */
static bool has_nul(const struct fields_reading *reading, const struct json_value *string)
{
	const char *at = reading->text + string->start + 1;
	const char *end = at + string->length - 2;

	while (at < end) {
		struct json_run run;

		json_run_read(&run, &at, end);
		if (run.bytes && memchr(run.bytes, '\0', run.length)) {
			return true;
		}
	}
	return false;
}

static int read_string(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	const char **string = value;

	(void)field;
	*string = NULL;
	if (json->kind == JSON_NULL) {
		return 0;
	}
	if (json->kind != JSON_STRING) {
		return fields_refuse(reading, "is neither a string nor null");
	}
	if (has_nul(reading, json)) {
		return fields_refuse(reading, "has a NUL");
	}
	*string = fields_read_string(reading, json);
	return *string ? 0 : -ENOMEM;
}

const struct field_kind field_string = {write_string, read_string};

static void write_text(struct buffer *out, const void *value)
{
	fields_write_string(out, value);
}

static int read_text(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct buffer decoded = {0};
	int status = 0;

	if (json->kind != JSON_STRING) {
		return fields_refuse(reading, "is no string");
	}
	if (has_nul(reading, json)) {
		return fields_refuse(reading, "has a NUL");
	}
	json_string_decode(&decoded, reading->text, json);
	if (decoded.failed) {
		status = -ENOMEM;
	} else if (decoded.length >= field->size) {
		buffer_appendf(reading->refusal, "is longer than %zu bytes", field->size - 1);
		status = -EINVAL;
	} else {
		memcpy(value, buffer_text(&decoded), decoded.length + 1);
	}
	buffer_fini(&decoded);
	return status;
}

const struct field_kind field_text = {write_text, read_text};

static void write_histogram(struct buffer *out, const void *value)
{
	histogram_write(out, value);
}

static int read_histogram(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct buffer why = {0};
	int status = histogram_read(value, reading->text, json, &why);

	(void)field;
	if (status) {
		buffer_appendf(reading->refusal, "is refused, since %s", buffer_text(&why));
	}
	buffer_fini(&why);
	return status;
}

const struct field_kind field_histogram = {write_histogram, read_histogram};

static void write_outcomes(struct buffer *out, const void *value)
{
	const uint64_t *counts = value;

	for (enum load_outcome i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		buffer_appendf(
			out, "%s\"%s\":%" PRIu64, i ? "," : "{", load_outcome_word(i), counts[i]);
	}
	buffer_append_char(out, '}');
}

int fields_read_outcomes(const struct fields_reading *reading, const struct json_value *json,
	uint64_t counts[LOAD_OUTCOME_COUNT])
{
	struct json_value name = {0}, value = {0};
	bool seen[LOAD_OUTCOME_COUNT] = {false};

	if (json->kind != JSON_OBJECT) {
		return fields_refuse(reading, "is no object");
	}
	while (json_member_next(reading->text, json, &name, &value)) {
		enum load_outcome outcome = load_outcome_find(
			reading->text + name.start + 1, (unsigned long)name.length - 2);

		if (outcome == LOAD_OUTCOME_COUNT || seen[outcome]) {
			return fields_refuse(
				reading, "has a name that is no outcome, or one twice");
		}
		if (!fields_read_count(reading, &value, &counts[outcome])) {
			return fields_refuse(reading, "has what is no whole number");
		}
		seen[outcome] = true;
	}
	return 0;
}

static int read_outcomes(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	(void)field;
	return fields_read_outcomes(reading, json, value);
}

const struct field_kind field_outcomes = {write_outcomes, read_outcomes};

void fields_write(struct buffer *out, const struct field *fields, const void *object)
{
	const char *separator = "{";

	for (; fields->name; fields++, separator = ",") {
		buffer_appendf(out, "%s\"%s\":", separator, fields->name);
		fields->kind->write(out, (const char *)object + fields->offset);
	}
	buffer_append_char(out, '}');
}

/* Returns its row, or that of the end. */
static size_t find_field(const struct fields_reading *reading, const struct field *fields,
	const struct json_value *name)
{
	size_t row = 0;

	while (fields[row].name &&
		!json_string_equal(
			reading->text, name, fields[row].name, strlen(fields[row].name))) {
		row++;
	}
	return row;
}

static int refuse_member(const struct fields_reading *reading, const char *what,
	const struct json_value *name, const char *how)
{
	struct buffer decoded = {0};
	size_t most = 60;

	json_string_decode(&decoded, reading->text, name);
	buffer_appendf(reading->refusal, "%s has ", what);
	buffer_append_json(reading->refusal, buffer_text(&decoded),
		decoded.length < most ? decoded.length : most);
	buffer_appendf(reading->refusal, " %s", how);
	buffer_fini(&decoded);
	return -EINVAL;
}

/* Finds what belongs to each row. */
static int collect(const struct fields_reading *reading, const struct json_value *json,
	const struct field *fields, struct json_value *values, const char *what)
{
	struct json_value name = {0}, value = {0};

	if (json->kind != JSON_OBJECT) {
		buffer_appendf(reading->refusal, "%s is no object", what);
		return -EINVAL;
	}
	while (json_member_next(reading->text, json, &name, &value)) {
		size_t row = find_field(reading, fields, &name);

		if (!fields[row].name || values[row].kind != JSON_ABSENT) {
			return refuse_member(
				reading, what, &name, fields[row].name ? "twice" : "besides");
		}
		values[row] = value;
	}
	return 0;
}

int fields_read(const struct fields_reading *reading, const struct json_value *json,
	const struct field *fields, void *object, const char *what)
{
	struct json_value values[FIELDS_MOST] = {0};
	int status = collect(reading, json, fields, values, what);

	for (size_t i = 0; fields[i].name && status == 0; i++) {
		struct buffer why = {0};
		const struct fields_reading of_field = {reading->text, &why, reading->blocks};

		assert(i < FIELDS_MOST);
		status = values[i].kind == JSON_ABSENT
			? fields_refuse(&of_field, "is missing")
			: fields[i].kind->read(&of_field, &fields[i], &values[i],
				  (char *)object + fields[i].offset);
		if (status == -EINVAL) {
			buffer_appendf(reading->refusal, "\"%s\" of %s %s", fields[i].name, what,
				buffer_text(&why));
		}
		buffer_fini(&why);
	}
	return status;
}
