/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "load/fields.h"
#include "load/timeline.h"

/* A row as it stands in the text. */
struct numbered_row {
	uint32_t number;
	struct timeline_row row;
};

static void write_outcomes(struct buffer *out, const void *value)
{
	const uint32_t *outcomes = value;
	const char *separator = "";

	buffer_append_char(out, '{');
	for (enum load_outcome i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		if (outcomes[i]) {
			buffer_appendf(out, "%s\"%s\":%" PRIu32, separator, load_outcome_word(i),
				outcomes[i]);
			separator = ",";
		}
	}
	buffer_append_char(out, '}');
}

static int read_outcomes(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	uint64_t counts[LOAD_OUTCOME_COUNT] = {0};
	uint32_t *outcomes = value;
	int status = fields_read_outcomes(reading, json, counts);

	(void)field;
	for (size_t i = 0; i < LOAD_OUTCOME_COUNT && status == 0; i++) {
		if (counts[i] > UINT32_MAX) {
			return fields_refuse(reading, "has a number that is too large for a row");
		}
		outcomes[i] = (uint32_t)counts[i];
	}
	return status;
}

static const struct field_kind row_outcomes = {write_outcomes, read_outcomes};

static void write_bands(struct buffer *out, const void *value)
{
	const uint32_t *bands = value;
	const char *separator = "";

	buffer_append_char(out, '[');
	for (size_t i = 0; i < TIMELINE_BANDS; i++) {
		if (bands[i]) {
			buffer_appendf(out, "%s[%" PRId64 ",%" PRIu32 "]", separator,
				load_timeline_band_end(i), bands[i]);
			separator = ",";
		}
	}
	buffer_append_char(out, ']');
}

/* Reads [end of the band, count], a band behind the last one, which is TIMELINE_BANDS at first. */
static bool read_band(const struct fields_reading *reading, const struct json_value *pair,
	size_t *band, uint64_t *count)
{
	struct json_value element = {0};
	size_t next = *band == TIMELINE_BANDS ? 0 : *band + 1;
	uint64_t end_ns;

	if (!json_element_next(reading->text, pair, &element) ||
		!fields_read_count(reading, &element, &end_ns) ||
		!json_element_next(reading->text, pair, &element) ||
		!fields_read_count(reading, &element, count) ||
		json_element_next(reading->text, pair, &element)) {
		return false;
	}
	while (next < TIMELINE_BANDS && (uint64_t)load_timeline_band_end(next) != end_ns) {
		next++;
	}
	*band = next;
	return *count && *count <= UINT32_MAX && next < TIMELINE_BANDS;
}

static int read_bands(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct json_value pair = {0};
	uint32_t *bands = value;
	size_t band = TIMELINE_BANDS;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (json_element_next(reading->text, json, &pair)) {
		uint64_t count = 0;

		if (!read_band(reading, &pair, &band, &count)) {
			return fields_refuse(reading, "has a band that is none");
		}
		bands[band] = (uint32_t)count;
	}
	return 0;
}

static const struct field_kind row_bands = {write_bands, read_bands};

static const struct field row_fields[] = {
	{"row", &field_count32, offsetof(struct numbered_row, number), 0},
	{"admitted", &field_count32, offsetof(struct numbered_row, row.admitted), 0},
	{"dropped", &field_count32, offsetof(struct numbered_row, row.dropped), 0},
	{"outcomes", &row_outcomes, offsetof(struct numbered_row, row.outcomes), 0},
	{"bands", &row_bands, offsetof(struct numbered_row, row.bands), 0},
	{NULL, NULL, 0, 0},
};

static bool is_empty(const struct timeline_row *row)
{
	static const struct timeline_row empty;

	return memcmp(row, &empty, sizeof(empty)) == 0;
}

static void write_rows(struct buffer *out, const void *value)
{
	const struct load_timeline *timeline = value;
	const char *separator = "";

	buffer_append_char(out, '[');
	for (size_t i = timeline->first; i < timeline->count; i++) {
		struct numbered_row numbered = {(uint32_t)i, timeline->rows[i]};

		if (!is_empty(&numbered.row)) {
			buffer_append_text(out, separator);
			fields_write(out, row_fields, &numbered);
			separator = ",";
		}
	}
	buffer_append_char(out, ']');
}

/* Whether as many were OK as have a latency, as far as the row can tell. */
static bool bands_agree(const struct timeline_row *row)
{
	uint64_t total = 0;

	for (size_t i = 0; i < TIMELINE_BANDS; i++) {
		total += row->bands[i];
	}
	return row->outcomes[LOAD_OK] == UINT32_MAX ? total >= UINT32_MAX
						    : total == row->outcomes[LOAD_OK];
}

static int read_row(const struct fields_reading *reading, struct load_timeline *timeline,
	const struct json_value *json)
{
	struct numbered_row numbered = {0};
	int status = fields_read(reading, json, row_fields, &numbered, "a row");

	if (status) {
		return status;
	}
	if (numbered.number >= TIMELINE_ROWS || numbered.number < timeline->count) {
		return fields_refuse(reading, "has a row at a place where none can be");
	}
	if (is_empty(&numbered.row)) {
		return fields_refuse(reading, "has an empty row");
	}
	if (!bands_agree(&numbered.row)) {
		return fields_refuse(reading, "has a row whose bands are not those of its \"ok\"");
	}
	timeline->rows[numbered.number] = numbered.row;
	timeline->first = timeline->count ? timeline->first : numbered.number;
	timeline->count = numbered.number + 1;
	return 0;
}

static int read_rows(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct load_timeline *timeline = value;
	struct json_value element = {0};
	int status = 0;

	(void)field;
	if (json->kind != JSON_ARRAY) {
		return fields_refuse(reading, "is no array");
	}
	while (status == 0 && json_element_next(reading->text, json, &element)) {
		status = read_row(reading, timeline, &element);
	}
	return status;
}

static const struct field_kind timeline_rows = {write_rows, read_rows};

static void write_width(struct buffer *out, const void *value)
{
	const struct load_timeline *timeline = value;

	buffer_appendf(out, "%" PRId64, timeline->width_ns);
}

static int read_width(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	struct load_timeline *timeline = value;
	unsigned doublings = 0;
	uint64_t width;

	(void)field;
	if (!fields_read_count(reading, json, &width)) {
		return fields_refuse(reading, "is no whole number");
	}
	while ((uint64_t)TIMELINE_FIRST_NS << doublings < width) {
		if (doublings++ == TIMELINE_DOUBLINGS_MOST) {
			return fields_refuse(reading, "is too large");
		}
	}
	if ((uint64_t)TIMELINE_FIRST_NS << doublings != width) {
		return fields_refuse(reading, "is not 10 ms, or that doubled some times");
	}
	timeline->doublings = doublings;
	timeline->width_ns = (int64_t)width;
	return 0;
}

static const struct field_kind timeline_width = {write_width, read_width};

static const struct field timeline_fields[] = {
	{"width_ns", &timeline_width, 0, 0},
	{"rows", &timeline_rows, 0, 0},
	{NULL, NULL, 0, 0},
};

void load_timeline_write(struct buffer *out, const struct load_timeline *timeline)
{
	fields_write(out, timeline_fields, timeline);
}

int load_timeline_read(struct load_timeline *timeline, const char *text,
	const struct json_value *value, struct buffer *refusal)
{
	const struct fields_reading reading = {.text = text, .refusal = refusal};

	return fields_read(&reading, value, timeline_fields, timeline, "the timeline");
}
