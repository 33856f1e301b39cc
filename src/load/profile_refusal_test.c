/* SPDX-License-Identifier: Apache-2.0 */
#include "load/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curfew/time.h>

#include "load/profile_script.h"

#define ONE "\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\"}]"

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
	refused("{\"sticky\":true}",
		"line 1: the profile has no member \"sticky\", which a scenario of the kind "
		"\"http\" has");
	refused("{\"color\":1}",
		"line 1: the profile has no member \"color\"; there are description, endpoints, "
		"connections, rate, stages, ramp, arrival, max_in_flight, fresh, prewarm, "
		"duration, "
		"requests, timeout, seed, fail_on, expect_restart, scenarios");
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
		"line 2: connections is for a run without \"rate\", \"stages\" and \"ramp\" "
		"(beside them \"max_in_flight\" is the bound)");
	refused("{\"duration\":\"1s\",\"stages\":[\"1/s:1s\"]," ONE "}",
		"line 1: duration cannot stand beside \"stages\", which have durations of their "
		"own");
	refused("{\"max_in_flight\":1," ONE "}",
		"line 1: max_in_flight needs \"rate\", \"stages\" or \"ramp\" (without them "
		"\"connections\" is the bound)");
	refused("{\"arrival\":\"constant\"," ONE "}",
		"line 1: arrival needs \"rate\", \"stages\" or \"ramp\"");
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

/* As long as it may be, and a byte longer. */
static void refuses_names_that_are_too_long(void **state)
{
	static const char begin[] = "{\"endpoints\":\"http://h\",\"scenarios\":[{\"kind\":"
				    "\"http\",\"name\":\"";
	struct buffer text = {0};
	struct profile *profile;

	(void)state;
	for (size_t length = PROFILE_NAME_MOST; length <= PROFILE_NAME_MOST + 1; length++) {
		struct buffer refusal = {0};
		struct plan plan = {.seed = 1};

		text.length = 0;
		buffer_append_text(&text, begin);
		for (size_t i = 0; i < length; i++) {
			buffer_append_char(&text, 'n');
		}
		buffer_append_text(&text, "\"}]}");
		profile = profile_read(text.data, text.length, &refusal);
		assert_non_null(profile);
		assert_int_equal(profile_fill(profile, &plan, &refusal),
			length > PROFILE_NAME_MOST ? -EINVAL : 0);
		plan_end(&plan);
		buffer_fini(&refusal);
		profile_free(profile);
	}
	buffer_fini(&text);
}

static void refuses_kinds_that_stand_alone_beside_others(void **state)
{
	(void)state;
	refused("{\"endpoints\":\"http://h\",\"scenarios\":[{\"name\":\"a\",\"kind\":\"http\"},\n"
		"{\"name\":\"b\",\"kind\":\"evm-transfer\"}]}",
		"line 2: scenarios[1].kind is \"evm-transfer\", which cannot stand beside "
		"scenarios of another kind");
}

static void refuses_wrong_scenarios(void **state)
{
	static const char *const wrong[][2] = {
		{"\"weigth\":1", " has no member \"weigth\" (did you mean \"weight\"?)"},
		{"\"message\":\"x\"",
			" has no member \"message\", which a scenario of the kind \"websocket\" "
			"has"},
		{"\"rate\":5", " has no member \"rate\", which the profile has"},
		{"\"colour\":5",
			" has no member \"colour\"; there are name, kind, description, weight, "
			"endpoints, method, target, headers, body, body_file, key, sizes, places, "
			"sticky"},
		{"\"weight\":0", ".weight is 0, where a number above 0 belongs"},
		{"\"weight\":1e999", ".weight is 1e999, where a number above 0 belongs"},
		{"\"method\":\"G T\"", ".method is no word of HTTP such as GET or POST"},
		{"\"target\":\"x\"", ".target does not begin with a slash"},
		{"\"target\":\"/${kee}\"",
			".target has ${kee}, which is no place (did you mean ${key}?)"},
		{"\"headers\":[]", ".headers is a list, where an object belongs"},
		{"\"headers\":{\"A\":1}", ".headers has a field whose value is no string"},
		{"\"headers\":{\"Ab\":\"1\",\"Abc\":\"2\",\"aB\":\"3\"}",
			".headers has a field whose name comes twice"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_profile),
		cmocka_unit_test(refuses_wrong_settings),
		cmocka_unit_test(refuses_settings_that_do_not_fit_together),
		cmocka_unit_test(refuses_wrong_endpoints),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(refuses_wrong_names_and_kinds),
		cmocka_unit_test(refuses_names_that_are_too_long),
		cmocka_unit_test(refuses_kinds_that_stand_alone_beside_others),
		cmocka_unit_test(refuses_wrong_scenarios),
		cmocka_unit_test(refuses_wrong_calls_and_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
