/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define RPC "\"jsonrpc\":\"2.0\","

static struct message read_text(const char *text)
{
	struct message message;
	size_t offset;

	assert_int_equal(message_read(&message, text, strlen(text), &offset), JSON_OK);
	return message;
}

static const struct kind_row {
	const char *text;
	enum message_kind kind;
} kinds[] = {
	{"{" RPC "\"id\":1,\"method\":\"ping\"}", MESSAGE_REQUEST},
	{"{" RPC "\"id\":\"\",\"method\":\"ping\"}", MESSAGE_REQUEST},
	{"{" RPC "\"id\":-0.5e3,\"method\":\"ping\",\"params\":null}", MESSAGE_REQUEST},
	{" \r\n\t{" RPC "\"method\":\"\",\"\\u0069d\":1} \n", MESSAGE_REQUEST},
	{"{" RPC "\"method\":\"notifications/initialized\"}", MESSAGE_NOTIFICATION},
	{"{" RPC "\"id\":1,\"result\":{}}", MESSAGE_RESPONSE},
	{"{" RPC "\"id\":\"a\",\"error\":{\"code\":1}}", MESSAGE_RESPONSE},
	{"{" RPC "\"id\":null,\"error\":{}}", MESSAGE_RESPONSE},
	{"{\"id\":1,\"result\":null}", MESSAGE_RESPONSE},
	{"{\"id\":[1],\"result\":1,\"error\":null}", MESSAGE_RESPONSE},
	{"{\"id\":1,\"id\":2,\"result\":{}}", MESSAGE_RESPONSE},
	{"[1]", MESSAGE_BATCH},
	{" [ {" RPC "\"method\":\"a\"} ] ", MESSAGE_BATCH},
	{"[]", MESSAGE_INVALID},
	{"{}", MESSAGE_INVALID},
	{"1", MESSAGE_INVALID},
	{"null", MESSAGE_INVALID},
	{"\"method\"", MESSAGE_INVALID},
	{"{" RPC "\"id\":1}", MESSAGE_INVALID},
	{"{" RPC "\"result\":1}", MESSAGE_INVALID},
	{"{" RPC "\"error\":{}}", MESSAGE_INVALID},
	{"{" RPC "\"id\":null,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"id\":true,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"id\":{},\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"method\":2}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"method\":null,\"result\":1}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"method\":\"a\",\"result\":1}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"method\":\"a\",\"error\":1}", MESSAGE_INVALID},
	{"{\"id\":1,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{\"jsonrpc\":\"1.0\",\"method\":\"a\"}", MESSAGE_INVALID},
	/* Names that come twice: which of them another reader takes is not known. */
	{"{" RPC "\"id\":1,\"id\":2,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"i\\u0064\":2,\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"id\":1,\"method\":\"b\",\"method\":\"a\"}", MESSAGE_INVALID},
	{"{" RPC "\"method\":\"a\",\"params\":{\"requestId\":1,\"requestId\":2}}", MESSAGE_INVALID},
	{"{" RPC "\"method\":\"a\",\"params\":{\"requestId\":1},\"params\":{}}", MESSAGE_INVALID},
	{"{" RPC "\"method\":\"a\",\"params\":{\"_meta\":{},\"_meta\":{}}}", MESSAGE_INVALID},
	{"{" RPC "\"method\":\"a\",\"x\":1,\"x\":2,\"params\":{\"y\":1,\"y\":2}}",
		MESSAGE_NOTIFICATION},
};

static void tells_the_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(kinds); i++) {
		struct message message = read_text(kinds[i].text);

		if (message.kind != kinds[i].kind) {
			fail_msg("%s: %d", kinds[i].text, message.kind);
		}
		assert_int_not_equal(*message.text, ' ');
		assert_int_not_equal(message.text[message.length - 1], ' ');
		assert_int_not_equal(message.text[message.length - 1], '\n');
	}
}

static void assert_value(
	const struct message *message, const struct json_value *value, const char *expected)
{
	assert_int_equal(value->kind != JSON_ABSENT, expected != NULL);
	if (expected) {
		assert_int_equal(value->length, strlen(expected));
		assert_memory_equal(message->text + value->start, expected, value->length);
	}
}

static void finds_the_values(void **state)
{
	struct message message = read_text(
		"\n {" RPC "\"id\":18446744073709551617 ,\"method\":\"tools/call\",\"params\":{"
		"\"name\":\"n\",\"uri\":\"u\",\"requestId\":\"r\",\"progressToken\":7,"
		"\"protocolVersion\":\"v\",\"_meta\":{\"progressToken\":\"t\","
		"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"},"
		"\"arguments\":{\"id\":1,\"method\":2}}}");

	(void)state;
	assert_value(&message, &message.id, "18446744073709551617");
	assert_value(&message, &message.method, "\"tools/call\"");
	assert_value(&message, &message.name, "\"n\"");
	assert_value(&message, &message.uri, "\"u\"");
	assert_value(&message, &message.cancelled, "\"r\"");
	assert_value(&message, &message.progress, "7");
	assert_value(&message, &message.protocol, "\"v\"");
	assert_value(&message, &message.token, "\"t\"");
	assert_value(&message, &message.era, "\"2026-07-28\"");
	assert_value(&message, &message.error, NULL);
	message = read_text("{\"id\":1,\"error\":{\"code\":-1},\"params\":[\"name\"]}");
	assert_value(&message, &message.error, "{\"code\":-1}");
	assert_value(&message, &message.name, NULL);
	assert_value(&message, &message.method, NULL);
}

static void knows_methods(void **state)
{
	struct message message = read_text("{" RPC "\"method\":\"notifications\\/cancelled\"}");

	(void)state;
	assert_true(message_is(&message, "notifications/cancelled"));
	assert_false(message_is(&message, "notifications/cancelle"));
	assert_false(message_is(&message, ""));
	message = read_text("{\"id\":1,\"result\":1}");
	assert_false(message_is(&message, ""));
}

static void says_what_is_no_json(void **state)
{
	static const struct {
		const char *text;
		enum json_error error;
		size_t offset;
	} rows[] = {
		{"", JSON_EMPTY, 0},
		{" \n", JSON_EMPTY, 2},
		{"  {\"id\":1", JSON_TRUNCATED, 9},
		{" {} x", JSON_TRAILING, 4},
		{"\t{\"a\":\"\n\"}", JSON_BAD_CONTROL, 7},
		{"npm WARN", JSON_BAD_LITERAL, 1},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct message message;
		size_t offset;

		assert_int_equal(message_read(&message, rows[i].text, strlen(rows[i].text), NULL),
			rows[i].error);
		message_read(&message, rows[i].text, strlen(rows[i].text), &offset);
		assert_int_equal(offset, rows[i].offset);
		assert_int_equal(message.kind, MESSAGE_INVALID);
		assert_int_equal(message.length, 0);
		assert_int_equal(message.id.kind, JSON_ABSENT);
	}
}

static void goes_through_batches(void **state)
{
	static const enum message_kind expected[] = {MESSAGE_REQUEST, MESSAGE_INVALID,
		MESSAGE_INVALID, MESSAGE_NOTIFICATION, MESSAGE_RESPONSE};
	struct message batch = read_text(" [ {" RPC "\"id\":\"b\",\"method\":\"x\"} , 1,\n[1],{" RPC
					 "\"method\":\"y\"},{\"id\":3,\"result\":0}]");
	struct json_value element = {0};
	struct message message;
	size_t count = 0;

	(void)state;
	while (message_next(&batch, &element, &message)) {
		assert_true(count < ROWS(expected));
		assert_int_equal(message.kind, expected[count]);
		if (!count++) {
			assert_value(&message, &message.id, "\"b\"");
			assert_int_equal(message.text[message.length - 1], '}');
		}
	}
	assert_int_equal(count, ROWS(expected));
	message = read_text("{\"id\":3,\"result\":[1]}");
	element = (struct json_value){0};
	assert_false(message_next(&message, &element, &batch));
}

static void compares_ids(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
		{"1", "1", true},
		{"1", "1.0", false},
		{"1", "\"1\"", false},
		{"12", "1", false},
		{"9007199254740993", "9007199254740992", false},
		{"null", "null", true},
		{"\"a\"", "\"a\"", true},
		{"\"a\"", "\"b\"", false},
		{"\"a\"", "\"ab\"", false},
		{"\"a\"", "\"\\u0061\"", true},
		{"\"\\u0061bc\"", "\"ab\\u0063\"", true},
		{"\"\\/x\"", "\"/\\u0078\"", true},
		{"\"\\u00e4\"", "\"\xc3\xa4\"", true},
		{"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", true},
		{"\"\\u0061bc\"", "\"ab\"", false},
		{"\"ab\"", "\"\\u0061bc\"", false},
		{"\"\"", "\"\\u0000\"", false},
		{"\"\"", "\"\"", true},
		{"\"\\ud800\"", "\"\\ud800\"", true},
		{"\"\\ud800\"", "\"\\uD800\"", false},
		{"\"\\ud800\"", "\"\"", false},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[64];
		struct message message;

		(void)snprintf(text, sizeof(text), "{\"result\":0,\"id\":%s}", rows[i].one);
		message = read_text(text);
		if (message_same_id(message.text, &message.id, rows[i].other,
			    strlen(rows[i].other)) != rows[i].same) {
			fail_msg("%s and %s", rows[i].one, rows[i].other);
		}
	}
	assert_false(message_same_id("", &(struct json_value){0}, "", 0));
}

static const char odd[] =
	" {\r\n\"params\" :{\"z\":1e400,\"a\":-0.0,\"_meta\":{\"progressToken\":\"\\u0074\\/\"},"
	"\"requestId\":9007199254740993},\n\n" RPC "\"method\":\"\\ud800 \\n\" , \"id\":1\t}\n";

/* Only what is replaced differs, and what were line breaks. */
static void splices_and_changes_nothing_else(void **state)
{
	struct message message = read_text(odd);
	struct message_change changes[] = {
		{&message.id, "\"wire-7\"", 8},
		{&message.token, "4711", 4},
		{&message.cancelled, NULL, 0},
		{&message.progress, "1", 1},
	};
	struct buffer out = {0};

	(void)state;
	buffer_append_text(&out, "a\nb\r");
	message_write_line(&out, &message, changes, ROWS(changes));
	assert_string_equal(buffer_text(&out),
		"a\nb\r{  \"params\" :{\"z\":1e400,\"a\":-0.0,\"_meta\":{\"progressToken\":4711},"
		"\"requestId\":9007199254740993},  " RPC
		"\"method\":\"\\ud800 \\n\" , \"id\":\"wire-7\"\t}\n");
	buffer_consume(&out, out.length);
	message_write(&out, &message, NULL, 0);
	assert_int_equal(out.length, message.length);
	assert_null(memchr(out.data, '\n', out.length));
	assert_null(memchr(out.data, '\r', out.length));
	buffer_fini(&out);
}

/* The client's own bytes come back, whatever its id was. */
static void gives_back_the_clients_id(void **state)
{
	static const char *const ids[] = {
		"1", "18446744073709551617", "\"\"", "\"\\u0069\\ud800\"", "-1.50E+3", "null"};

	(void)state;
	for (size_t i = 0; i < ROWS(ids); i++) {
		struct message message =
			read_text("{\"result\":{\"id\":\"c9\"},\"id\":\"c9\"," RPC "\"x\":\"\"}");
		struct message_change change = {&message.id, ids[i], strlen(ids[i])};
		struct buffer out = {0};

		message_write(&out, &message, &change, 1);
		assert_non_null(strstr(buffer_text(&out), "{\"id\":\"c9\"},\"id\":"));
		message = read_text(buffer_text(&out));
		assert_int_equal(message.kind, MESSAGE_RESPONSE);
		assert_value(&message, &message.id, ids[i]);
		buffer_fini(&out);
	}
}

static void writes_elements_of_batches(void **state)
{
	struct message batch = read_text("[0,{" RPC "\"id\":1,\"method\":\"x\"} ]"), message;
	struct json_value element = {0};
	struct buffer out = {0};
	struct message_change change = {&message.id, "22", 2};

	(void)state;
	assert_true(message_next(&batch, &element, &message));
	assert_true(message_next(&batch, &element, &message));
	message_write_line(&out, &message, &change, 1);
	assert_string_equal(buffer_text(&out), "{" RPC "\"id\":22,\"method\":\"x\"}\n");
	buffer_fini(&out);
}

static void writes_errors(void **state)
{
	struct buffer out = {0};

	(void)state;
	message_write_error(&out, "\"\\u0061\"", 8, MESSAGE_NO_SESSION, "No \"session\".");
	assert_string_equal(buffer_text(&out),
		"{" RPC "\"id\":\"\\u0061\",\"error\":{\"code\":-32001,\"message\":\"No "
		"\\\"session\\\".\"}}");
	buffer_consume(&out, out.length);
	message_write_error(&out, NULL, 0, MESSAGE_PARSE_ERROR, "Not JSON.");
	assert_string_equal(buffer_text(&out),
		"{" RPC "\"error\":{\"code\":-32700,\"message\":\"Not JSON.\"}}");
	assert_int_equal(read_text(buffer_text(&out)).kind, MESSAGE_INVALID); /* no id */
	buffer_fini(&out);
}

static void notes_that_there_is_no_memory(void **state)
{
	struct message message = read_text(odd);
	struct message_change change = {&message.id, "2", 1};
	struct buffer out = {0};

	(void)state;
	allocation_fail(1);
	message_write_line(&out, &message, &change, 1);
	assert_true(allocation_failed());
	assert_true(out.failed);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_kinds),
		cmocka_unit_test(finds_the_values),
		cmocka_unit_test(knows_methods),
		cmocka_unit_test(says_what_is_no_json),
		cmocka_unit_test(goes_through_batches),
		cmocka_unit_test(compares_ids),
		cmocka_unit_test(splices_and_changes_nothing_else),
		cmocka_unit_test(gives_back_the_clients_id),
		cmocka_unit_test(writes_elements_of_batches),
		cmocka_unit_test(writes_errors),
		cmocka_unit_test(notes_that_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
