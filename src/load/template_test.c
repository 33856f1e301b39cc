/* SPDX-License-Identifier: Apache-2.0 */
#include "load/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char host_a[] = "a:1", host_b[] = "b:2", host_c[] = "c";
static char slash[] = "/", deep[] = "/deep?x=1";

static const struct endpoint endpoints[] = {
	{.kind = ENDPOINT_HTTP, .host = host_a, .target = slash},
	{.kind = ENDPOINT_HTTP, .host = host_b, .target = deep},
	{.kind = ENDPOINT_WEBSOCKET, .host = host_c, .target = slash},
};

static const uint32_t only_websocket[] = {2};

/* A template of some scenarios, with its source. */
struct rig {
	struct template *template;
	struct load_source *source;
	struct load_request request;
	struct buffer room;
	struct buffer text; /* of the last request */
};

static void add(struct rig *rig, const struct template_scenario *scenario)
{
	struct template_refusal refusal;

	if (!rig->template) {
		rig->template = template_new(endpoints, 2, 9);
	}
	assert_int_equal(template_add(rig->template, scenario, &refusal), 0);
	assert_string_equal(buffer_text(&refusal.text), "");
}

static void begin(struct rig *rig)
{
	assert_int_equal(template_finish(rig->template), 0);
	rig->source = template_source_new(rig->template);
	assert_non_null(rig->source);
}

/* The number-th request: head, a line of dashes, body. */
static const char *made(struct rig *rig, uint64_t number)
{
	rig->room.length = rig->text.length = 0;
	rig->request = (struct load_request){.number = number, .room = &rig->room};
	assert_int_equal(rig->source->ops->next(rig->source, &rig->request), 0);
	buffer_append(&rig->text, rig->request.head, rig->request.head_length);
	buffer_append_text(&rig->text, "--\n");
	if (rig->request.body) {
		buffer_append(&rig->text, rig->request.body, rig->request.body_length);
	}
	return buffer_text(&rig->text);
}

static void end(struct rig *rig)
{
	if (rig->source) {
		rig->source->ops->free(rig->source);
	}
	template_free(rig->template);
	buffer_fini(&rig->room);
	buffer_fini(&rig->text);
	*rig = (struct rig){0};
}

static void rig_add_one(struct rig *rig, const struct template_scenario *scenario)
{
	add(rig, scenario);
	begin(rig);
}

/* Of the command line: what is fixed is the same bytes at the same address. */
static void borrows_what_is_fixed(void **state)
{
	static const char *const fields[] = {"Accept: */*", "X-Dollar: ${key}"};
	static const struct template_scenario scenario = {
		.weight = 1, .fields = fields, .field_count = 2};
	struct rig rig = {0};
	const char *head;

	(void)state;
	rig_add_one(&rig, &scenario);
	assert_string_equal(made(&rig, 0),
		"GET / HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\nX-Dollar: ${key}\r\n--\n");
	head = rig.request.head;
	assert_int_equal(rig.request.endpoint, 0);
	assert_null(rig.request.body);
	assert_false(rig.request.keeps_answer);
	assert_string_equal(made(&rig, 1),
		"GET /deep?x=1 HTTP/1.1\r\nHost: b:2\r\nAccept: */*\r\nX-Dollar: ${key}\r\n--\n");
	assert_int_equal(rig.request.endpoint, 1);
	(void)made(&rig, 2);
	assert_ptr_equal(rig.request.head, head);
	assert_int_equal(rig.room.capacity, 0);
	end(&rig);
}

static void chooses_methods(void **state)
{
	static const struct template_scenario with_body = {
		.weight = 1, .body = "a\0b", .body_length = 3};
	static const struct template_scenario put = {.weight = 1, .method = "PUT"};
	static const struct template_scenario head = {.weight = 1, .method = "HEAD"};
	static const char *const host[] = {"host: other"};
	static const struct template_scenario other_host = {
		.weight = 1, .fields = host, .field_count = 1, .target = "/x"};
	struct rig rig = {0};

	(void)state;
	rig_add_one(&rig, &with_body);
	assert_string_equal(made(&rig, 0), "POST / HTTP/1.1\r\nHost: a:1\r\n--\na");
	assert_int_equal(rig.request.body_length, 3);
	end(&rig);
	rig_add_one(&rig, &put);
	assert_string_equal(made(&rig, 0), "PUT / HTTP/1.1\r\nHost: a:1\r\n--\n");
	assert_non_null(rig.request.body);
	assert_int_equal(rig.request.body_length, 0);
	end(&rig);
	rig_add_one(&rig, &head);
	assert_string_equal(made(&rig, 0), "HEAD / HTTP/1.1\r\nHost: a:1\r\n--\n");
	assert_null(rig.request.body);
	assert_true(rig.request.is_head);
	end(&rig);
	rig_add_one(&rig, &other_host);
	assert_string_equal(made(&rig, 0), "GET /x HTTP/1.1\r\nhost: other\r\n--\n");
	end(&rig);
}

static void fills_places(void **state)
{
	static const char *const fields[] = {"X-Id: ${hex:8}"};
	static const struct template_scenario scenario = {
		.weight = 1,
		.has_places = true,
		.target = "/${key:3}/${number}",
		.fields = fields,
		.field_count = 1,
		.body = "{\"k\":${key}}",
		.body_length = 12,
		.key = {.count = 10},
	};
	struct rig rig = {0};
	struct random random;
	struct buffer expected = {0};

	(void)state;
	rig_add_one(&rig, &scenario);
	for (uint64_t number = 0; number < 50; number++) {
		unsigned long key, id;

		random_init(&random, 9, number);
		key = random_below(&random, 10);
		id = random_bits(&random) >> 32;
		expected.length = 0;
		buffer_appendf(&expected,
			"POST /%03lu/%lu HTTP/1.1\r\nHost: %s\r\nX-Id: %08lx\r\n--\n{\"k\":%lu}",
			key, (unsigned long)number, number % 2 ? "b:2" : "a:1", id, key);
		assert_string_equal(made(&rig, number), buffer_text(&expected));
	}
	buffer_fini(&expected);
	end(&rig);
}

/* A head with places in front of a fixed body, and the other way round. */
static void composes_only_what_differs(void **state)
{
	static const struct template_scenario in_head = {.weight = 1,
		.has_places = true,
		.target = "/${number}",
		.body = "fixed",
		.body_length = 5};
	static const struct template_scenario in_body = {
		.weight = 1, .has_places = true, .body = "<${number}>", .body_length = 11};
	struct rig rig = {0};

	(void)state;
	rig_add_one(&rig, &in_head);
	assert_string_equal(made(&rig, 2), "POST /2 HTTP/1.1\r\nHost: a:1\r\n--\nfixed");
	assert_ptr_equal(rig.request.head, rig.room.data);
	end(&rig);
	rig_add_one(&rig, &in_body);
	assert_string_equal(made(&rig, 4), "POST / HTTP/1.1\r\nHost: a:1\r\n--\n<4>");
	assert_ptr_equal(rig.request.body, rig.room.data);
	end(&rig);
}

/* One that comes to the same number by another way is the same. */
static void repeats_by_seed_and_number(void **state)
{
	static const struct template_size sizes[] = {{10, 1}, {3000, 1}};
	static const struct template_scenario scenarios[] = {
		{.weight = 3,
			.has_places = true,
			.target = "/a/${key}/${random:1000}",
			.key = {.count = 1000, .distribution = TEMPLATE_ZIPF, .exponent = 1.1}},
		{.weight = 1, .target = "/b", .sizes = sizes, .size_count = 2},
	};
	struct rig one = {0}, other = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		add(&one, &scenarios[i]);
		add(&other, &scenarios[i]);
	}
	begin(&one);
	begin(&other);
	for (uint64_t number = 0; number < 200; number++) {
		(void)made(&other, 199 - number);
		assert_string_equal(made(&other, number), made(&one, number));
	}
	end(&one);
	end(&other);
}

static void keeps_to_weights(void **state)
{
	static const struct template_scenario scenarios[] = {
		{.weight = 8, .target = "/often"},
		{.weight = 2, .target = "/rare"},
	};
	struct rig rig = {0};
	unsigned counts[2] = {0};

	(void)state;
	add(&rig, &scenarios[0]);
	add(&rig, &scenarios[1]);
	begin(&rig);
	for (uint64_t number = 0; number < 10000; number++) {
		const char *text = made(&rig, number);

		assert_int_equal(rig.request.scenario, strstr(text, "/rare") ? 1 : 0);
		counts[rig.request.scenario]++;
	}
	assert_in_range(counts[1], 1850, 2150);
	end(&rig);
}

static void sends_the_same_key_to_the_same_endpoint(void **state)
{
	static const struct template_scenario scenario = {.weight = 1,
		.has_places = true,
		.target = "/${key}",
		.key = {.count = 100},
		.is_sticky = true};
	struct rig rig = {0};
	uint8_t seen[100] = {0};
	int both = 0, of_first = 0;

	(void)state;
	rig_add_one(&rig, &scenario);
	for (uint64_t number = 0; number < 5000; number++) {
		unsigned long key = strtoul(made(&rig, number) + 5, NULL, 10);

		assert_in_range(key, 0, 99);
		seen[key] |= (uint8_t)(1U << rig.request.endpoint);
	}
	for (int i = 0; i < 100; i++) {
		both += seen[i] == 3;
		of_first += seen[i] == 1;
	}
	assert_int_equal(both, 0);
	assert_in_range(of_first, 35, 65);
	end(&rig);
}

static void draws_sizes(void **state)
{
	static const struct template_size sizes[] = {{0, 1}, {100, 2}, {70000, 1}};
	static const struct template_scenario scenario = {
		.weight = 1, .sizes = sizes, .size_count = 3};
	struct rig rig = {0};
	unsigned counts[3] = {0};
	char first[100];
	bool differs = false;

	(void)state;
	rig_add_one(&rig, &scenario);
	for (uint64_t number = 0; number < 4000; number++) {
		(void)made(&rig, number);
		assert_non_null(rig.request.body);
		for (size_t i = 0; i < 3; i++) {
			counts[i] += rig.request.body_length == sizes[i].bytes;
		}
		if (rig.request.body_length == 100) {
			differs = differs ||
				(counts[1] > 1 && memcmp(first, rig.request.body, 100) != 0);
			memcpy(first, rig.request.body, 100);
		}
		for (size_t i = 0; i < rig.request.body_length && number < 20; i++) {
			assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
					       "xyz0123456789-_",
				rig.request.body[i]));
		}
	}
	assert_int_equal(counts[0] + counts[1] + counts[2], 4000);
	assert_in_range(counts[0], 880, 1120);
	assert_in_range(counts[1], 1850, 2150);
	assert_true(differs);
	assert_int_equal(rig.room.capacity, 0);
	end(&rig);
}

static void fills_a_place_with_a_size(void **state)
{
	static const struct template_size sizes[] = {{12, 1}};
	static const struct template_scenario scenario = {.weight = 1,
		.has_places = true,
		.body = "<${fill}>",
		.body_length = 9,
		.sizes = sizes,
		.size_count = 1};
	struct rig rig = {0};

	(void)state;
	rig_add_one(&rig, &scenario);
	(void)made(&rig, 0);
	assert_int_equal(rig.request.body_length, 14);
	assert_memory_equal(rig.request.body + 13, ">", 1);
	end(&rig);
}

static void calls_by_post_and_by_message(void **state)
{
	static const uint32_t both[] = {0, 2};
	static const struct template_scenario scenario = {.kind = TEMPLATE_JSONRPC,
		.weight = 1,
		.has_places = true,
		.endpoints = both,
		.endpoint_count = 2,
		.method = "m",
		.params = "[\"${#key}\"]",
		.params_length = 11,
		.key = {.count = 1}};
	struct rig rig = {0};

	(void)state;
	rig.template = template_new(endpoints, 3, 1);
	rig_add_one(&rig, &scenario);
	assert_string_equal(made(&rig, 6),
		"POST / HTTP/1.1\r\nHost: a:1\r\nContent-Type: application/json\r\n--\n"
		"{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"m\",\"params\":[0]}");
	assert_true(rig.request.keeps_answer);
	assert_string_equal(made(&rig, 7),
		"Host: c\r\n--\n{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"m\",\"params\":[0]}");
	assert_int_equal(rig.request.endpoint, 2);
	end(&rig);
}

static void judges_calls(void **state)
{
	static const char result[] = "{\"id\":6,\"result\":1}";
	static const struct template_scenario call = {
		.kind = TEMPLATE_JSONRPC, .weight = 1, .method = "m"};
	struct load_answer answer = {.outcome = LOAD_OK, .body = result, .length = strlen(result)};
	struct rig rig = {0};
	struct load_source *source;

	(void)state;
	rig_add_one(&rig, &call);
	source = rig.source;
	(void)made(&rig, 6);
	assert_int_equal(source->ops->over(source, &rig.request, &answer), LOAD_OK);
	answer.outcome = LOAD_SERVER_ERROR;
	assert_int_equal(source->ops->over(source, &rig.request, &answer), LOAD_SERVER_ERROR);
	(void)source->ops->over(source, &rig.request, NULL);
	answer.outcome = LOAD_OK;
	(void)made(&rig, 7);
	assert_int_equal(source->ops->over(source, &rig.request, &answer), LOAD_MALFORMED);
	end(&rig);
}

static void leaves_other_answers_alone(void **state)
{
	static const struct template_scenario get = {.weight = 1},
					      call = {.kind = TEMPLATE_JSONRPC,
						      .weight = 1e-9,
						      .method = "m"};
	struct load_answer answer = {.outcome = LOAD_OK, .body = "x", .length = 1};
	struct rig rig = {0};

	(void)state;
	rig_add_one(&rig, &get);
	assert_null(rig.source->ops->over);
	end(&rig);
	add(&rig, &get);
	add(&rig, &call);
	begin(&rig);
	(void)made(&rig, 0);
	assert_int_equal(rig.request.scenario, 0);
	assert_int_equal(rig.source->ops->over(rig.source, &rig.request, &answer), LOAD_OK);
	end(&rig);
}

static void sends_messages(void **state)
{
	static const char *const fields[] = {"A: $${b", "host: other"};
	struct template_scenario scenario = {.kind = TEMPLATE_WEBSOCKET,
		.weight = 1,
		.has_places = true,
		.endpoints = only_websocket,
		.endpoint_count = 1,
		.body = "hello ${number}",
		.body_length = 15};
	struct rig rig = {0};

	(void)state;
	rig.template = template_new(endpoints, 3, 1);
	rig_add_one(&rig, &scenario);
	assert_string_equal(made(&rig, 6), "Host: c\r\n--\nhello 6");
	end(&rig);
	scenario.fields = fields;
	scenario.field_count = 2;
	rig.template = template_new(endpoints, 3, 1);
	rig_add_one(&rig, &scenario);
	assert_string_equal(made(&rig, 6), "A: ${b\r\nhost: other\r\n--\nhello 6");
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(borrows_what_is_fixed),
		cmocka_unit_test(chooses_methods),
		cmocka_unit_test(fills_places),
		cmocka_unit_test(composes_only_what_differs),
		cmocka_unit_test(repeats_by_seed_and_number),
		cmocka_unit_test(keeps_to_weights),
		cmocka_unit_test(sends_the_same_key_to_the_same_endpoint),
		cmocka_unit_test(draws_sizes),
		cmocka_unit_test(fills_a_place_with_a_size),
		cmocka_unit_test(calls_by_post_and_by_message),
		cmocka_unit_test(judges_calls),
		cmocka_unit_test(leaves_other_answers_alone),
		cmocka_unit_test(sends_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
