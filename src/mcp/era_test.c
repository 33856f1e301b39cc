/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/era.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/parser.h"

#define META_ALONE "\"_meta\":{\"" ERA_META "protocolVersion\":\"2026-07-28\"}"
#define META                                                                                       \
	"\"_meta\":{\"" ERA_META "protocolVersion\":\"2026-07-28\",\"" ERA_META                    \
	"clientCapabilities\":{\"sampling\":{},\"roots\":null}}"
#define REQUEST(method, rest)                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":{" rest META "}}"
#define VERSION "MCP-Protocol-Version: 2026-07-28\r\n"
#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

static struct http_parser parser;
static struct message message;
static struct buffer out;

static int setup(void **state)
{
	(void)state;
	http_parser_init(&parser, HTTP_REQUESTS);
	out = (struct buffer){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_parser_fini(&parser);
	buffer_fini(&out);
	return 0;
}

static const struct http_head *read_head(const char *fields)
{
	char text[1024];
	size_t used;

	(void)snprintf(text, sizeof(text), "POST /mcp HTTP/1.0\r\n%s\r\n", fields);
	http_parser_fini(&parser);
	http_parser_init(&parser, HTTP_REQUESTS);
	assert_int_equal(http_parser_read(&parser, text, strlen(text), &used), HTTP_EVENT_HEAD);
	return &parser.head;
}

static const struct message *read_message(const char *text)
{
	assert_int_equal(message_read(&message, text, strlen(text), NULL), JSON_OK);
	return &message;
}

static const char *taken(void)
{
	static char text[2048];

	assert_false(out.failed);
	(void)snprintf(text, sizeof(text), "%s", buffer_text(&out));
	buffer_consume(&out, out.length);
	return text;
}

/* Requests. */

static const struct check {
	const char *text, *fields;
	unsigned status; /* 0: it is taken */
	int code;
} checks[] = {
	{REQUEST("tools/list", ""), VERSION "Mcp-Method: tools/list\r\n", 0, 0},
	{REQUEST("tools/list", ""),
		"mcp-protocol-version:2026-07-28\r\nMCP-METHOD:  tools/list \r\n", 0, 0},
	/* What _meta has to have. */
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\"}",
		VERSION "Mcp-Method: tools/list\r\n", 400, -32602},
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\",\"params\":{" META_ALONE "}}",
		VERSION "Mcp-Method: tools/list\r\n", 400, -32602},
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"_meta\":{\"" ERA_META
	 "protocolVersion\":20260728,\"" ERA_META "clientCapabilities\":{}}}}",
		VERSION "Mcp-Method: a\r\n", 400, -32602},
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"_meta\":{\"" ERA_META
	 "protocolVersion\":\"2026-07-28\",\"" ERA_META "clientCapabilities\":[]}}}",
		VERSION "Mcp-Method: a\r\n", 400, -32602},
	/* Fields that are not there, or say something else. */
	{REQUEST("tools/list", ""), "Mcp-Method: tools/list\r\n", 400, -32020},
	{REQUEST("tools/list", ""),
		"MCP-Protocol-Version: 2025-11-25\r\nMcp-Method: tools/list\r\n", 400, -32020},
	{REQUEST("tools/list", ""), VERSION, 400, -32020},
	{REQUEST("tools/list", ""), VERSION "Mcp-Method: TOOLS/LIST\r\n", 400, -32020},
	{REQUEST("tools/list", ""), VERSION "Mcp-Method: tools/lis\r\n", 400, -32020},
	{REQUEST("tools\\/list", ""), VERSION "Mcp-Method: tools/list\r\n", 0, 0},
	/* Versions. */
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"_meta\":{\"" ERA_META
	 "protocolVersion\":\"v9\",\"" ERA_META "clientCapabilities\":{}}}}",
		"MCP-Protocol-Version: v9\r\nMcp-Method: a\r\n", 400, -32022},
	{"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"_meta\":{\"" ERA_META
	 "protocolVersion\":\"v9\",\"" ERA_META "clientCapabilities\":{}}}}",
		VERSION "Mcp-Method: a\r\n", 400, -32020},
	/* Names. */
	{REQUEST("tools/call", "\"name\":\"a b\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: a b\r\n", 0, 0},
	{REQUEST("tools/call", "\"name\":\"a\","), VERSION "Mcp-Method: tools/call\r\n", 400,
		-32020},
	{REQUEST("tools/call", "\"name\":\"a\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: A\r\n", 400, -32020},
	{REQUEST("tools/call", ""), VERSION "Mcp-Method: tools/call\r\nMcp-Name: a\r\n", 400,
		-32020},
	{REQUEST("tools/call", ""), VERSION "Mcp-Method: tools/call\r\n", 0, 0},
	{REQUEST("prompts/get", "\"name\":\"a\","), VERSION "Mcp-Method: prompts/get\r\n", 400,
		-32020},
	{REQUEST("resources/read", "\"name\":\"a\",\"uri\":\"b:c\","),
		VERSION "Mcp-Method: resources/read\r\nMcp-Name: b:c\r\n", 0, 0},
	{REQUEST("tools/list", "\"name\":\"a\","),
		VERSION "Mcp-Method: tools/list\r\nMcp-Name: b\r\n", 0, 0},
	/* Names in base64. */
	{REQUEST("tools/call", "\"name\":\"Hello\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?SGVsbG8=?=\r\n", 0, 0},
	{REQUEST("tools/call", "\"name\":\"\\u00e9\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?w6k=?=\r\n", 0, 0},
	{REQUEST("tools/call", "\"name\":\"Hello\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?SGVsbG8?=\r\n", 400, -32020},
	{REQUEST("tools/call", "\"name\":\"Hello\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?SGVsb!8=?=\r\n", 400, -32020},
	{REQUEST("tools/call", "\"name\":\"Hello\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?BASE64?SGVsbG8=?=\r\n", 400, -32020},
	{REQUEST("tools/call", "\"name\":\"=?base64?SGVsbG8=?=\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?SGVsbG8=?=\r\n", 400, -32020},
	{REQUEST("tools/call", "\"name\":\"SGVsbG8=\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: SGVsbG8=\r\n", 0, 0},
	{REQUEST("tools/call", "\"name\":\"=?base64?\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?\r\n", 0, 0},
	{REQUEST("tools/call", "\"name\":\"\","),
		VERSION "Mcp-Method: tools/call\r\nMcp-Name: =?base64?\?=\r\n", 0, 0},
	/* What was of the session era. */
	{REQUEST("initialize", ""), VERSION "Mcp-Method: initialize\r\n", 404, -32601},
	{REQUEST("ping", ""), VERSION "Mcp-Method: ping\r\n", 404, -32601},
	{REQUEST("logging/setLevel", ""), VERSION "Mcp-Method: logging/setLevel\r\n", 404, -32601},
	{REQUEST("resources/subscribe", ""), VERSION "Mcp-Method: resources/subscribe\r\n", 404,
		-32601},
	{REQUEST("resources/unsubscribe", ""), VERSION "Mcp-Method: resources/unsubscribe\r\n", 404,
		-32601},
};

static void requests_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(checks); i++) {
		const struct http_head *head = read_head(checks[i].fields);
		char begin[64] = "";
		struct era era;

		if (checks[i].status) {
			(void)snprintf(begin, sizeof(begin),
				"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":%d,",
				checks[i].code);
		}
		print_message("%s %s\n", checks[i].text, checks[i].fields);
		assert_int_equal(
			era_read(&era, read_message(checks[i].text), head, &out), checks[i].status);
		assert_memory_equal(buffer_text(&out), begin, strlen(begin));
		assert_int_equal(!out.length, !checks[i].status);
		buffer_consume(&out, out.length);
	}
}

static void versions_are_told(void **state)
{
	const char *text =
		"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"b\",\"params\":{\"_meta\":{"
		"\"" ERA_META "protocolVersion\":\"\\u0031\",\"" ERA_META
		"clientCapabilities\":{}}}}";
	struct era era;

	(void)state;
	assert_int_equal(era_read(&era, read_message(text),
				 read_head("MCP-Protocol-Version: 1\r\nMcp-Method: b\r\n"), &out),
		400);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32022,\"message\":\"this "
		"protocol version is not supported\",\"data\":{\"supported\":[\"2026-07-28\"],"
		"\"requested\":\"\\u0031\"}}}");
}

static void a_head_may_name_the_era(void **state)
{
	(void)state;
	assert_true(era_is_named(read_head(VERSION)));
	assert_false(era_is_named(read_head("MCP-Protocol-Version: 2025-11-25\r\n")));
	assert_false(era_is_named(read_head("")));
}

static void requests_say_what_may_be_asked(void **state)
{
	struct era era;

	(void)state;
	assert_int_equal(
		era_read(&era, read_message(checks[0].text), read_head(checks[0].fields), &out), 0);
	assert_true(era.may_ask[ERA_SAMPLING]);
	assert_false(era.may_ask[ERA_ROOTS]);
	assert_false(era.may_ask[ERA_ELICITATION]);
	assert_false(era_takes_inputs(&message));
	assert_true(era_takes_inputs(read_message(REQUEST("tools/call", ""))));
	assert_int_equal(
		era_input_of(read_message(REQUEST("elicitation/create", ""))), ERA_ELICITATION);
	assert_int_equal(era_input_of(read_message(REQUEST("ping", ""))), ERA_INPUT_KINDS);
}

/* Children. */

static void children_are_told_of_the_client(void **state)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":{\"_meta\":{\"" ERA_META
		"protocolVersion\":\"2026-07-28\",\"" ERA_META
		"clientCapabilities\":{ \"x\" : 1.50},\"" ERA_META
		"clientInfo\":{\"name\":\"c\"}}}}";
	struct era era;

	(void)state;
	assert_int_equal(
		era_read(&era, read_message(text), read_head(VERSION "Mcp-Method: a\r\n"), &out),
		0);
	era_write_initialize(&out, &message, &era);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{ \"x\" : 1.50},"
		"\"clientInfo\":{\"name\":\"c\"}}}");
	era_write_initialize(&out, NULL, NULL);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
		"\"clientInfo\":{\"name\":\"curfew\",\"version\":\"" CURFEW_VERSION "\"}}}");
}

static void a_probe_is_a_request_of_this_era(void **state)
{
	struct buffer probe = {0};
	struct era era;

	(void)state;
	era_write_probe(&probe);
	assert_int_equal(era_read(&era, read_message(buffer_text(&probe)),
				 read_head(VERSION "Mcp-Method: server/discover\r\n"), &out),
		0);
	buffer_fini(&probe);
}

#define INTRODUCED(text) era_is_introduction(text, strlen(text))
#define WELCOME(text) era_is_welcome(text, strlen(text))

static void children_say_of_which_era_they_are(void **state)
{
	(void)state;
	assert_true(INTRODUCED("{\"result\":{\"supportedVersions\":[1,\"2026-07-28\"]}}"));
	assert_false(INTRODUCED("{\"result\":{\"supportedVersions\":[\"2027-01-01\"]}}"));
	assert_false(INTRODUCED("{\"result\":{\"supportedVersions\":\"2026-07-28\"}}"));
	assert_false(INTRODUCED("{\"result\":{}}"));
	assert_false(INTRODUCED("{\"error\":{\"code\":-32601}}"));
	assert_true(WELCOME("{\"result\":{}}"));
	assert_false(WELCOME("{\"result\":1}"));
	assert_false(WELCOME("{\"error\":{\"code\":-32601}}"));
}

static void a_discovery_is_made_of_a_welcome(void **state)
{
	static const char welcome[] =
		"{\"id\":0,\"result\":{\"capabilities\":{\"tools\":{\"listChanged\":true},"
		"\"resources\":{\"subscribe\":true,\"listChanged\":true},\"x\":[1.0]},"
		"\"serverInfo\":{\"name\":\"s\"},\"instructions\":\"do\"}}";
	static const char bare[] = "{\"id\":0,\"result\":{}}";

	(void)state;
	(void)read_message(REQUEST("server/discover", ""));
	era_write_discovery(&out, &message, welcome, sizeof(welcome) - 1);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\","
		"\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{"
		"\"listChanged\":false},\"resources\":{\"subscribe\":false,\"listChanged\":false},"
		"\"x\":[1.0]},\"instructions\":\"do\",\"ttlMs\":0,\"cacheScope\":\"private\","
		"\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\"}}}}");
	era_write_discovery(&out, &message, bare, sizeof(bare) - 1);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\","
		"\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{},\"ttlMs\":0,"
		"\"cacheScope\":\"private\"}}");
}

static const struct answer_row {
	const char *request, *answer, *expected;
	unsigned status;
	bool is_of_era;
} answers[] = {
	{REQUEST("a", ""), "{\"id\":1, \"result\":{\"x\":12345678901234567890.0}}",
		"{\"id\":7, \"result\":{\"resultType\":\"complete\",\"x\":12345678901234567890.0}}",
		200, false},
	{REQUEST("a", ""), "{\"id\":1,\"result\":{ }}",
		"{\"id\":7,\"result\":{\"resultType\":\"complete\" }}", 200, false},
	{REQUEST("a", ""), "{\"result\":{\"resultType\":\"x\"},\"id\":1}",
		"{\"result\":{\"resultType\":\"x\"},\"id\":7}", 200, false},
	{REQUEST("tools/list", ""), "{\"id\":1,\"result\":{}}",
		"{\"id\":7,\"result\":{\"resultType\":\"complete\",\"ttlMs\":0,"
		"\"cacheScope\":\"private\"}}",
		200, false},
	{REQUEST("resources/read", ""), "{\"id\":1,\"result\":{\"ttlMs\":5}}",
		"{\"id\":7,\"result\":{\"resultType\":\"complete\",\"cacheScope\":\"private\","
		"\"ttlMs\":5}}",
		200, false},
	{REQUEST("a", ""), "{\"id\":1,\"result\":[]}", "{\"id\":7,\"result\":[]}", 200, false},
	{REQUEST("a", ""), "{\"id\":1,\"error\":{\"code\":-32601}}",
		"{\"id\":7,\"error\":{\"code\":-32601}}", 404, false},
	{REQUEST("a", ""), "{\"id\":1,\"error\":{\"code\":-32002}}",
		"{\"id\":7,\"error\":{\"code\":-32602}}", 200, false},
	{REQUEST("a", ""), "{\"id\":1,\"error\":{\"code\":-32603}}",
		"{\"id\":7,\"error\":{\"code\":-32603}}", 200, false},
	{REQUEST("tools/list", ""), "{\"id\":7,\"result\":{}}", "{\"id\":7,\"result\":{}}", 200,
		true},
	{REQUEST("a", ""), "{\"id\":7,\"result\":{\"_meta\":{\"" ERA_META "subscriptionId\":1}}}",
		"{\"id\":7,\"result\":{\"_meta\":{\"" ERA_META "subscriptionId\":7}}}", 200, true},
	{REQUEST("a", ""), "{\"id\":7,\"error\":{\"code\":-32601}}",
		"{\"id\":7,\"error\":{\"code\":-32601}}", 404, true},
	{REQUEST("a", ""), "{\"id\":7,\"error\":{\"code\":-32021}}",
		"{\"id\":7,\"error\":{\"code\":-32021}}", 400, true},
};

static void answers_get_what_they_lack(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(answers); i++) {
		print_message("%s\n", answers[i].answer);
		assert_int_equal(
			era_write_answer(&out, read_message(answers[i].request), answers[i].answer,
				strlen(answers[i].answer), answers[i].is_of_era),
			answers[i].status);
		assert_string_equal(taken(), answers[i].expected);
	}
}

#define NOTICE(method) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\"}"

static void only_what_belongs_to_a_request_goes_to_its_stream(void **state)
{
	(void)state;
	assert_true(era_passes(read_message(NOTICE("progress")), false));
	assert_true(era_passes(read_message(NOTICE("x")), false));
	assert_true(era_passes(read_message(NOTICE("message")), true));
	assert_false(era_passes(read_message(NOTICE("message")), false));
	assert_false(era_passes(read_message(NOTICE("tools/list_changed")), true));
	assert_false(era_passes(read_message(NOTICE("resources/updated")), true));
	assert_false(era_passes(read_message(NOTICE("cancelled")), true));
}

static void subscriptions_have_their_requests_name(void **state)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{"
		"\"_meta\":{\"" ERA_META "subscriptionId\": 3 },\"a\":1e5}}";
	const struct message request = *read_message(REQUEST("subscriptions/listen", ""));

	(void)state;
	assert_true(era_is_subscription(&request));
	era_write_notification(&out, &request, read_message(text));
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{"
		"\"_meta\":{\"" ERA_META "subscriptionId\": 7 },\"a\":1e5}}");
	era_write_notification(&out, &request, read_message(NOTICE("x")));
	assert_string_equal(taken(), NOTICE("x"));
	era_write_end_of_subscription(&out, &request);
	assert_string_equal(taken(),
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\",\"_meta\":{"
		"\"" ERA_META "subscriptionId\":7}}}");
}

#define era_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		era_test(requests_are_checked),
		era_test(versions_are_told),
		era_test(a_head_may_name_the_era),
		era_test(requests_say_what_may_be_asked),
		era_test(children_are_told_of_the_client),
		era_test(a_probe_is_a_request_of_this_era),
		era_test(children_say_of_which_era_they_are),
		era_test(a_discovery_is_made_of_a_welcome),
		era_test(answers_get_what_they_lack),
		era_test(only_what_belongs_to_a_request_goes_to_its_stream),
		era_test(subscriptions_have_their_requests_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
