/* SPDX-License-Identifier: Apache-2.0 */
#include "load/result.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "load/fields.h"

int result_init(struct result *result, size_t scenarios)
{
	*result = (struct result){.planned_ns = INT64_MAX, .runs = 1};
	return tally_init(&result->tally, scenarios);
}

void result_fini(struct result *result)
{
	tally_fini(&result->tally);
	if (result->blocks) {
		for (struct result_section *section = result->sections; section;
			section = section->next) {
			histogram_fini(&section->latency);
		}
		field_blocks_free(&result->blocks);
	}
}

const struct histogram *result_latency(const struct result *result)
{
	return result->is_open ? &result->tally.intended : &result->tally.actual;
}

static double per_second(uint64_t count, int64_t ns)
{
	return ns > 0 ? (double)count * 1e9 / (double)ns : 0;
}

double result_rate(const struct result *result)
{
	return per_second(tally_succeeded(&result->tally), result->ran_ns);
}

double result_ended_rate(const struct result *result)
{
	const struct tally *tally = &result->tally;

	return per_second(tally_succeeded(tally) + tally_failed(tally), result->ran_ns);
}

/* The length without a last character of which there is a part only. */
static size_t whole_length(const char *text, size_t length)
{
	for (size_t back = 1; back < UTF8_BYTES && back <= length; back++) {
		unsigned char byte = (unsigned char)text[length - back];
		bool whole = true;

		if (byte >= 0xc0) {
			(void)utf8_sequence(text + length - back, back, &whole);
		}
		if (byte < 0x80 || byte >= 0xc0) {
			return whole ? length : length - back;
		}
	}
	return length;
}

void result_note(struct result *result, const char *format, ...)
{
	size_t size = sizeof(result->notes[0]);
	va_list args;
	char *note;

	if (result->note_count == RESULT_NOTES_MOST) {
		return;
	}
	note = result->notes[result->note_count++];
	va_start(args, format);
	vsnprintf(note, size, format, args);
	va_end(args);
	note[whole_length(note, strlen(note))] = '\0';
	for (size_t i = 0; i + 1 < result->note_count; i++) {
		if (strcmp(result->notes[i], note) == 0) {
			result->note_count--;
			return;
		}
	}
}

void result_judge_lag(struct result *result)
{
	int64_t p99 = histogram_percentile(&result->tally.lag, 99);

	if (result->is_open && p99 > RESULT_LAG_MOST_US) {
		result->client_limited = true;
		result_note(result,
			"this machine was too slow for the schedule: 1 %% of the requests were "
			"sent more than %.1f ms late; do not take that for the target's",
			(double)p99 / 1000);
	}
}
