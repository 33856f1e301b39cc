/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/envelope.h"
#include "tests/allocation.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static int read_line(struct envelope *envelope, const char *line, bool *ended, struct buffer *told)
{
	return envelope_read(envelope, line, strlen(line), ended, told);
}

static void assert_read(const char *line, bool ended, bool touched, const char *written)
{
	struct envelope envelope = {0};
	struct buffer out = {0};
	struct buffer refusal = {0};
	bool has_ended;

	assert_int_equal(read_line(&envelope, line, &has_ended, &refusal), 0);
	assert_int_equal(refusal.length, 0);
	assert_int_equal(has_ended, ended);
	assert_int_equal(envelope.touched, touched);
	envelope_write(&out, &envelope);
	assert_string_equal(buffer_text(&out), written);
	buffer_fini(&out);
	envelope_fini(&envelope);
}

#define EMPTY                                                                                      \
	"{\"usage\":[],\"status_code\":200,\"file_data\":null,"                                    \
	"\"filedata_meta\":{\"terminate_current\":false,\"new_records\":[]},"                      \
	"\"status_code_text\":null,\"output\":null,"                                               \
	"\"message_channels\":{\"infos\":[],\"warnings\":[]}}"

static void an_empty_object_says_nothing(void **state)
{
	(void)state;
	assert_read("{}", false, false, EMPTY);
	assert_read(" {\"other\":[1,{}],\"END\":true} \n", false, false, EMPTY);
	assert_read("{\"end\":false}", false, false, EMPTY);
	assert_read("{\"end\":true}", true, false, EMPTY);
	assert_read("{\"message_channels\":{},\"filedata_meta\":{}}", false, false, EMPTY);
	assert_read("{\"output\":null}", false, true, EMPTY);
}

#define WHOLE                                                                                      \
	"{\"end\":true,\"message_channels\":{\"warnings\":[\"w\\n\"],"                             \
	"\"infos\":[ \"a\" , \"\\u00e9\" ]},\"output\": {\"b\": [1.0,  2],\r\n\"c\":\"\"},"        \
	"\"filedata_meta\":{\"new_records\":[{\"contents\":1}, 2],\"terminate_current\":true},"    \
	"\"file_data\":{\"d\":null},\"status_code_text\":\"t\\u0000\\n\\\"\",\"status_code\":418," \
	"\"usage\":[{\"name\":\"n\",\"other\":{},\"value\":-3},{\"value\":4,\"name\":\"\\\"\"}]}"

#define WRITTEN                                                                                    \
	"{\"usage\":[{\"value\":-3,\"name\":\"n\"},{\"value\":4,\"name\":\"\\\"\"}],"              \
	"\"status_code\":418,\"file_data\":{\"d\":null},"                                          \
	"\"filedata_meta\":{\"terminate_current\":true,\"new_records\":[{\"contents\":1},2]},"     \
	"\"status_code_text\":\"t\\u0000\\n\\\"\",\"output\":{\"b\": [1.0,  2],\"c\":\"\"},"       \
	"\"message_channels\":{\"infos\":[\"a\",\"\\u00e9\"],\"warnings\":[\"w\\n\"]}}"

static void every_member_is_taken(void **state)
{
	(void)state;
	assert_read(WHOLE, true, true, WRITTEN);
}

static void the_last_of_a_name_counts(void **state)
{
	struct envelope envelope = {0};
	struct buffer refusal = {0};
	bool ended;

	(void)state;
	assert_int_equal(read_line(&envelope,
				 "{\"output\":1,\"status_code\":null,\"output\":2,"
				 "\"status_code\":404,\"status_code_text\":\"a\"}",
				 &ended, &refusal),
		0);
	assert_string_equal(buffer_text(&envelope.output), "2");
	assert_int_equal(envelope.status_code, 404);
	/* As a second line without a reset in between. */
	assert_int_equal(
		read_line(&envelope, "{\"output\":[],\"status_code_text\":null}", &ended, &refusal),
		0);
	assert_string_equal(buffer_text(&envelope.output), "[]");
	assert_false(envelope.has_text);
	envelope_fini(&envelope);
}

#define USAGE "\"usage\" must be a list of {\"value\": integer, \"name\": string}"
#define STATUS "\"status_code\" must be a status of 200 to 599 whose answer has a body"
#define INFOS "\"message_channels.infos\" must be a list of strings"

static const struct {
	const char *line, *refusal;
} refused[] = {
	{"", "it is no JSON: byte 0: there is no value"},
	{"{\"output\":", "it is no JSON: byte 10: the text ends within a value"},
	{"hello", "it is no JSON: byte 0: a value is expected"},
	{"{\"output\":\"\xff\"}", "it is no JSON: byte 11: a string is not UTF-8"},
	{"[]", "it is no JSON object"},
	{"\"output\"", "it is no JSON object"},
	{"null", "it is no JSON object"},
	{"{\"end\":1}", "\"end\" must be true or false"},
	{"{\"end\":null}", "\"end\" must be true or false"},
	{"{\"usage\":{}}", USAGE},
	{"{\"usage\":null}", USAGE},
	{"{\"usage\":[1]}", USAGE},
	{"{\"usage\":[[]]}", USAGE},
	{"{\"usage\":[{}]}", USAGE},
	{"{\"usage\":[{\"value\":1}]}", USAGE},
	{"{\"usage\":[{\"name\":\"a\"}]}", USAGE},
	{"{\"usage\":[{\"value\":1.0,\"name\":\"a\"}]}", USAGE},
	{"{\"usage\":[{\"value\":\"1\",\"name\":\"a\"}]}", USAGE},
	{"{\"usage\":[{\"value\":1,\"name\":2}]}", USAGE},
	{"{\"usage\":[{\"value\":9223372036854775808,\"name\":\"a\"}]}", USAGE},
	{"{\"usage\":[{\"value\":1,\"name\":\"a\"},{}]}", USAGE},
	{"{\"status_code\":\"200\"}", STATUS},
	{"{\"status_code\":null}", STATUS},
	{"{\"status_code\":199}", STATUS},
	{"{\"status_code\":600}", STATUS},
	{"{\"status_code\":204}", STATUS},
	{"{\"status_code\":205}", STATUS},
	{"{\"status_code\":304}", STATUS},
	{"{\"status_code\":200.5}", STATUS},
	{"{\"status_code\":4294967496}", STATUS},
	{"{\"status_code_text\":1}", "\"status_code_text\" must be a string, or null"},
	{"{\"message_channels\":[]}", "\"message_channels\" must be an object"},
	{"{\"message_channels\":{\"infos\":\"a\"}}", INFOS},
	{"{\"message_channels\":{\"infos\":[\"a\",1]}}", INFOS},
	{"{\"message_channels\":{\"warnings\":[{}]}}",
		"\"message_channels.warnings\" must be a list of strings"},
	{"{\"filedata_meta\":1}", "\"filedata_meta\" must be an object"},
	{"{\"filedata_meta\":{\"terminate_current\":0}}",
		"\"filedata_meta.terminate_current\" must be true or false"},
	{"{\"filedata_meta\":{\"new_records\":{}}}",
		"\"filedata_meta.new_records\" must be a list"},
	{"{\"output\":1,\"usage\":[],\"end\":true,\"file_data\":2,\"status_code\":0}", STATUS},
};

static void wrong_types_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(refused); i++) {
		struct envelope envelope = {0};
		struct buffer refusal = {0};
		bool ended = true;

		assert_int_equal(read_line(&envelope, refused[i].line, &ended, &refusal), -EINVAL);
		assert_string_equal(buffer_text(&refusal), refused[i].refusal);
		assert_false(ended);
		assert_false(envelope.touched);
		assert_int_equal(envelope.output.length, 0);
		buffer_fini(&refusal);
		envelope_fini(&envelope);
	}
}

/* A part of a line is never taken for one. */
static void half_a_line_is_refused(void **state)
{
	struct envelope envelope = {0};
	bool ended;

	(void)state;
	for (size_t length = 0; length < strlen(WHOLE); length++) {
		struct buffer refusal = {0};
		char *part = malloc(length + 1); /* of its own, so that a read beyond is seen */

		memcpy(part, WHOLE, length);
		assert_int_equal(envelope_read(&envelope, part, length, &ended, &refusal), -EINVAL);
		free(part);
		buffer_fini(&refusal);
	}
	assert_false(envelope.touched);
	envelope_fini(&envelope);
}

static void every_allocation_may_fail(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct envelope envelope = {0};
		struct buffer refusal = {0};
		struct buffer out = {0};
		bool ended;
		int error;

		allocation_fail(n);
		error = read_line(&envelope, WHOLE, &ended, &refusal);
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		if (failed) {
			assert_false(ended);
			envelope_reset(&envelope);
			assert_int_equal(read_line(&envelope, WHOLE, &ended, &refusal), 0);
		}
		envelope_write(&out, &envelope);
		assert_string_equal(buffer_text(&out), WRITTEN);
		buffer_fini(&out);
		envelope_fini(&envelope);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_object_says_nothing),
		cmocka_unit_test(every_member_is_taken),
		cmocka_unit_test(the_last_of_a_name_counts),
		cmocka_unit_test(wrong_types_are_refused_by_name),
		cmocka_unit_test(half_a_line_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
