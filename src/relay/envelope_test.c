/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/allocation.h"
#include "json/reader.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct name_row {
	const char *name, *written;
} names[] = {
	{"client-a-00000001", "client-a-00000001"},
	{"client-\"a\\b/c\"-00000001", "client-\\\"a\\\\b/c\\\"-00000001"},
	{"client-\xc3\xa9\xf0\x9f\x9a\xa2-00000001", "client-\xc3\xa9\xf0\x9f\x9a\xa2-00000001"},
};

static void names_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		struct buffer out = {0};

		envelope_escape(&out, names[i].name, strlen(names[i].name));
		assert_string_equal(buffer_text(&out), names[i].written);
		buffer_fini(&out);
	}
}

static void put_in(struct buffer *out, const char *name, const char *frame)
{
	buffer_append_text(out, ENVELOPE_NAME);
	envelope_escape(out, name, strlen(name));
	buffer_append_text(out, ENVELOPE_FRAME);
	buffer_append_text(out, frame);
	buffer_append_text(out, ENVELOPE_END);
}

/* What is written here is read there. */
static void the_parts_make_an_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		struct buffer out = {0};
		struct envelope envelope = {0};

		put_in(&out, names[i].name, " [1,{\"frame\":2}]\n");
		assert_null(relay_envelope_read(&envelope, out.data, out.length));
		assert_int_equal(envelope.name_length, strlen(names[i].name));
		assert_memory_equal(envelope.name, names[i].name, envelope.name_length);
		assert_int_equal(envelope.frame_length, 15);
		assert_memory_equal(envelope.frame, "[1,{\"frame\":2}]", 15);
		relay_envelope_fini(&envelope);
		buffer_fini(&out);
	}
}

static void a_close_makes_one_too(void **state)
{
	static const unsigned codes[] = {1000, 4999, UINT16_MAX};

	(void)state;
	for (size_t i = 0; i < ROWS(codes); i++) {
		char close[ENVELOPE_CLOSE_MOST];
		char text[64];
		struct envelope envelope = {0};
		size_t length = envelope_close(close, (uint16_t)codes[i]);

		assert_int_equal(length, strlen(close));
		(void)snprintf(text, sizeof(text), ENVELOPE_NAME "a%s", close);
		assert_null(relay_envelope_read(&envelope, text, strlen(text)));
		assert_int_equal(envelope.close_code, codes[i]);
		assert_null(envelope.frame);
		relay_envelope_fini(&envelope);
	}
}

/* As a text: name frame code, or why not. */
static const struct read_row {
	const char *text, *says;
} reads[] = {
	{"{\"conn_id\":\"a\",\"frame\":1}", "a 1 0"},
	{"{\"conn_id\":\"a\",\"frame\":1,\"close_code\":4000}", "a 1 4000"},
	{"{\"conn_id\":\"a\",\"close_code\":1000}", "a - 1000"},
	{"\t{ \"frame\" :\r\n{\"a\" : 1.0e+2 } , \"conn_id\": \"a\" } ", "a {\"a\" : 1.0e+2 } 0"},
	{"{\"conn_id\":\"a\",\"frame\":\"\\u00e9\xc3\xa9\"}", "a \"\\u00e9\xc3\xa9\" 0"},
	{"{\"conn_id\":\"a\",\"frame\":123456789012345678901234567890}",
		"a 123456789012345678901234567890 0"},
	{"{\"conn_id\":\"\\u0061\\\"\\ud83d\\udea2\",\"frame\":1}", "a\"\xf0\x9f\x9a\xa2 1 0"},
	{"{\"\\u0063onn_id\":\"a\",\"fram\\u0065\":1}", "a 1 0"},
	/* Others mean nothing, wherever they are. */
	{"{\"token\":[],\"conn_id\":\"a\",\"frame\":{\"conn_id\":\"b\",\"close_code\":1},\"x\":{}}",
		"a {\"conn_id\":\"b\",\"close_code\":1} 0"},
	{"{\"Conn_id\":\"b\",\"conn_id\":\"a\",\"frame\":[]}", "a [] 0"},
	/* The last one counts. */
	{"{\"conn_id\":\"b\",\"frame\":1,\"conn_id\":\"a\",\"frame\":2,\"close_code\":1,"
	 "\"close_code\":1000}",
		"a 2 1000"},
	{"{\"conn_id\":\"a\",\"frame\":1,\"frame\":null}", "a null 0"},
	{"{\"conn_id\":\"a\",\"conn_id\":1,\"frame\":1}", "its conn_id is no string"},
	{"{\"conn_id\":1,\"conn_id\":\"a\",\"frame\":1}", "a 1 0"},
	/* null is a frame, and no close_code. */
	{"{\"conn_id\":\"a\",\"frame\":null,\"close_code\":1000}", "a null 1000"},
	{"{\"conn_id\":\"a\",\"frame\":1,\"close_code\":null}", "a 1 0"},
	{"{\"conn_id\":\"a\",\"frame\":1,\"close_code\":0}", "a 1 0"},
	{"{\"conn_id\":\"a\",\"frame\":\"null\"}", "a \"null\" 0"},
	{"{\"conn_id\":\"a\",\"frame\":false}", "a false 0"},
	{"{\"conn_id\":null,\"frame\":1}", "it has no conn_id"},
	{"{\"conn_id\":\"a\",\"frame\":null}", "a null 0"},
	{"{\"conn_id\":\"a\",\"close_code\":0}", "it has neither a frame nor a close_code"},
	{"{\"conn_id\":\"a\"}", "it has neither a frame nor a close_code"},
	{"{\"frame\":1}", "it has no conn_id"},
	{"{}", "it has no conn_id"},
	{"{\"conn_id\":[\"a\"],\"frame\":1}", "its conn_id is no string"},
	/* Codes, whether they may be sent or not. */
	{"{\"conn_id\":\"a\",\"close_code\":65535}", "a - 65535"},
	{"{\"conn_id\":\"a\",\"close_code\":1}", "a - 1"},
	{"{\"conn_id\":\"a\",\"close_code\":65536}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"close_code\":-1}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"close_code\":1e3}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"close_code\":1000.0}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"close_code\":\"1000\"}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"close_code\":99999999999999999999}", "its close_code is none"},
	{"{\"conn_id\":\"a\",\"frame\":1,\"close_code\":true}", "its close_code is none"},
	/* What is no object. */
	{"[\"conn_id\",\"a\"]", "it is no object"},
	{"\"conn_id\"", "it is no object"},
	{"null", "it is no object"},
	{"", "there is no value"},
	{"{\"conn_id\":\"a\",\"frame\":1} {}", "something follows the value"},
	{"{\"conn_id\":\"a\",\"frame\":1", "the text ends within a value"},
	{"{\"conn_id\":\"a\",\"frame\":01}", "a number is malformed"},
	{"{\"conn_id\":\"a\",\"frame\":nul}", "true, false or null is misspelt"},
	{"{\"conn_id\":\"a\xff\",\"frame\":1}", "a string is not UTF-8"},
	{"{\"conn_id\":\"a\",\"frame\":1,}", "a member's name is expected"},
};

static const char *read_text(struct envelope *envelope, struct buffer *says, const char *text)
{
	const char *fault = relay_envelope_read(envelope, text, strlen(text));

	buffer_fini(says);
	if (fault) {
		return fault;
	}
	buffer_append(says, envelope->name, envelope->name_length);
	buffer_append_char(says, ' ');
	buffer_append(says, envelope->frame ? envelope->frame : "-",
		envelope->frame ? envelope->frame_length : 1);
	buffer_appendf(says, " %u", envelope->close_code);
	return buffer_text(says);
}

/* With one envelope for all: nothing of one is left in the next. */
static void an_envelope_is_read(void **state)
{
	struct envelope envelope = {0};
	struct buffer says = {0};

	(void)state;
	for (size_t i = 0; i < ROWS(reads); i++) {
		assert_string_equal(read_text(&envelope, &says, reads[i].text), reads[i].says);
	}
	buffer_fini(&says);
	relay_envelope_fini(&envelope);
}

/* With white space behind it, an envelope is not read as the usual ones are; but as well. */
static void compare_ways(char *text, size_t length)
{
	struct envelope quick = {0}, slow = {0};
	bool taken;

	text[length] = ' ';
	taken = !relay_envelope_read(&slow, text, length + 1);
	assert_int_equal(!relay_envelope_read(&quick, text, length), taken);
	if (taken) {
		assert_int_equal(quick.close_code, slow.close_code);
		assert_int_equal(quick.frame_length, slow.frame_length);
		assert_ptr_equal(quick.frame, slow.frame);
		assert_int_equal(quick.name_length, slow.name_length);
		assert_memory_equal(quick.name, slow.name, slow.name_length);
	}
	relay_envelope_fini(&quick);
	relay_envelope_fini(&slow);
}

static void two_ways_find_the_same(void **state)
{
	static const char usual[] = "{\"conn_id\":\"client-a-00000001\",\"frame\":{\"a\":[1]}}";
	static const char bytes[] = "{}[]:,\"\\ \n\x01\x80\xc3tn0-.e";
	const size_t length = sizeof(usual) - 1;
	char text[sizeof(usual) + 2];

	(void)state;
	for (size_t at = 0; at <= length; at++) {
		memcpy(text, usual, length);
		compare_ways(text, at);
		for (size_t j = 0; j < sizeof(bytes); j++) {
			memcpy(text, usual, length);
			text[at] = bytes[j];
			compare_ways(text, length);
			memcpy(text + at + 1, usual + at, length - at);
			compare_ways(text, length + 1);
		}
	}
}

static void a_name_without_memory_is_a_fault(void **state)
{
	static const char text[] = "{\"conn_id\":\"\\u0061\",\"frame\":1}";
	struct envelope envelope = {0};

	(void)state;
	allocation_fail(1);
	assert_string_equal(relay_envelope_read(&envelope, text, sizeof(text) - 1),
		"there is no memory for its conn_id");
	assert_true(allocation_failed());
	assert_null(relay_envelope_read(&envelope, text, sizeof(text) - 1));
	relay_envelope_fini(&envelope);
}

static const struct frame_row {
	const char *text, *fault;
} frames[] = {
	{"1", NULL},
	{" {\"a\":[1,2,{\"b\":\"\\ud800\"}]}\r\n", NULL},
	{"\"conn_id\"", NULL},
	{"null", NULL},
	{"-0.5E+10", NULL},
	{"", "there is no value"},
	{" ", "there is no value"},
	{"1 2", "something follows the value"},
	{"1}", "something follows the value"},
	{"1,\"conn_id\":\"b\"", "something follows the value"},
	{"{\"a\":1", "the text ends within a value"},
	{"\"a", "the text ends within a value"},
	{"hello", "a value is expected"},
	{"'a'", "a value is expected"},
	{"+1", "a value is expected"},
	{"\xef\xbb\xbf"
	 "1",
		"a value is expected"},
	{"\"\xc0\x80\"", "a string is not UTF-8"},
};

static void a_frame_is_one_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(frames); i++) {
		const char *fault = envelope_frame_fault(frames[i].text, strlen(frames[i].text));

		if (frames[i].fault) {
			assert_non_null(fault);
			assert_string_equal(fault, frames[i].fault);
		} else {
			assert_null(fault);
		}
	}
	assert_non_null(envelope_frame_fault("1\0", 2));
}

/* The deepest that may come from a client may also come back to it. */
static void depth_is_the_same_both_ways(void **state)
{
	for (int depth = JSON_DEPTH_MOST - 1; depth <= JSON_DEPTH_MOST; depth++) {
		struct buffer frame = {0}, text = {0};
		struct envelope envelope = {0};
		bool fits = depth < JSON_DEPTH_MOST;

		(void)state;
		for (int i = 0; i < depth; i++) {
			buffer_append_char(&frame, '[');
		}
		for (int i = 0; i < depth; i++) {
			buffer_append_char(&frame, ']');
		}
		put_in(&text, "a", buffer_text(&frame));
		assert_int_equal(!envelope_frame_fault(frame.data, frame.length), fits);
		assert_int_equal(!relay_envelope_read(&envelope, text.data, text.length), fits);
		relay_envelope_fini(&envelope);
		buffer_fini(&frame);
		buffer_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(the_parts_make_an_envelope),
		cmocka_unit_test(a_close_makes_one_too),
		cmocka_unit_test(an_envelope_is_read),
		cmocka_unit_test(two_ways_find_the_same),
		cmocka_unit_test(a_name_without_memory_is_a_fault),
		cmocka_unit_test(a_frame_is_one_value),
		cmocka_unit_test(depth_is_the_same_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
