/* SPDX-License-Identifier: Apache-2.0 */
/* The request of the command line: its places, and what is no request. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/plan.h"
#include "load/template.h"

static char *page[] = {(char *)"http://127.0.0.1:80/a{b}/${number}?${hex:4}=$x{}", NULL};
static char *message_url[] = {(char *)"ws://127.0.0.1:81/", NULL};
static char *both[] = {(char *)"http://127.0.0.1:80/", (char *)"ws://127.0.0.1:81/", NULL};

static struct load_config given(char *const *urls)
{
	return (struct load_config){
		.urls = urls,
		.arrival = (unsigned)LOAD_NOT_GIVEN,
		.duration_ms = LOAD_NOT_GIVEN,
		.timeout_ms = LOAD_NOT_GIVEN,
		.stats_interval_ms = 10000,
		.ramp_every_ms = LOAD_NOT_GIVEN,
	};
}

/* Appends the head and body of a request. */
static void ask(const struct load_config *config, uint64_t number, struct buffer *found)
{
	struct buffer room = {0}, refusal = {0};
	struct load_request request = {.number = number, .room = &room};
	struct load_source *source;
	struct plan plan;

	assert_int_equal(plan_read(&plan, config, &refusal), 0);
	source = plan.kind->new (&plan, NULL, 0);
	assert_non_null(source);
	assert_int_equal(source->ops->next(source, &request), 0);
	buffer_append(found, request.head, request.head_length);
	buffer_append(found, request.body, request.body ? request.body_length : 0);
	source->ops->free(source);
	buffer_fini(&room);
	buffer_fini(&refusal);
	plan_fini(&plan);
}

static void asks(const struct load_config *config, const char *expected)
{
	struct buffer found = {0};

	ask(config, 7, &found);
	assert_string_equal(buffer_text(&found), expected);
	buffer_fini(&found);
}

static void refuses(const struct load_config *config, const char *expected)
{
	struct buffer refusal = {0};
	struct plan plan;

	assert_int_equal(plan_read(&plan, config, &refusal), -EINVAL);
	assert_string_equal(buffer_text(&refusal), expected);
	buffer_fini(&refusal);
	plan_fini(&plan);
}

static void sends_brackets_as_they_are(void **state)
{
	struct load_config config = given(page);

	(void)state;
	config.body = "{\"a\": ${number}} ${";
	config.headers = (struct words){.word = {"A: ${nothing}"}, .count = 1};
	asks(&config,
		"POST /a{b}/${number}?${hex:4}=$x{} HTTP/1.1\r\nHost: 127.0.0.1\r\nA: "
		"${nothing}\r\n{\"a\": ${number}} ${");
}

static void fills_places_where_they_are_asked_for(void **state)
{
	struct load_config config = given(page);
	struct buffer one = {0}, other = {0};

	(void)state;
	config.places = true;
	config.body = "{\"a\": ${number:3}} $${";
	config.headers = (struct words){.word = {"A: ${random:5-5}"}, .count = 1};
	ask(&config, 7, &one);
	assert_memory_equal(buffer_text(&one), "POST /a{b}/7?", 13);
	assert_string_equal(buffer_text(&one) + 17,
		"=$x{} HTTP/1.1\r\nHost: 127.0.0.1\r\nA: 5\r\n{\"a\": 007} ${");
	ask(&config, 7, &other);
	assert_string_equal(buffer_text(&one), buffer_text(&other));
	other.length = 0;
	config.seed = "2";
	ask(&config, 7, &other);
	assert_string_not_equal(buffer_text(&one), buffer_text(&other));
	buffer_fini(&one);
	buffer_fini(&other);
}

static void fills_places_of_messages(void **state)
{
	struct load_config config = given(message_url);

	(void)state;
	config.body = "m${number}";
	asks(&config, "Host: 127.0.0.1:81\r\nm${number}"); /* the handshake has it */
	config.places = true;
	asks(&config, "Host: 127.0.0.1:81\r\nm7");
}

static void refuses_places_that_are_none(void **state)
{
	static char *wrong[] = {(char *)"http://h/${kee}", NULL};
	struct load_config config = given(wrong);

	(void)state;
	config.places = true;
	refuses(&config,
		"--places: the path of a URL has ${kee}, which is no place (did you mean ${key}?)");
	config = given(page);
	config.places = true;
	config.body = "${number";
	refuses(&config, "--body has a ${ without its } ($${ for ${ itself)");
	config.body = "${key}";
	refuses(&config,
		"--places without --profile has no ${key} (use ${random:1000}, or write a "
		"profile)");
	config.body = "${fill}";
	refuses(&config,
		"--places without --profile has no ${fill} (use ${hex:64}, or write a profile)");
	config.body = NULL;
	config.headers = (struct words){.word = {"A: b", "C: ${hex}"}, .count = 2};
	refuses(&config, "--header 'C: ${hex}' has ${hex} without its digits: ${hex:40} has 40");
	config.headers.count = 0;
	config.profile = "x";
	refuses(&config, "--places with --profile (its scenarios say what is sent)");
}

static void refuses_what_no_message_has(void **state)
{
	struct load_config config = given(message_url);

	(void)state;
	refuses(&config, "no message for the WebSocket (--body or --body-file has it)");
	config.body = "x";
	config.method = "PUT";
	refuses(&config, "--method with a WebSocket (what is sent to it are messages: --body)");
}

static void refuses_urls_of_two_kinds(void **state)
{
	struct load_config config = given(both);

	(void)state;
	refuses(&config,
		"'ws://127.0.0.1:81/' is a WebSocket, to which HTTP requests cannot go (the URLs "
		"of a run are of one kind)");
}

static void refuses_a_body_that_is_too_large(void **state)
{
	char path[] = "/tmp/curfew-body-XXXXXX";
	int fd = mkstemp(path);
	struct load_config config = given(page);
	struct buffer expected = {0};

	(void)state;
	assert_true(fd >= 0);
	config.body_file = path;
	assert_int_equal(ftruncate(fd, TEMPLATE_BODY_MOST + 1), 0);
	buffer_appendf(&expected, "--body-file: '%s' is above 64M", path);
	refuses(&config, buffer_text(&expected));
	buffer_fini(&expected);
	assert_int_equal(ftruncate(fd, 0), 0);
	asks(&config, "POST /a{b}/${number}?${hex:4}=$x{} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
	(void)close(fd);
	(void)unlink(path);
}

/* A profile at a path, of one scenario. */
static void write_profile(char *path, const char *members)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "{\"endpoints\":\"%s\",\"scenarios\":[{\"name\":\"a\",%s}]}",
			    strstr(members, "websocket") ? "ws://h" : "http://h/t", members) > 0);
	(void)close(fd);
}

static void gives_its_header_fields_to_scenarios(void **state)
{
	char path[] = "/tmp/curfew-profile-XXXXXX";
	struct load_config config = given(NULL);
	struct buffer expected = {0};

	(void)state;
	write_profile(
		path, "\"kind\":\"http\",\"headers\":{\"authorization\":\"theirs\",\"C\":\"d\"}");
	config.profile = path;
	asks(&config, "GET /t HTTP/1.1\r\nHost: h\r\nauthorization: theirs\r\nC: d\r\n");
	config.headers =
		(struct words){.word = {"Authorization: mine", "X: 1", "X: 2"}, .count = 3};
	asks(&config,
		"GET /t HTTP/1.1\r\nHost: h\r\nAuthorization: mine\r\nX: 1\r\nX: 2\r\nC: d\r\n");
	config.headers.word[1] = "nothing";
	buffer_appendf(&expected,
		"%s: --header 'nothing' is no header field such as \"Accept: text/plain\"", path);
	refuses(&config, buffer_text(&expected));
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "/tmp/curfew-profile-XXXXXX");
	write_profile(path, "\"kind\":\"http\",\"headers\":{\"X\":\"d\",\"C\":\"\\n\"}");
	config.headers.word[1] = "x: 1";
	expected.length = 0;
	buffer_appendf(&expected,
		"%s: line 1: scenarios[0].headers.C has a control character in it", path);
	refuses(&config, buffer_text(&expected));
	(void)unlink(path);
	buffer_fini(&expected);
}

static void refuses_header_fields_that_nothing_takes(void **state)
{
	char path[] = "/tmp/curfew-profile-XXXXXX";
	struct load_config config = given(NULL);

	(void)state;
	write_profile(path, "\"kind\":\"websocket\",\"message\":\"x\"");
	config.profile = path;
	config.headers = (struct words){.word = {"A: b"}, .count = 1};
	asks(&config, "Host: h\r\nA: b\r\nx");
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "/tmp/curfew-profile-XXXXXX");
	write_profile(path, "\"kind\":\"evm-transfer\"");
	config.profile = path;
	config.headers = (struct words){.word = {"A: b"}, .count = 1};
	refuses(&config,
		"--header with --profile, whose scenarios have no header fields (leave it out)");
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_brackets_as_they_are),
		cmocka_unit_test(fills_places_where_they_are_asked_for),
		cmocka_unit_test(fills_places_of_messages),
		cmocka_unit_test(refuses_places_that_are_none),
		cmocka_unit_test(refuses_what_no_message_has),
		cmocka_unit_test(refuses_urls_of_two_kinds),
		cmocka_unit_test(refuses_a_body_that_is_too_large),
		cmocka_unit_test(gives_its_header_fields_to_scenarios),
		cmocka_unit_test(refuses_header_fields_that_nothing_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
