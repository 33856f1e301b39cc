/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "load/result.h"
#include "load/result_sections.h"

static void write_count(struct buffer *out, const char *name, uint64_t count)
{
	buffer_appendf(out, "\"%s\":%" PRIu64 ",", name, count);
}

static void write_rate(struct buffer *out, const char *name, double rate)
{
	buffer_appendf(out, "\"%s\":", name);
	fields_write_double(out, rate);
	buffer_append_char(out, ',');
}

static void write_times(struct buffer *out, const char *name, const struct histogram *histogram)
{
	static const struct {
		const char *name;
		double percent;
	} rows[] = {{"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}, {"p99.9_us", 99.9}};

	buffer_appendf(out, "\"%s\":{", name);
	write_count(out, "count", histogram->total);
	write_rate(out, "mean_us", histogram_mean_us(histogram));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_count(out, rows[i].name,
			(uint64_t)histogram_percentile(histogram, rows[i].percent));
	}
	buffer_appendf(out, "\"max_us\":%" PRId64 "},", histogram->most_us);
}

static const struct field absence_fields[] = {
	{"begin_ns", &field_time, offsetof(struct timeline_absence, begin_ns), 0},
	{"end_ns", &field_time_or_never, offsetof(struct timeline_absence, end_ns), 0},
	{"outcomes", &field_outcomes, offsetof(struct timeline_absence, outcomes), 0},
	{NULL, NULL, 0, 0},
};

/* What ends after the last request was begun proves nothing: see load/account.h. */
static void write_absences(struct buffer *out, const struct result *result)
{
	struct timeline_absence absence;
	const char *separator = "";
	size_t at = 0;

	buffer_append_text(out, "\"absences\":[");
	while (load_timeline_absence_next(&result->tally.timeline, &at, &absence) &&
		absence.begin_ns < result->ran_ns) {
		buffer_append_text(out, separator);
		fields_write(out, absence_fields, &absence);
		separator = ",";
	}
	buffer_append_text(out, "]");
}

static void write_summary(struct buffer *out, const void *value)
{
	const struct result *result = value;
	const struct tally *tally = &result->tally;

	buffer_append_char(out, '{');
	write_count(out, "succeeded", tally_succeeded(tally));
	write_count(out, "failed", tally_failed(tally));
	write_rate(out, "rate", result_rate(result));
	write_rate(out, "ended_rate", result_ended_rate(result));
	write_times(out, "intended", &tally->intended);
	write_times(out, "actual", &tally->actual);
	write_times(out, "failures", &tally->failed);
	write_times(out, "lag", &tally->lag);
	write_times(out, "connect", &tally->connect);
	write_absences(out, result);
	buffer_append_char(out, '}');
}

/* It was made of the rest, and will be again. */
static int read_summary(const struct fields_reading *reading, const struct field *field,
	const struct json_value *json, void *value)
{
	(void)field;
	(void)value;
	return json->kind == JSON_OBJECT ? 0 : fields_refuse(reading, "is no object");
}

const struct field_kind result_summary_kind = {write_summary, read_summary};
