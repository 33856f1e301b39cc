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

#include "tests/allocation.h"

#define ONE "\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\"}]"

/* What an option's config is before anything was said. */
static const struct load_config unsaid = {.arrival = (unsigned)LOAD_NOT_GIVEN,
	.duration_ms = LOAD_NOT_GIVEN,
	.timeout_ms = LOAD_NOT_GIVEN};

static void plan_end(struct plan *plan)
{
	if (plan->kind && plan->shared) {
		plan->kind->free_shared(plan->shared);
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		load_endpoint_fini(&plan->endpoints[i]);
	}
	*plan = (struct plan){0};
}

/* Returns what is wrong with a profile, "" if nothing; free it. */
static char *wrong_with(const char *text)
{
	struct plan plan = {.seed = 1};
	struct buffer refusal = {0};
	struct profile *profile = profile_read(text, strlen(text), &refusal);

	if (profile && profile_fill(profile, &plan, &refusal) == 0) {
		assert_int_equal(refusal.length, 0);
	} else {
		assert_int_not_equal(refusal.length, 0);
	}
	plan_end(&plan);
	profile_free(profile);
	buffer_append_char(&refusal, '\0');
	return buffer_take(&refusal);
}

static void refused(const char *text, const char *expected)
{
	char *wrong = wrong_with(text);

	assert_string_equal(wrong, expected);
	free(wrong);
}

/* One scenario's members behind its name, in the third line. */
static void scenario_refused(const char *members, const char *expected)
{
	struct buffer text = {0};

	buffer_appendf(&text,
		"{\"endpoints\": \"http://h\",\n\"scenarios\": [\n{\"name\": \"a\", %s}]}",
		members);
	refused(buffer_text(&text), expected);
	buffer_fini(&text);
}

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
		.seed = "4000"};
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
	asks("\"kind\":\"http\",\"method\":\"PUT\",\"target\":\"/items/${key:3}\",\"headers\":"
	     "{\"A\":\"b\",\"C\":\"d-${number}\"},\"body\":\"\\u00e4\\n\","
	     "\"key\":{\"count\":1},\"sticky\":true",
		"PUT /items/000 HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d-3\r\n\xc3\xa4\n");
	asks("\"kind\":\"http\",\"sizes\":0", "POST /t HTTP/1.1\r\nHost: h\r\n");
	asks("\"kind\":\"http\",\"body\":\"<${fill}>\",\"sizes\":[{\"bytes\":0,\"weight\":1}]",
		"POST /t HTTP/1.1\r\nHost: h\r\n<>");
	asks("\"kind\":\"websocket\",\"endpoints\":\"ws://w\",\"message\":\"m${number}\"", "m3");
	asks("\"kind\":\"jsonrpc\",\"method\":\"m\",\"target\":\"/r\",\"headers\":{\"A\":\"b\"},"
	     "\"params\":{\"k\":\"${#key}\"},"
	     "\"key\":{\"count\":1,\"distribution\":\"zipf\",\"exponent\":0.9}",
		"POST /r HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nA: b\r\n"
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"m\",\"params\":{\"k\":0}}");
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

/* Refusals. */

static void refuses_what_is_no_profile(void **state)
{
	(void)state;
	refused("", "line 1: the profile is no JSON: there is no value");
	refused("{\n\"a\": 1,\n}", "line 3: the profile is no JSON: a member's name is expected");
	refused("[]", "line 1: the profile is a list, where an object belongs");
	refused("{}", "line 1: the profile lacks \"scenarios\", a list");
	refused("{\"scenarios\":[]}", "line 1: scenarios has no scenario");
	refused("{\"scenarios\":[1]}", "line 1: scenarios[0] is 1, where an object belongs");
	refused("{\n\"scenario\":[]}",
		"line 2: the profile has no member \"scenario\" (did you mean \"scenarios\"?)");
	refused("{\"seed\":1,\n \"seed\":2," ONE "}", "line 2: the profile has \"seed\" twice");
	refused("{\"seed\":\"a\x7f\xc2\x9b\xc3\xa4\"}",
		"line 1: seed is \"a???\xc3\xa4\", where a whole number from 0 to "
		"9223372036854775807 belongs");
	refused("{\"color\":1}",
		"line 1: the profile has no member \"color\"; there are description, endpoints, "
		"connections, rate, stages, arrival, max_in_flight, fresh, duration, requests, "
		"timeout, seed, scenarios");
}

static void refuses_wrong_settings(void **state)
{
	static const char *const wrong[][2] = {
		{"\"connections\":0",
			"connections is 0, where a whole number from 1 to 1000000 belongs"},
		{"\"connections\":\"many\"",
			"connections is \"many\", where a whole number from 1 to 1000000 belongs"},
		{"\"connections\":1.5",
			"connections is 1.5, where a whole number from 1 to 1000000 belongs"},
		{"\"requests\":null",
			"requests is null, where a whole number from 1 to "
			"9223372036854775807 belongs"},
		{"\"seed\":-1",
			"seed is -1, where a whole number from 0 to 9223372036854775807 belongs"},
		{"\"duration\":10",
			"duration is 10, where a duration such as \"10s\" or \"500ms\" belongs"},
		{"\"duration\":\"0s\"",
			"duration is \"0s\", where a duration such as \"10s\" or "
			"\"500ms\" belongs"},
		{"\"timeout\":\"5 minutes, or a little more than that\"",
			"timeout is \"5 minutes, or a little more than that\", where a duration "
			"such as \"10s\" or \"500ms\" belongs"},
		{"\"timeout\":\"5 minutes, or a little bit more than that\"",
			"timeout is \"5 minutes, or a little bit more than th..., where a duration "
			"such as \"10s\" or \"500ms\" belongs"},
		{"\"fresh\":1", "fresh is 1, where true or false belongs"},
		{"\"arrival\":\"often\",\"rate\":1",
			"arrival is \"often\", where \"constant\" or \"poisson\" belongs"},
		{"\"rate\":0", "rate is 0, where a rate such as 5000 or \"5000/s\" belongs"},
		{"\"rate\":\"fast\"",
			"rate is \"fast\", where a rate such as 5000 or \"5000/s\" belongs"},
		{"\"rate\":[]", "rate is a list, where a rate such as 5000 or \"5000/s\" belongs"},
		{"\"stages\":{}", "stages is an object, where a list belongs"},
		{"\"stages\":[]", "stages has no stage"},
		{"\"stages\":[\"1/s:1s\",\"1/s\"]",
			"stages[1] is \"1/s\", where a stage such as \"100/s:30s\" belongs"},
		{"\"stages\":[1]", "stages[0] is 1, where a string belongs"},
		{"\"stages\":[\"1/s:inf\",\"1/s:1s\"]",
			"stages[1] stands behind one without an end"},
		{"\"description\":\"a\\u0000b\"", "description has a NUL in it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buffer text = {0}, expected = {0};

		buffer_appendf(&text, "{\"endpoints\":\"http://h\",\n%s," ONE "}", wrong[i][0]);
		buffer_appendf(&expected, "line 2: %s", wrong[i][1]);
		refused(buffer_text(&text), buffer_text(&expected));
		buffer_fini(&text);
		buffer_fini(&expected);
	}
}

static void refuses_settings_that_do_not_fit_together(void **state)
{
	(void)state;
	refused("{\"rate\":1,\"stages\":[\"1/s:1s\"]," ONE "}",
		"line 1: rate cannot stand beside \"stages\", which have rates of their own");
	refused("{\"rate\":1,\n\"connections\":1," ONE "}",
		"line 2: connections is for a run without \"rate\" and \"stages\" (beside them "
		"\"max_in_flight\" is the bound)");
	refused("{\"duration\":\"1s\",\"stages\":[\"1/s:1s\"]," ONE "}",
		"line 1: duration cannot stand beside \"stages\", which have durations of their "
		"own");
	refused("{\"max_in_flight\":1," ONE "}",
		"line 1: max_in_flight needs \"rate\" or \"stages\" (without them "
		"\"connections\" is the bound)");
	refused("{\"arrival\":\"constant\"," ONE "}",
		"line 1: arrival needs \"rate\" or \"stages\"");
}

static void refuses_wrong_endpoints(void **state)
{
	(void)state;
	refused("{" ONE "}",
		"line 1: scenarios[0] lacks \"endpoints\", and there are none for "
		"all (give URLs here or there)");
	refused("{\"endpoints\":7," ONE "}",
		"line 1: endpoints is 7, where a URL or a list of them belongs");
	refused("{\"endpoints\":[]," ONE "}", "line 1: endpoints is empty, where URLs belong");
	refused("{\"endpoints\":[\"http://h\",\n7]," ONE "}",
		"line 2: endpoints[1] is 7, where a string belongs");
	refused("{\"endpoints\":[\"http://h\",\"ftp://h\"]," ONE "}",
		"line 1: endpoints[1] does not begin with http://, https://, ws:// or wss://");
	refused("{\"endpoints\":[\"http://h\",\n\"ws://h\"]," ONE "}",
		"line 2: scenarios[0].endpoints is a WebSocket, to which HTTP requests cannot go");
	scenario_refused("\"kind\":\"http\",\"endpoints\":[\"http://h\",\n\"ws://h\"]",
		"line 4: scenarios[0].endpoints[1] is a WebSocket, to which HTTP requests cannot "
		"go");
}

static void refuses_too_many(void **state)
{
	struct buffer text = {0};

	(void)state;
	buffer_append_text(&text, "{\"endpoints\":[");
	for (int i = 0; i < 65; i++) {
		buffer_appendf(&text, "%s\"http://h%d\"", i ? "," : "", i);
	}
	buffer_append_text(&text, "]," ONE "}");
	refused(buffer_text(&text), "line 1: endpoints[64] is one more than the 64 there may be");
	text.length = 0;
	buffer_append_text(&text, "{\"endpoints\":\"http://h\",\"scenarios\":[");
	for (int i = 0; i < 33; i++) {
		buffer_appendf(&text, "%s\n{\"name\":\"%d\",\"kind\":\"http\"}", i ? "," : "", i);
	}
	buffer_append_text(&text, "]}");
	refused(buffer_text(&text), "line 34: scenarios[32] is one more than the 32 there may be");
	buffer_fini(&text);
}

static void refuses_wrong_names_and_kinds(void **state)
{
	(void)state;
	scenario_refused("\"weight\":1",
		"line 3: scenarios[0] lacks \"kind\", one of \"http\", "
		"\"websocket\", \"jsonrpc\", \"evm-transfer\"");
	scenario_refused("\"kind\":\"htpp\"",
		"line 3: scenarios[0].kind is \"htpp\", where one of "
		"\"http\", \"websocket\", \"jsonrpc\", \"evm-transfer\" belongs");
	refused("{\"endpoints\":\"http://h\",\"scenarios\":[{\"kind\":\"http\"}]}",
		"line 1: scenarios[0] lacks \"name\", a string");
	refused("{\"endpoints\":\"http://h\",\"scenarios\":[{\"kind\":\"http\",\"name\":\"\"}]}",
		"line 1: scenarios[0].name is empty, where a name of up to 64 bytes belongs");
	refused("{\"endpoints\":\"http://h\",\"scenarios\":[{\"kind\":\"http\",\"name\":"
		"\"a\\nb\"}]}",
		"line 1: scenarios[0].name has a control character in it");
	refused("{\"endpoints\":\"http://h\",\"scenarios\":[{\"kind\":\"http\",\"name\":\"a\"},\n"
		"{\"kind\":\"http\",\"name\":\"a\"}]}",
		"line 2: scenarios[1].name is that of scenarios[0], too");
}

static void refuses_wrong_scenarios(void **state)
{
	static const char *const wrong[][2] = {
		{"\"weigth\":1", " has no member \"weigth\" (did you mean \"weight\"?)"},
		{"\"message\":\"x\"",
			" has no member \"message\"; there are name, kind, "
			"description, weight, endpoints, method, target, headers, "
			"body, key, sizes, sticky"},
		{"\"weight\":0", ".weight is 0, where a number above 0 belongs"},
		{"\"weight\":1e999", ".weight is 1e999, where a number above 0 belongs"},
		{"\"method\":\"G T\"", ".method is no word of HTTP such as GET or POST"},
		{"\"target\":\"x\"", ".target does not begin with a slash"},
		{"\"target\":\"/${kee}\"",
			".target has ${kee}, which is no place (did you mean ${key}?)"},
		{"\"headers\":[]", ".headers is a list, where an object belongs"},
		{"\"headers\":{\"A\":1}", ".headers has a field whose value is no string"},
		{"\"headers\":{\"A:\":\"b\"}", ".headers has a field with a colon in its name"},
		{"\"headers\":{\"A\":\"b\\u0000\"}", ".headers has a field with a NUL in it"},
		{"\"headers\":{\"A\":\"b\",\"C\":\"d\\r\\ne\"}",
			".headers.C has a control character in it"},
		{"\"headers\":{\"A\":\"b\",\"TE\":\"d\"}",
			".headers.TE is one that curfew sets by itself"},
		{"\"body\":{}", ".body is an object, where a string belongs"},
		{"\"body\":\"${hex}\"", ".body has ${hex} without its digits: ${hex:40} has 40"},
		{"\"sticky\":true", ".key is missing: it is used, in ${key} or for stickiness"},
		{"\"key\":{\"count\":0}",
			".key.count is 0, where a whole number from 1 to 9007199254740992 "
			"belongs"},
		{"\"key\":{}", ".key lacks \"count\", a whole number from 1 to 9007199254740992"},
		{"\"key\":{\"count\":1,\"exponent\":1}",
			".key has an exponent without \"distribution\": \"zipf\""},
		{"\"key\":{\"count\":1,\"distribution\":\"normal\"}",
			".key.distribution is \"normal\", where \"uniform\" or \"zipf\" belongs"},
		{"\"key\":{\"count\":1}",
			".key is used nowhere: there is no ${key}, and the scenario is not "
			"sticky"},
		{"\"sizes\":\"65M\"",
			".sizes is \"65M\", where a size such as 4096 or \"64k\", "
			"up to 64M, or a list of {\"bytes\": \"64k\", \"weight\": "
			"1} belongs"},
		{"\"sizes\":[]", ".sizes has no size"},
		{"\"sizes\":[{\"bytes\":1}]", ".sizes[0] lacks \"weight\", a number above 0"},
		{"\"sizes\":[{\"bytes\":-1,\"weight\":1}]",
			".sizes[0].bytes is -1, where a size such as 4096 or \"64k\", up to 64M "
			"belongs"},
		{"\"sizes\":1,\"body\":\"x\"", ".sizes are used nowhere: there is no ${fill}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buffer members = {0}, expected = {0};

		buffer_appendf(&members, "\"kind\":\"http\",\n%s", wrong[i][0]);
		buffer_appendf(&expected, "line %d: scenarios[0]%s",
			strstr(wrong[i][1], "is missing") || strstr(wrong[i][1], " lacks ") ? 3 : 4,
			wrong[i][1]);
		if (strstr(wrong[i][1], "key lacks") || strstr(wrong[i][1], "] lacks")) {
			expected.data[5] = '4';
		}
		scenario_refused(buffer_text(&members), buffer_text(&expected));
		buffer_fini(&members);
		buffer_fini(&expected);
	}
}

static void refuses_wrong_calls_and_messages(void **state)
{
	(void)state;
	scenario_refused("\"kind\":\"jsonrpc\"", "line 3: scenarios[0] lacks \"method\", a string");
	scenario_refused("\"kind\":\"jsonrpc\",\"method\":\"m\",\n\"params\":7",
		"line 4: scenarios[0].params is neither an array nor an object");
	scenario_refused("\"kind\":\"jsonrpc\",\"method\":\"m\",\n\"params\":[\"x${#key}\"]",
		"line 4: scenarios[0].params has a ${#key} that is not all of a string's value "
		"(without # it may stand anywhere)");
	scenario_refused("\"kind\":\"websocket\",\"message\":\"x\"",
		"line 3: scenarios[0].endpoints is no WebSocket (ws:// or wss://), to which "
		"messages could go");
	scenario_refused("\"kind\":\"websocket\",\"endpoints\":\"ws://h\"",
		"line 3: scenarios[0].message is missing: the message");
	scenario_refused("\"kind\":\"websocket\",\"endpoints\":\"ws://h\",\n\"message\":1",
		"line 4: scenarios[0].message is 1, where a string belongs");
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
		cmocka_unit_test(keeps_to_urls_of_the_command_line),
		cmocka_unit_test(refuses_what_is_no_profile),
		cmocka_unit_test(refuses_wrong_settings),
		cmocka_unit_test(refuses_settings_that_do_not_fit_together),
		cmocka_unit_test(refuses_wrong_endpoints),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(refuses_wrong_names_and_kinds),
		cmocka_unit_test(refuses_wrong_scenarios),
		cmocka_unit_test(refuses_wrong_calls_and_messages),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(tells_when_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
