/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/result.h"
#include "load/result_sample.h"
#include "tests/allocation.h"

/* What is written of the sample. */
static void write_sample(struct buffer *text)
{
	struct result_section section;
	struct result result;

	assert_true(sample_init(&result, &section));
	assert_null(tally_contradiction(&result.tally));
	result_write(text, &result);
	assert_false(text->failed);
	sample_fini(&result);
}

/* Read, from memory of the exact size. */
static int read_bytes(struct result *result, const char *text, size_t length, struct buffer *why)
{
	char *exact = malloc(length ? length : 1);
	int status;

	assert_non_null(exact);
	memcpy(exact, text, length);
	status = result_read(result, exact, length, why);
	free(exact);
	return status;
}

static void assert_refused(const char *text, size_t length, const char *words)
{
	struct result result;
	struct buffer why = {0};

	if (read_bytes(&result, text, length, &why) != -EINVAL) {
		fail_msg("taken: %.*s", (int)length, text);
	}
	if (!strstr(buffer_text(&why), words) || strchr(buffer_text(&why), '\n')) {
		fail_msg("'%s' instead of '%s'", buffer_text(&why), words);
	}
	result_fini(&result);
	buffer_fini(&why);
}

/* Each member is what it is called. */
static void writes_what_was(void **state)
{
	static const char head[] =
		"{\"curfew_load\":1,\"target\":\"http://localhost/\",\"run_id\":\"run-1\","
		"\"labels\":[\"zone=a\",\"what=\\\"every\\nthing\\\"\"],\"is_open\":true,"
		"\"connections\":50,\"threads\":2,\"seed\":18446744073709551615,"
		"\"plan\":\"1000/s for 1 s\",\"expects_restart\":false,"
		"\"began_ms\":1763780000000,\"ran_ns\":1000000001,\"planned_ns\":1000000000,"
		"\"ended_ns\":1100000000,\"cpu_ns\":9007199254740993,\"ending\":\"signal\","
		"\"signal\":15,\"client_limited\":true,\"exit_code\":1,\"runs\":3,\"notes\":[";
	struct result_section section;
	struct buffer text = {0};
	struct result result;

	(void)state;
	assert_true(sample_init(&result, &section));
	result.client_limited = true;
	result.runs = 3;
	result_write(&text, &result);
	assert_memory_equal(text.data, head, sizeof(head) - 1);
	assert_non_null(strstr(text.data, "\"bytes_in\":9223372036854775807,\"bytes_out\":1,"));
	assert_string_equal(text.data + text.length - 6, "]}}]}\n");
	sample_fini(&result);
	buffer_fini(&text);
}

static void reads_what_it_wrote(void **state)
{
	struct buffer text = {0}, again = {0}, why = {0};
	struct result result;

	(void)state;
	write_sample(&text);
	assert_int_equal(read_bytes(&result, text.data, text.length, &why), 0);
	result_write(&again, &result);
	assert_string_equal(buffer_text(&text), buffer_text(&again));
	assert_true(result.seed == UINT64_MAX && result.cpu_ns == 9007199254740993);
	assert_string_equal(result.labels->word[1], "what=\"every\nthing\"");
	assert_string_equal(result.scenarios[1], "write");
	assert_string_equal(result.notes[0], "this machine was too slow: \"\xc3\xa9\"");
	assert_int_equal(result.tally.in_flight, 1);
	assert_int_equal(result.tally.timeline.doublings, 2);
	assert_string_equal(result.sections->rows[1].text, "0.1 M");
	assert_true(result.sections->rows[1].value == 0.1e6);
	result_fini(&result);
	buffer_fini(&text);
	buffer_fini(&again);
}

/* One of which nothing is known, and nothing came. */
static void reads_an_empty_one(void **state)
{
	struct buffer text = {0}, again = {0}, why = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.target = "";
	result_write(&text, &result);
	result_fini(&result);
	assert_int_equal(read_bytes(&result, text.data, text.length, &why), 0);
	result_write(&again, &result);
	assert_string_equal(buffer_text(&text), buffer_text(&again));
	assert_true(result.planned_ns == INT64_MAX && !result.run_id && result.runs == 1);
	result_fini(&result);
	buffer_fini(&text);
	buffer_fini(&again);
}

static void refuses_a_part(void **state)
{
	struct buffer text = {0};

	(void)state;
	write_sample(&text);
	for (size_t length = 0; length < text.length - 1; length += length < 3000 ? 1 : 97) {
		assert_refused(text.data, length, "it is no JSON: byte ");
	}
	assert_refused("{}", 2, "it is no result of curfew load");
	assert_refused("[1]", 3, "it is no result of curfew load");
	buffer_fini(&text);
}

/* What of the sample's text is replaced by what, and what is said then. */
static const struct {
	const char *old, *new, *words;
} wrong[] = {
	{"\"curfew_load\":1", "\"curfew_load\":2", "another version"},
	{"\"curfew_load\":1", "\"curfew_load\":\"1\"", "another version"},
	{"\"target\":\"http://localhost/\"", "\"target\":1", "\"target\" of the result is neither"},
	{"\"target\":\"http://localhost/\"", "\"target\":null", "the result has no target"},
	{"\"target\":\"http://localhost/\",", "", "\"target\" of the result is missing"},
	{"\"run_id\"", "\"run_ids\"", "the result has \"run_ids\" besides"},
	{"\"run_id\"", "\"target\"", "the result has \"target\" twice"},
	{"\"run_id\"", "\"\\u001b\\n\"", "the result has \"\\u001b\\n\" besides"},
	{"[\"zone=a\"", "[1", "\"labels\" of the result has what is no string"},
	{"[\"zone=a\"",
		"[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"",
		"too many elements"},
	{"\"is_open\":true", "\"is_open\":1", "\"is_open\" of the result is neither true"},
	{"\"connections\":50", "\"connections\":2147483648", "from 0 to 2147483647"},
	{"\"connections\":50", "\"connections\":-1", "\"connections\" of the result is no whole"},
	{"\"connections\":50", "\"connections\":1.5", "is no whole number"},
	{"\"connections\":50", "\"connections\":1e1", "is no whole number"},
	{"\"seed\":18446744073709551615", "\"seed\":18446744073709551616", "is no whole number"},
	{"\"seed\":18446744073709551615", "\"seed\":184467440737095516150", "is no whole number"},
	{"\"plan\":\"1000/s for 1 s\"", "\"plan\":null", "\"plan\" of the result is no string"},
	{"\"plan\":\"1000/s for 1 s\"",
		"\"plan\":\"0123456789012345678901234567890123456789012345678901234567890123456789"
		"01234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789\"",
		"is longer than 159 bytes"},
	{"\"plan\":\"1000/s for 1 s\"", "\"plan\":\"a\\u0000\"", "has a NUL"},
	{"\"target\":\"http://localhost/\"", "\"target\":\"\\u0000\"", "has a NUL"},
	{"\"ran_ns\":1000000001", "\"ran_ns\":4611686018427387905", "is no whole number"},
	{"\"planned_ns\":1000000000", "\"planned_ns\":false", "is no whole number"},
	{"\"ending\":\"signal\"", "\"ending\":\"signa\"", "\"ending\" of the result is no such"},
	{"\"ending\":\"signal\"", "\"ending\":3", "is no such word"},
	{"\"runs\":1", "\"runs\":0", "is of no run"},
	{"\"notes\":[", "\"notes\":[1,", "has what is no string"},
	{"\"notes\":[", "\"notes\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",", "too many"},
	{"\"text\":\"p99>50ms\"", "\"text\":null", "has one without a text"},
	{"\"broken\":true,", "", "\"broken\" of a verdict is missing"},
	{"\"verdicts\":[{", "\"verdicts\":[1,{", "a verdict is no object"},
	{"\"summary\":{", "\"summary\":0,\"x\":{", "the result has \"x\" besides"},
	{"\"tally\":{", "\"tally\":1,\"tally\":{", "the result has \"tally\" twice"},
	{"\"scenarios\":[\"read\",\"write\"]", "\"scenarios\":[\"read\"]", "not as many names"},
	{"\"scenarios\":[\"read\",\"write\"]", "\"scenarios\":{}", "is no array"},
	{"\"scenarios\":[{\"outcomes\"", "\"scenarios\":[{\"outcome\"", "a scenario has"},
	{"\"dropped\":1,\"admitted\"", "\"dropped\":2,\"admitted\"", "counted once"},
	{"\"in_flight\":1", "\"in_flight\":0", "counted once"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"0\":301", "counted once"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"00\":300", "no status"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"600\":300", "no status"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"999\":300", "no status"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"0\":0", "no whole number above 0"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"200\":1,\"0\":299", "one twice"},
	{"\"statuses\":{\"0\":300", "\"statuses\":{\"1\":1,\"0\":299,\"\":1,\"0\":1", "no status"},
	{"\"4xx\":0,", "\"5xy\":9,", "no outcome"},
	{"\"4xx\":0,", "\"5xx\":9,", "one twice"},
	{"\"4xx\":0,", "\"4xx\":0.0,", "no whole number"},
	{"\"4xx\":0,", "\"4xx\":10,", "other requests"},
	{"\"digits\":3", "\"digits\":4", "is refused, since a histogram has another precision"},
	{"\"width_ns\":40000000", "\"width_ns\":40000001", "doubled some times"},
	{"\"width_ns\":40000000", "\"width_ns\":2684354560000000", "is too large"},
	{"\"width_ns\":40000000", "\"width_ns\":0", "is not 10 ms"},
	{"\"rows\":[{\"row\":0,", "\"rows\":[{\"row\":4096,", "where none can be"},
	{"\"rows\":[{\"row\":0,", "\"rows\":[{\"row\":1,", "where none can be"},
	{"\"row\":0,\"admitted\":41", "\"row\":0,\"admitted\":42", "the timeline is of other"},
	{"\"row\":0,\"admitted\":41,\"dropped\":1", "\"row\":0,\"admitted\":41,\"dropped\":0",
		"the timeline is of other"},
	{"\"row\":0,\"admitted\":41", "\"row\":0,\"admitted\":4294967296", "4294967295"},
	{"\"bands\":[[", "\"bands\":[[1,1],[", "has a band that is none"},
	{"\"bands\":[[", "\"bands\":[[20480,1],[", "are not those of its \\\"ok\\\""},
	{"\"bands\":[[", "\"bands\":[[20480,0],[", "has a band that is none"},
	{"\"bands\":[[", "\"bands\":[[20480,4294967296],[", "has a band that is none"},
	{"\"outcomes\":{\"ok\":32", "\"outcomes\":{\"reset_sent\":4294967296,\"ok\":32",
		"too large for a row"},
	{"\"value\":1000", "\"value\":1e999", "neither a number that fits nor null"},
	{"\"value\":1000", "\"value\":\"\"", "neither a number that fits nor null"},
	{"\"latency_name\":\"inclusion\"", "\"latency_name\":null", "but its name is not"},
	{"\"latency_name\":\"inclusion\"", "\"latency_name\":[]", "neither a string nor null"},
	{"\"sections\":[{", "\"sections\":{\"a\":[{", "it is no JSON"},
};

/* The text with the first `old` in it replaced; a backslash in words stands for nothing. */
static void refuse_with(
	const struct buffer *text, const char *old, const char *new, const char *words)
{
	const char *at = strstr(text->data, old);
	char plain[100];
	size_t length = 0;
	struct buffer bad = {0};

	if (!at) {
		fail_msg("the sample has no %s", old);
		return;
	}
	buffer_append(&bad, text->data, (size_t)(at - text->data));
	buffer_append_text(&bad, new);
	buffer_append_text(&bad, at + strlen(old));
	for (; *words; words++) {
		if (words[0] != '\\' || words[1] != '"') {
			plain[length++] = *words;
		}
	}
	plain[length] = '\0';
	assert_refused(bad.data, bad.length, plain);
	buffer_fini(&bad);
}

static void refuses_what_is_wrong(void **state)
{
	struct buffer text = {0};

	(void)state;
	write_sample(&text);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refuse_with(&text, wrong[i].old, wrong[i].new, wrong[i].words);
	}
	buffer_fini(&text);
}

/* The sample with so many more elements at the begin of an array: refused, or taken and kept. */
static void try_more(const struct buffer *text, const char *array, const char *element, int count,
	const char *words)
{
	const char *at = strstr(text->data, array) + strlen(array);
	struct buffer more = {0}, again = {0}, why = {0};
	struct result result;

	buffer_append(&more, text->data, (size_t)(at - text->data));
	for (int i = 0; i < count; i++) {
		buffer_append_text(&more, element);
	}
	buffer_append_text(&more, at);
	if (words) {
		assert_refused(more.data, more.length, words);
	} else {
		if (read_bytes(&result, more.data, more.length, &why)) {
			fail_msg("%s", buffer_text(&why));
		}
		result_write(&again, &result);
		assert_string_equal(buffer_text(&again), buffer_text(&more));
		result_fini(&result);
	}
	buffer_fini(&more);
	buffer_fini(&again);
}

#define VERDICT "{\"text\":\"a\",\"broken\":false,\"found\":\"\"},"
#define ROW "{\"name\":\"\",\"text\":\"\",\"value\":1},"
#define SECTION "{\"name\":\"a\",\"rows\":[],\"latency_name\":null,\"latency\":null},"
#define SCENARIO                                                                                   \
	"{\"outcomes\":{},\"latency\":{\"digits\":3,\"total\":0,\"above\":0,\"sum_us\":0,"         \
	"\"least_us\":0,\"most_us\":0,\"buckets\":[]}}"

static void takes_as_many_as_there_is_room_for(void **state)
{
	static const char rows[] = "\"name\":\"evm\",\"rows\":[";
	struct buffer text = {0};
	char note[220];

	(void)state;
	write_sample(&text);
	try_more(&text, "\"verdicts\":[", VERDICT, RESULT_VERDICTS_MOST - 1, NULL);
	try_more(&text, "\"verdicts\":[", VERDICT, RESULT_VERDICTS_MOST, "too many elements");
	try_more(&text, rows, ROW, RESULT_SECTION_ROWS - 2, NULL);
	try_more(&text, rows, ROW, RESULT_SECTION_ROWS - 1, "too many elements");
	try_more(&text, "\"sections\":[", SECTION, 2, NULL);
	try_more(&text, "\"scenarios\":[", SCENARIO ",", TALLY_SCENARIOS_MOST - 1, "too many");
	(void)snprintf(note, sizeof(note), "\"%0199d\",", 0);
	try_more(&text, "\"notes\":[", note, 1, NULL);
	(void)snprintf(note, sizeof(note), "\"%0200d\",", 0);
	try_more(&text, "\"notes\":[", note, 1, "has one that is too long");
	buffer_fini(&text);
}

/* Of which there are none or several. */
static void refuses_a_single_scenario(void **state)
{
	struct buffer text = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.target = "";
	result_write(&text, &result);
	refuse_with(&text, "\"scenarios\":[]", "\"scenarios\":[" SCENARIO "]", "has one element");
	result_fini(&result);
	buffer_fini(&text);
}

/* A closed loop's requests were never due; an open one's were. */
static void refuses_a_schedule_without_times(void **state)
{
	struct result result, read;
	struct buffer text = {0};

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.target = "";
	tally_admit(&result.tally, TALLY_UNDUE, 0);
	result_write(&text, &result);
	assert_int_equal(result_read(&read, text.data, text.length, &(struct buffer){0}), 0);
	result_fini(&read);
	buffer_fini(&text);
	text = (struct buffer){0};
	result.is_open = true;
	result_write(&text, &result);
	assert_refused(text.data, text.length, "not when its requests were due");
	buffer_fini(&text);
	result_fini(&result);
}

/* Whatever byte is another one: it is refused in one sentence, or a result that can be written. */
static void withstands_each_byte(void **state)
{
	static const char bytes[] = "0-\"{}[],:x\x80";
	struct buffer text = {0}, why = {0};

	(void)state;
	write_sample(&text);
	for (size_t i = 0; i < text.length; i += i < 4000 ? 1 : 211) {
		char was = text.data[i];
		struct result result;

		text.data[i] = bytes[i % (sizeof(bytes) - 1)];
		if (read_bytes(&result, text.data, text.length, &why)) {
			assert_true(why.length > 10 && !strchr(buffer_text(&why), '\n'));
		} else {
			assert_null(tally_contradiction(&result.tally));
		}
		result_fini(&result);
		buffer_fini(&why);
		text.data[i] = was;
	}
	buffer_fini(&text);
}

static void tells_of_missing_memory(void **state)
{
	struct buffer text = {0};
	bool failed = true;

	(void)state;
	write_sample(&text);
	for (int n = 1; failed; n++) {
		struct result result;
		struct buffer why = {0};
		int status;

		allocation_fail(n);
		status = result_read(&result, text.data, text.length, &why);
		failed = allocation_failed();
		assert_int_equal(status, failed ? -ENOMEM : 0);
		result_fini(&result);
		buffer_fini(&why);
		assert_true(n < 200);
	}
	buffer_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_was),
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(reads_an_empty_one),
		cmocka_unit_test(refuses_a_part),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(takes_as_many_as_there_is_room_for),
		cmocka_unit_test(refuses_a_single_scenario),
		cmocka_unit_test(refuses_a_schedule_without_times),
		cmocka_unit_test(withstands_each_byte),
		cmocka_unit_test(tells_of_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
