/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>

#include "load/fields.h"
#include "load/tally.h"

static void write_statuses(struct buffer *out, const void *value)
{
	const uint64_t *statuses = value;
	const char *separator = "";

	buffer_append_char(out, '{');
	for (size_t i = 0; i < TALLY_STATUSES; i++) {
		if (statuses[i]) {
			buffer_appendf(out, "%s\"%zu\":%" PRIu64, separator, i, statuses[i]);
			separator = ",";
		}
	}
	buffer_append_char(out, '}');
}

/* A number as write_statuses writes it: "0", "200". TALLY_STATUSES: it is none. */
static size_t status_of(const char *digits, size_t length)
{
	size_t status = 0;

	if (length < 1 || length > 3 || (digits[0] == '0' && length > 1)) {
		return TALLY_STATUSES;
	}
	for (size_t i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9') {
			return TALLY_STATUSES;
		}
		status = 10 * status + (size_t)(digits[i] - '0');
	}
	return status < TALLY_STATUSES ? status : TALLY_STATUSES;
}

static int read_statuses(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct json_value name = {0}, member = {0};
	uint64_t *statuses = value;

	(void)field;
	if (json->kind != JSON_OBJECT) {
		return fields_refuse(reading, "is no object");
	}
	while (json_member_next(reading->text, json, &name, &member)) {
		size_t status = status_of(reading->text + name.start + 1, name.length - 2);

		if (status == TALLY_STATUSES || statuses[status]) {
			return fields_refuse(reading, "has a name that is no status, or one twice");
		}
		if (!fields_read_count(reading, &member, &statuses[status]) || !statuses[status]) {
			return fields_refuse(reading, "has what is no whole number above 0");
		}
	}
	return 0;
}

static const struct field_kind tally_statuses = {write_statuses, read_statuses};

static void write_timeline(struct buffer *out, const void *value)
{
	load_timeline_write(out, value);
}

static int read_timeline(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct buffer why = {0};
	int status = load_timeline_read(value, reading->text, json, &why);

	(void)field;
	if (status == -EINVAL) {
		buffer_appendf(reading->refusal, "is refused: %s", buffer_text(&why));
	}
	buffer_fini(&why);
	return status;
}

static const struct field_kind tally_timeline = {write_timeline, read_timeline};

static const struct field scenario_fields[] = {
	{"outcomes", &field_outcomes, offsetof(struct tally_scenario, outcomes), 0},
	{"latency", &field_histogram, offsetof(struct tally_scenario, latency), 0},
	{NULL, NULL, 0, 0},
};

static void write_scenarios(struct buffer *out, const void *value)
{
	const struct tally *tally = value;

	buffer_append_char(out, '[');
	for (size_t i = 0; i < tally->scenario_count; i++) {
		buffer_append_text(out, i ? "," : "");
		fields_write(out, scenario_fields, &tally->scenarios[i]);
	}
	buffer_append_char(out, ']');
}

/* How many elements the array has. */
static size_t count_of(const struct fields_reading *reading, const struct json_value *array)
{
	struct json_value element = {0};
	size_t count = 0;

	while (json_element_next(reading->text, array, &element)) {
		count++;
	}
	return count;
}

/* The first of a tally's fields: it makes the tally. */
static int read_scenarios(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	size_t count = count_of(reading, json), at = 0;
	struct json_value element = {0};
	struct tally *tally = value;
	int status;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	if (count == 1 || count > TALLY_SCENARIOS_MOST) {
		return fields_refuse(reading, "has one element, or too many");
	}
	status = tally_init(tally, count);
	while (status == 0 && json_element_next(reading->text, json, &element)) {
		status = fields_read(
			reading, &element, scenario_fields, &tally->scenarios[at++], "a scenario");
	}
	return status;
}

static const struct field_kind tally_scenarios = {write_scenarios, read_scenarios};

#define TALLY_FIELD(name, kind)                                                                    \
	{                                                                                          \
#name, &(kind), offsetof(struct tally, name), 0                                    \
	}

static const struct field tally_fields[] = {
	{"scenarios", &tally_scenarios, 0, 0},
	TALLY_FIELD(scheduled, field_count),
	TALLY_FIELD(dropped, field_count),
	TALLY_FIELD(admitted, field_count),
	TALLY_FIELD(in_flight, field_count),
	TALLY_FIELD(outcomes, field_outcomes),
	TALLY_FIELD(statuses, tally_statuses),
	TALLY_FIELD(connections, field_count),
	TALLY_FIELD(bytes_in, field_count),
	TALLY_FIELD(bytes_out, field_count),
	TALLY_FIELD(intended, field_histogram),
	TALLY_FIELD(actual, field_histogram),
	TALLY_FIELD(failed, field_histogram),
	TALLY_FIELD(lag, field_histogram),
	TALLY_FIELD(connect, field_histogram),
	TALLY_FIELD(timeline, tally_timeline),
	{NULL, NULL, 0, 0},
};

void tally_write(struct buffer *out, const struct tally *tally)
{
	fields_write(out, tally_fields, tally);
}

int tally_read(struct tally *tally, const char *text, const struct json_value *value,
	struct buffer *refusal)
{
	const struct fields_reading reading = {.text = text, .refusal = refusal};
	const char *contradiction;
	int status;

	*tally = (struct tally){0};
	status = fields_read(&reading, value, tally_fields, tally, "the tally");
	if (status) {
		return status;
	}
	contradiction = tally_contradiction(tally);
	if (contradiction) {
		buffer_appendf(refusal, "the tally contradicts itself: %s", contradiction);
		return -EINVAL;
	}
	return 0;
}
