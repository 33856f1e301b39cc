/* SPDX-License-Identifier: Apache-2.0 */
#include "load/template.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation.h"

static char host_a[] = "a:1", host_b[] = "b:2", host_c[] = "c";
static char slash[] = "/", deep[] = "/deep?x=1";

static const struct endpoint endpoints[] = {
	{.kind = ENDPOINT_HTTP, .host = host_a, .target = slash},
	{.kind = ENDPOINT_HTTP, .host = host_b, .target = deep},
	{.kind = ENDPOINT_WEBSOCKET, .host = host_c, .target = slash},
};

/* What is wrong with a scenario that was right. */
static void refuses(
	struct template_scenario scenario, const char *member, size_t index, const char *expected)
{
	struct template *template = template_new(endpoints, 2, 9);
	struct template_refusal refusal;

	scenario.weight = scenario.weight == 0 ? 1 : scenario.weight;
	assert_int_equal(template_add(template, &scenario, &refusal), -EINVAL);
	assert_string_equal(buffer_text(&refusal.text), expected);
	assert_string_equal(refusal.member, member);
	assert_int_equal(refusal.index, index);
	buffer_fini(&refusal.text);
	template_free(template);
}

static void refuses_wrong_heads(void **state)
{
	static const char *const wrong[] = {"A: b", "nothing", "X Y: z", "A: b\r\nC: d",
		"Content-Length: 3", "connection: close", ": x"};
	static const char *const place[] = {"A: b", "C: ${d}"};

	(void)state;
	refuses((struct template_scenario){.method = "GE T"}, "method", 0,
		"is no word of HTTP such as GET or POST");
	refuses((struct template_scenario){.method = ""}, "method", 0,
		"is no word of HTTP such as GET or POST");
	refuses((struct template_scenario){.method = "CONNECT"}, "method", 0,
		"is CONNECT, which asks for a tunnel");
	refuses((struct template_scenario){.target = "x"}, "target", 0,
		"does not begin with a slash");
	refuses((struct template_scenario){.target = "/a b"}, "target", 0,
		"has a byte that no URL has (write a space as %20)");
	refuses((struct template_scenario){.target = "/\xc3\xa4"}, "target", 0,
		"has a byte that no URL has (write a space as %20)");
	refuses((struct template_scenario){.target = "/a#b"}, "target", 0,
		"has a fragment (#), which is never sent");
	refuses((struct template_scenario){.target = "/${hex}", .has_places = true}, "target", 0,
		"has ${hex} without its digits: ${hex:40} has 40");
	for (size_t i = 1; i < 7; i++) {
		const char *const fields[] = {wrong[0], wrong[i]};

		refuses((struct template_scenario){.fields = fields, .field_count = 2}, "fields", 1,
			i == 3 ? "has a control character in it"
				: i == 4 || i == 5
				? "is one that curfew sets by itself"
				: "is no header field such as \"Accept: text/plain\"");
	}
	refuses((struct template_scenario){.fields = place, .field_count = 2, .has_places = true},
		"fields", 1,
		"has ${d}, which is no place: there are ${number} ${key} "
		"${random:100} ${hex:40} ${fill} ($${ for ${ itself)");
	refuses((struct template_scenario){.fields = place, .field_count = 65}, "fields", 0,
		"are more than 64");
}

static void refuses_wrong_weights(void **state)
{
	static const struct template_size sizes[] = {{5, 1}, {6, 0}, {TEMPLATE_SIZE_MOST + 1, 1}};

	(void)state;
	refuses((struct template_scenario){.weight = -1}, "weight", 0, "is not above 0");
	refuses((struct template_scenario){.weight = INFINITY}, "weight", 0, "is not above 0");
	refuses((struct template_scenario){.sizes = sizes, .size_count = 2}, "sizes", 1,
		"is above 64M, or its weight is not above 0");
	refuses((struct template_scenario){.sizes = sizes + 2, .size_count = 1}, "sizes", 0,
		"is above 64M, or its weight is not above 0");
	refuses((struct template_scenario){.sizes = sizes, .size_count = 65}, "sizes", 0,
		"are more than 64");
	refuses((struct template_scenario){.key = {TEMPLATE_KEYS_MOST + 1, TEMPLATE_UNIFORM, 0}},
		"key", 0, "has more than 2^53 keys");
	refuses((struct template_scenario){.key = {10, TEMPLATE_ZIPF, 0}}, "key", 0,
		"has an exponent that is not above 0");
}

static void refuses_what_does_not_fit_together(void **state)
{
	static const struct template_size sizes[] = {{5, 1}};

	(void)state;
	refuses((struct template_scenario){.target = "/${key}", .has_places = true}, "key", 0,
		"is missing: it is used, in ${key} or for stickiness");
	refuses((struct template_scenario){.is_sticky = true}, "key", 0,
		"is missing: it is used, in ${key} or for stickiness");
	refuses((struct template_scenario){.key = {10, TEMPLATE_UNIFORM, 0}}, "key", 0,
		"is used nowhere: there is no ${key}, and the scenario is not sticky");
	refuses((struct template_scenario){.target = "/${fill}", .has_places = true}, "sizes", 0,
		"are missing: they are used, in ${fill}");
	refuses(
		(struct template_scenario){
			.body = "x", .body_length = 1, .sizes = sizes, .size_count = 1},
		"sizes", 0, "are used nowhere: there is no ${fill}");
	refuses((struct template_scenario){.kind = TEMPLATE_WEBSOCKET, .body = "x"}, "endpoints", 0,
		"is no WebSocket (ws:// or wss://), to which messages could go");
	refuses((struct template_scenario){.kind = TEMPLATE_WEBSOCKET}, "body", 0,
		"is missing: the message");
	refuses((struct template_scenario){.kind = TEMPLATE_JSONRPC}, "method", 0, "is missing");
	refuses((struct template_scenario){.kind = TEMPLATE_JSONRPC, .method = "m", .body = "x"},
		"body", 0, "is made of method and parameters here");
	refuses(
		(struct template_scenario){
			.kind = TEMPLATE_JSONRPC, .method = "m", .params = "7", .params_length = 1},
		"params", 0, "is neither an array nor an object");
}

static void refuses_http_to_websockets(void **state)
{
	struct template *template = template_new(endpoints, 3, 9);
	const struct template_scenario scenario = {.weight = 1};
	struct template_refusal refusal;

	(void)state;
	assert_int_equal(template_add(template, &scenario, &refusal), -EINVAL);
	assert_string_equal(refusal.member, "endpoints");
	assert_int_equal(refusal.index, 2);
	buffer_fini(&refusal.text);
	template_free(template);
}

/* What is wrong with a message, with header fields; NULL: nothing. */
static void refuses_message(struct template *template, const char *field, const char *member,
	const char *method, const char *expected)
{
	static const uint32_t websocket[] = {2};
	const struct template_scenario scenario = {
		.kind = TEMPLATE_WEBSOCKET,
		.weight = 1,
		.has_places = true,
		.endpoints = websocket,
		.endpoint_count = 1,
		.method = method,
		.fields = &field,
		.field_count = field != NULL,
		.body = "x",
		.body_length = 1,
	};
	struct template_refusal refusal;

	assert_int_equal(template_add(template, &scenario, &refusal), expected ? -EINVAL : 0);
	if (expected) {
		assert_string_equal(refusal.member, member);
		assert_string_equal(buffer_text(&refusal.text), expected);
	}
	buffer_fini(&refusal.text);
}

static void refuses_what_no_handshake_has(void **state)
{
	static const char *const others[] = {"A: c", "A: bc", "B: b", NULL};
	static const char differs[] = "has another scenario, too, of other header fields: "
				      "connections to a WebSocket are the same for all";
	struct template *template = template_new(endpoints, 3, 9);

	(void)state;
	refuses_message(template, "Sec-WebSocket-key: x", "fields", NULL,
		"is one that curfew sets by itself");
	refuses_message(
		template, "Upgrade: h2c", "fields", NULL, "is one that curfew sets by itself");
	refuses_message(template, "nothing", "fields", NULL,
		"is no header field such as \"Accept: text/plain\"");
	refuses_message(template, "A: ${number}", "fields", NULL,
		"has a place, where a WebSocket's handshake is the same for all");
	refuses_message(template, NULL, "method", "PUT", "is nothing that a WebSocket has");
	refuses_message(template, "A: b", NULL, NULL, NULL);
	refuses_message(template, "A: b", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		refuses_message(template, others[i], "endpoints", NULL, differs);
	}
	template_free(template);
}

static void refuses_more_than_32(void **state)
{
	static const struct template_scenario scenario = {.weight = 1};
	struct template *template = template_new(endpoints, 2, 9);
	struct template_refusal refusal;

	(void)state;
	for (int i = 0; i < TEMPLATE_SCENARIOS_MOST; i++) {
		assert_int_equal(template_add(template, &scenario, &refusal), 0);
	}
	assert_int_equal(template_add(template, &scenario, &refusal), -EINVAL);
	buffer_fini(&refusal.text);
	template_free(template);
}

/* Makes a source of two scenarios, and draws a request. Returns 0 or -ENOMEM. */
static int make_and_draw(struct template *template, struct buffer *room)
{
	static const struct template_size sizes[] = {{5, 1}, {50, 2}};
	static const char *const fields[] = {"X: ${hex:9}"};
	static const struct template_scenario scenarios[] = {
		{.weight = 1,
			.has_places = true,
			.fields = fields,
			.field_count = 1,
			.sizes = sizes,
			.size_count = 2},
		{.kind = TEMPLATE_JSONRPC,
			.weight = 1,
			.has_places = true,
			.method = "m",
			.params = "[\"${key}\"]",
			.params_length = 10,
			.key = {.count = 7}},
	};
	struct template_refusal refusal = {0};
	struct load_request request = {.room = room};
	struct load_source *source;
	int error = 0;

	for (size_t i = 0; i < 2 && !error; i++) {
		error = template_add(template, &scenarios[i], &refusal);
		assert_string_equal(buffer_text(&refusal.text), "");
	}
	error = error ? error : template_finish(template);
	if (error) {
		return error;
	}
	source = template_source_new(template);
	if (!source) {
		return -ENOMEM;
	}
	error = source->ops->next(source, &request);
	source->ops->free(source);
	return error;
}

static void tells_when_there_is_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct template *template;
		struct buffer room = {0};
		int error;

		allocation_fail(n);
		template = template_new(endpoints, 2, 1);
		error = template ? make_and_draw(template, &room) : -ENOMEM;
		failed = allocation_failed();
		assert_int_equal(error, failed ? -ENOMEM : 0);
		template_free(template);
		buffer_fini(&room);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_heads),
		cmocka_unit_test(refuses_wrong_weights),
		cmocka_unit_test(refuses_what_does_not_fit_together),
		cmocka_unit_test(refuses_http_to_websockets),
		cmocka_unit_test(refuses_what_no_handshake_has),
		cmocka_unit_test(refuses_more_than_32),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
