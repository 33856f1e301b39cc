/* SPDX-License-Identifier: Apache-2.0 */
#include "load/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curfew/time.h>

#include "load/profile_script.h"
#include "tests/allocation.h"

#define ONE "\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\"}]"

static struct profile *read_good(const char *text)
{
	struct buffer refusal = {0};
	struct profile *profile = profile_read(text, strlen(text), &refusal);

	assert_string_equal(buffer_text(&refusal), "");
	assert_non_null(profile);
	return profile;
}

static void fill_good(struct profile *profile, struct plan *plan)
{
	struct buffer refusal = {0};
	int error = profile_fill(profile, plan, &refusal);

	assert_string_equal(buffer_text(&refusal), "");
	assert_int_equal(error, 0);
}

/* Settings. */

static void tells_nothing_that_it_does_not_say(void **state)
{
	struct profile *profile = read_good("{" ONE "}");
	struct load_config config = unsaid;

	(void)state;
	profile_settle(profile, &config);
	assert_memory_equal(&config, &unsaid, sizeof(config));
	profile_free(profile);
}

static void settles_a_closed_loop(void **state)
{
	struct profile *profile =
		read_good("{\"connections\":7,\"duration\":\"1.5s\",\"requests\":"
			  "1e3,\"timeout\":\"inf\",\"seed\":0,\"fresh\":true," ONE "}");
	struct load_config config = unsaid;

	(void)state;
	profile_settle(profile, &config);
	assert_int_equal(config.connections, 7);
	assert_int_equal(config.duration_ms, 1500);
	assert_string_equal(config.requests, "1000");
	assert_true(config.timeout_ms == CURFEW_NEVER);
	assert_string_equal(config.seed, "0");
	assert_true(config.fresh);
	assert_null(config.rate);
	profile_free(profile);
}

static void settles_an_open_loop(void **state)
{
	struct profile *profile = read_good(
		"{\"rate\":\"300/m\",\"arrival\":\"poisson\",\"max_in_flight\":9," ONE "}");
	struct load_config config = unsaid;

	(void)state;
	profile_settle(profile, &config);
	assert_string_equal(config.rate, "300/m");
	assert_int_equal(config.arrival, SCHEDULE_POISSON);
	assert_int_equal(config.max_in_flight, 9);
	profile_free(profile);
	profile = read_good("{\"rate\":5000," ONE "}");
	config = unsaid;
	profile_settle(profile, &config);
	assert_string_equal(config.rate, "5000/s");
	profile_free(profile);
}

static void settles_stages(void **state)
{
	struct profile *profile =
		read_good("{\"stages\":[\"10/s:1s\",\"0/s:2s\",\"20/s:inf\"]," ONE "}");
	struct load_config config = unsaid;

	(void)state;
	profile_settle(profile, &config);
	assert_int_equal(config.stages.count, 3);
	assert_string_equal(config.stages.word[2], "20/s:inf");
	profile_free(profile);
}

static void lets_options_win(void **state)
{
	struct profile *profile = read_good(
		"{\"rate\":\"300/m\",\"arrival\":\"poisson\",\"max_in_flight\":9,"
		"\"duration\":\"5s\",\"timeout\":\"6s\",\"requests\":5,\"seed\":4," ONE "}");
	struct load_config config = {.rate = "1/s",
		.arrival = SCHEDULE_CONSTANT,
		.max_in_flight = 3,
		.duration_ms = 1,
		.timeout_ms = 2,
		.requests = "3",
		.seed = "4000",
		.fresh = true,
		.prewarm = true,
		.expect_restart = true};
	struct load_config same = config;

	(void)state;
	profile_settle(profile, &config);
	assert_memory_equal(&config, &same, sizeof(config));
	config = unsaid;
	config.connections = 8;
	profile_settle(profile, &config);
	assert_null(config.rate);
	assert_int_equal(config.max_in_flight, 0);
	assert_int_equal(config.arrival, (unsigned)LOAD_NOT_GIVEN);
	assert_int_equal(config.duration_ms, 5000);
	profile_free(profile);
}

static void lets_a_rate_take_the_place_of_connections(void **state)
{
	struct profile *profile = read_good("{\"connections\":7,\"duration\":\"5s\"," ONE "}");
	struct load_config config = unsaid;

	(void)state;
	config.rate = "1/s";
	profile_settle(profile, &config);
	assert_int_equal(config.connections, 0);
	config = unsaid;
	(void)words_add(&config.stages, "1/s:1s");
	profile_settle(profile, &config);
	assert_int_equal(config.stages.count, 1);
	assert_int_equal(config.duration_ms, LOAD_NOT_GIVEN);
	profile_free(profile);
}

/* Scenarios. */

static void fills_a_plan(void **state)
{
	struct profile *profile =
		read_good("{\"endpoints\":[\"http://a:1/x\",\"http://b\"],\"scenarios\":["
			  "{\"name\":\"read\",\"kind\":\"http\",\"weight\":3},"
			  "{\"name\":\"call\",\"kind\":\"jsonrpc\",\"endpoints\":\"ws://c/rpc\","
			  "\"method\":\"m\",\"params\":[1]},"
			  "{\"name\":\"again\",\"kind\":\"http\",\"endpoints\":[\"http://b/\"]}]}");
	struct plan plan = {.seed = 5};
	struct load_request request = {0};
	struct buffer room = {0};
	struct load_source *source;
	unsigned seen[3] = {0}, endpoints[3] = {0};

	(void)state;
	fill_good(profile, &plan);
	assert_int_equal(plan.endpoint_count, 3);
	assert_string_equal(plan.endpoints[2].target, "/rpc");
	assert_int_equal(plan.scenario_count, 3);
	assert_string_equal(plan.scenarios[1], "call");
	source = plan.kind->new (&plan, NULL, 0);
	for (request.number = 0; request.number < 200; request.number++) {
		room.length = 0;
		request.room = &room;
		assert_int_equal(source->ops->next(source, &request), 0);
		seen[request.scenario]++;
		endpoints[request.scenario] |= 1U << request.endpoint;
	}
	assert_in_range(seen[0], 100, 140);
	assert_int_equal(endpoints[0], 3);
	assert_int_equal(endpoints[1], 4);
	assert_int_equal(endpoints[2], 2);
	source->ops->free(source);
	buffer_fini(&room);
	plan_end(&plan);
	profile_free(profile);
}

/* The only request of a scenario, head and body. */
static void asks(const char *members, const char *expected)
{
	struct buffer text = {0}, room = {0}, found = {0};
	struct plan plan = {.seed = 5};
	struct load_request request = {.number = 3, .room = &room};
	struct profile *profile;
	struct load_source *source;

	buffer_appendf(&text, "{\"endpoints\":\"http://h/t\",\"scenarios\":[{\"name\":\"a\",%s}]}",
		members);
	profile = read_good(buffer_text(&text));
	fill_good(profile, &plan);
	source = plan.kind->new (&plan, NULL, 0);
	assert_int_equal(source->ops->next(source, &request), 0);
	buffer_append(&found, request.head, request.head_length);
	buffer_append(&found, request.body, request.body ? request.body_length : 0);
	assert_string_equal(buffer_text(&found), expected);
	source->ops->free(source);
	buffer_fini(&text);
	buffer_fini(&room);
	buffer_fini(&found);
	plan_end(&plan);
	profile_free(profile);
}

static void reads_all_of_a_scenario(void **state)
{
	(void)state;
	asks("\"kind\":\"http\",\"description\":\"x\"", "GET /t HTTP/1.1\r\nHost: h\r\n");
	asks("\"kind\":\"http\",\"method\":\"PUT\",\"target\":\"/a/${key:3}\",\"headers\":"
	     "{\"A\":\"b\",\"C\":\"d-${number}\"},\"body\":\"\\u00e4\\n\","
	     "\"key\":{\"count\":1},\"sticky\":true",
		"PUT /a/000 HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d-3\r\n\xc3\xa4\n");
	asks("\"kind\":\"http\",\"sizes\":0", "POST /t HTTP/1.1\r\nHost: h\r\n");
	asks("\"kind\":\"http\",\"body\":\"<${fill}>\",\"sizes\":[{\"bytes\":0,\"weight\":1}]",
		"POST /t HTTP/1.1\r\nHost: h\r\n<>");
	asks("\"kind\":\"websocket\",\"endpoints\":\"ws://w\",\"message\":\"m${number}\"",
		"Host: w\r\nm3");
	asks("\"kind\":\"websocket\",\"endpoints\":\"ws://w\",\"message\":\"m\",\"headers\":"
	     "{\"A\":\"b\"}",
		"Host: w\r\nA: b\r\nm");
	asks("\"kind\":\"jsonrpc\",\"method\":\"m\",\"target\":\"/r\",\"headers\":{\"A\":\"b\"},"
	     "\"params\":{\"k\":\"${#key}\"},"
	     "\"key\":{\"count\":1,\"distribution\":\"zipf\",\"exponent\":0.9}",
		"POST /r HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nA: b\r\n"
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"m\",\"params\":{\"k\":0}}");
}

/* They are the same only if connections to them, and requests, are. */
static void tells_endpoints_apart(void **state)
{
	struct profile *profile =
		read_good("{\"endpoints\":[\"http://h:81/a\",\"http://h:81/b\",\"https://h:81/a\","
			  "\"http://h:81/a\"]," ONE "}");
	struct plan plan = {.seed = 1};

	(void)state;
	fill_good(profile, &plan);
	assert_int_equal(plan.endpoint_count, 3);
	assert_string_equal(plan.endpoints[1].target, "/b");
	assert_true(plan.endpoints[2].is_tls && !plan.endpoints[0].is_tls);
	plan_end(&plan);
	profile_free(profile);
}

/* With such an exponent the other keys hardly ever come. */
static void keeps_to_the_exponent(void **state)
{
	struct profile *profile = read_good(
		"{\"endpoints\":\"http://h\",\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\","
		"\"target\":\"/${key}\",\"key\":{\"count\":1000,\"distribution\":\"zipf\","
		"\"exponent\":40}}]}");
	struct plan plan = {.seed = 1};
	struct load_source *source;
	struct buffer room = {0};

	(void)state;
	fill_good(profile, &plan);
	source = plan.kind->new (&plan, NULL, 0);
	assert_non_null(source);
	for (uint64_t i = 0; i < 100; i++) {
		struct load_request request = {.number = i, .room = &room};

		room.length = 0;
		assert_int_equal(source->ops->next(source, &request), 0);
		assert_memory_equal(request.head, "GET /0 HTTP", 11);
	}
	source->ops->free(source);
	buffer_fini(&room);
	plan_end(&plan);
	profile_free(profile);
}

static void keeps_to_urls_of_the_command_line(void **state)
{
	struct profile *profile = read_good("{\"endpoints\":\"http://theirs\"," ONE "}");
	struct plan plan = {.seed = 1};

	(void)state;
	assert_null(load_endpoint_parse("http://mine", &plan.endpoints[0]));
	plan.endpoint_count = 1;
	fill_good(profile, &plan);
	assert_int_equal(plan.endpoint_count, 1);
	assert_string_equal(plan.endpoints[0].host, "mine");
	plan_end(&plan);
	profile_free(profile);
}

/* Files. */

static void reads_files(void **state)
{
	char path[] = "/tmp/curfew-profile-XXXXXX";
	int fd = mkstemp(path);
	struct buffer refusal = {0}, expected = {0};
	struct plan plan = {.seed = 1};
	struct profile *profile;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "{" ONE "}"), (int)strlen("{" ONE "}"));
	profile = profile_load(path, &refusal);
	assert_non_null(profile);
	assert_int_equal(profile_fill(profile, &plan, &refusal), -EINVAL);
	buffer_appendf(&expected,
		"%s: line 1: scenarios[0] lacks \"endpoints\", and there are none for all (give "
		"URLs here or there)",
		path);
	assert_string_equal(buffer_text(&refusal), buffer_text(&expected));
	plan_end(&plan);
	profile_free(profile);
	refusal.length = expected.length = 0;
	assert_int_equal(dprintf(fd, "x"), 1);
	assert_null(profile_load(path, &refusal));
	buffer_appendf(
		&expected, "%s: line 1: the profile is no JSON: something follows the value", path);
	assert_string_equal(buffer_text(&refusal), buffer_text(&expected));
	refusal.length = 0;
	assert_int_equal(ftruncate(fd, PROFILE_MOST + 1), 0);
	assert_null(profile_load(path, &refusal));
	assert_non_null(strstr(buffer_text(&refusal), ": it is larger than 16M"));
	refusal.length = 0;
	(void)close(fd);
	(void)unlink(path);
	assert_null(profile_load(path, &refusal));
	assert_non_null(strstr(buffer_text(&refusal), "cannot be read: No such file"));
	buffer_fini(&refusal);
	buffer_fini(&expected);
}

static void tells_when_there_is_no_memory(void **state)
{
	static const char text[] =
		"{\"description\":\"d\",\"stages\":[\"1/s:1s\"],\"endpoints\":[\"http://h\"],"
		"\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\",\"target\":\"/${key}\","
		"\"headers\":{\"A\":\"${hex:2}\"},\"body\":\"${fill}\",\"sizes\":\"1k\","
		"\"key\":{\"count\":9}},{\"name\":\"b\",\"kind\":\"jsonrpc\",\"method\":\"m\","
		"\"params\":[\"${number}\"],\"endpoints\":\"ws://h\"}]}";
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		struct plan plan = {.seed = 1};
		struct buffer refusal = {0};
		struct profile *profile;
		int error = -EINVAL;

		allocation_fail(n);
		profile = profile_read(text, strlen(text), &refusal);
		if (profile) {
			error = profile_fill(profile, &plan, &refusal);
		}
		failed = allocation_failed();
		assert_int_equal(error, failed ? -EINVAL : 0);
		if (failed) {
			assert_non_null(strstr(buffer_text(&refusal), "memory"));
		}
		buffer_fini(&refusal);
		plan_end(&plan);
		profile_free(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_nothing_that_it_does_not_say),
		cmocka_unit_test(settles_a_closed_loop),
		cmocka_unit_test(settles_an_open_loop),
		cmocka_unit_test(settles_stages),
		cmocka_unit_test(lets_options_win),
		cmocka_unit_test(lets_a_rate_take_the_place_of_connections),
		cmocka_unit_test(fills_a_plan),
		cmocka_unit_test(reads_all_of_a_scenario),
		cmocka_unit_test(tells_endpoints_apart),
		cmocka_unit_test(keeps_to_the_exponent),
		cmocka_unit_test(keeps_to_urls_of_the_command_line),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
