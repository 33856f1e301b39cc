/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, methods, and what is refused before a call begins. */
#include "serve/endpoint_script.h"

#define GET_OF(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n"

static void each_route_answers(void **state)
{
	(void)state;
	ask(GET_OF("/schema"), "", NULL);
	expect("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 24\n\n"
	       "{\"inputs\":1,\"outputs\":2}");
	ask(GET_OF("/openapi.json"), "", NULL);
	expect_answer("HTTP/1.1 200 OK\nContent-Type: application/json\n", "\n\n{\"openapi\":3}");
	ask(GET_OF("/id?x=1"), "", NULL);
	expect_answer("HTTP/1.1 200 OK\nContent-Type: application/json\n", "\n\n\"the-id\"");
	ask(GET_OF("/metadata"), "", NULL);
	expect_answer("HTTP/1.1 200 ",
		"\n\n{\"api_version\":\"3\",\"identifier\":\"the-id\",\"capabilities\":[]}");
	ask(GET_OF("/docs"), "", NULL);
	expect_answer("HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\n"
		      "Content-Security-Policy: ",
		"<");
	ask(GET_OF("/"), "", NULL);
	expect("HTTP/1.1 307 Temporary Redirect\nLocation: /docs\nContent-Length: 0\n\n");
	ask(GET_OF("/precheck"), "", NULL);
	expect_answer("HTTP/1.1 200 ",
		"\n\n{\"usage\":[],\"status_code\":200,\"status_code_text\":null}");
	expect_asked("");
}

static void heads_are_answered_without_a_body(void **state)
{
	static const char *const paths[] = {
		"/schema", "/openapi.json", "/id", "/metadata", "/docs", "/precheck"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char head[128];

		(void)snprintf(
			head, sizeof(head), "HEAD %s HTTP/1.1\r\nHost: localhost\r\n", paths[i]);
		ask(head, "", NULL);
		read_until("\r\n\r\n");
		assert_string_equal(strstr(buffer_text(&got), "\r\n\r\n"), "\r\n\r\n");
		expect_answer("HTTP/1.1 200 OK\n", "\nContent-Length: ");
	}
}

static void what_is_not_there_is_404(void **state)
{
	static const char *const paths[] = {"/x", "/invoke/", "/schema/x", "//", "/Invoke"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char head[128];

		(void)snprintf(
			head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n", paths[i]);
		ask(head, "", NULL);
		expect("HTTP/1.1 404 Not Found\nContent-Type: application/json\n"
		       "Content-Length: 22\n\n{\"detail\":\"Not Found\"}");
	}
}

static void other_methods_are_405(void **state)
{
	(void)state;
	ask(GET_OF("/invoke"), "", NULL);
	expect("HTTP/1.1 405 Method Not Allowed\nContent-Type: application/json\nAllow: POST\n"
	       "Content-Length: 31\n\n{\"detail\":\"Method Not Allowed\"}");
	ask("DELETE /schema HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: GET, HEAD\n");
	ask("POST / HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: GET, HEAD\n");
	ask("OPTIONS /invoke HTTP/1.1\r\nHost: localhost\r\n", "", NULL);
	expect_answer("HTTP/1.1 405 ", "\nAllow: POST\n");
}

/* Bodies. */

static void other_types_are_415(void **state)
{
	static const char *const wrong[] = {"", "Content-Type: text/plain\r\n",
		"Content-Type: application/jsonp\r\n", "Content-Type: application/+json\r\n",
		"Content-Type: text/a+json\r\n", "Content-Type: ;application/json\r\n"};
	static const char *const right[] = {JSON_TYPE,
		"Content-Type: Application/JSON ; charset=utf-8\r\n",
		"Content-Type: application/ld+json\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ask(POST, wrong[i], BODY);
		expect_answer("HTTP/1.1 415 ", "\n\n{\"detail\":\"");
		close(client);
		run_until(script.left == 1);
		connect_client();
	}
	expect_asked("");
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		ask(POST, right[i], BODY);
		run_until(call);
		end_call(INVOCATION_DONE, "1");
		expect_answer("HTTP/1.1 200 ", "\"output\":1");
	}
}

static void without_a_body_no_type_is_asked_for(void **state)
{
	(void)state;
	ask(POST, "", NULL);
	expect_answer("HTTP/1.1 422 ", "\n\n{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\"");
	ask(POST, "", "");
	expect_answer("HTTP/1.1 422 ", "\"missing\"");
}

static void long_bodies_are_413(void **state)
{
	char body[1026];

	(void)state;
	memset(body, ' ', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	ask(POST, JSON_TYPE, body);
	expect_answer("HTTP/1.1 413 ", "\n\n{\"detail\":\"");
	expect_asked("");
}

static void long_bodies_in_pieces_are_413(void **state)
{
	char body[1200];

	(void)state;
	(void)snprintf(body, sizeof(body), "400\r\n%01024d\r\n1\r\n0\r\n0\r\n\r\n", 0);
	ask(POST, JSON_TYPE "Transfer-Encoding: chunked\r\n", NULL);
	say(body);
	expect_answer("HTTP/1.1 413 ", "--max-body");
	expect_asked("");
}

static void the_longest_body_is_taken(void **state)
{
	char body[1025];

	(void)state;
	memset(body, ' ', sizeof(body));
	memcpy(body, BODY, strlen(BODY));
	body[sizeof(body) - 1] = '\0';
	ask(POST, JSON_TYPE, body);
	run_until(call);
	expect_asked("begin " BODY "\n");
}

static void who_waits_for_100_gets_it(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE "Expect: 100-continue\r\nContent-Length: 13\r\n", NULL);
	expect_answer("HTTP/1.1 100 Continue\n", "");
	say(BODY);
	run_until(call);
	end_call(INVOCATION_DONE, NULL);
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, JSON_TYPE "Expect: 100-continue\r\nContent-Length: 1025\r\n", NULL);
	expect_answer("HTTP/1.1 413 ", "");
}

static void what_is_no_json_is_400(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE, "{\"path\":}");
	expect_answer(
		"HTTP/1.1 400 Bad Request\nContent-Type: application/json\n", "\n\n{\"detail\":\"");
	expect_asked("");
}

static void what_does_not_fit_is_422(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE, "{\"path\":1}");
	expect_answer("HTTP/1.1 422 Unprocessable Content\nContent-Type: application/json\n",
		"\n\n{\"detail\":[{\"type\":\"string_type\",\"loc\":[\"body\",\"path\"],");
	expect_asked("");
}

static void bodies_are_not_gathered_without_end(void **state)
{
	(void)state;
	host.gathered = SERVE_BODIES_MOST - strlen(BODY);
	begin_call();
	end_call(INVOCATION_DONE, "1");
	expect_answer("HTTP/1.1 200 ", "");
	ask(POST, JSON_TYPE, BODY " ");
	expect_answer("HTTP/1.1 503 ", "\nRetry-After: 5\n");
	host.gathered -= SERVE_BODIES_MOST - strlen(BODY);
}

static void what_runs_is_gathered_still(void **state)
{
	(void)state;
	begin_call();
	assert_int_equal(host.gathered, strlen(BODY));
	end_call(INVOCATION_DONE, "1");
	expect_answer("HTTP/1.1 200 ", "");
	assert_int_equal(host.gathered, 0);
}

static void a_body_that_does_not_come_is_given_up(void **state)
{
	(void)state;
	ask(POST, JSON_TYPE "Content-Length: 13\r\n", NULL);
	say("{\"pa");
	run_until(host.gathered == 4);
	client_reset();
	run_until(script.left == 1);
	assert_int_equal(host.gathered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		endpoint_test(each_route_answers),
		endpoint_test(heads_are_answered_without_a_body),
		endpoint_test(what_is_not_there_is_404),
		endpoint_test(other_methods_are_405),
		endpoint_test(other_types_are_415),
		endpoint_test(without_a_body_no_type_is_asked_for),
		endpoint_test(long_bodies_are_413),
		endpoint_test(long_bodies_in_pieces_are_413),
		endpoint_test(the_longest_body_is_taken),
		endpoint_test(who_waits_for_100_gets_it),
		endpoint_test(what_is_no_json_is_400),
		endpoint_test(what_does_not_fit_is_422),
		endpoint_test(bodies_are_not_gathered_without_end),
		endpoint_test(what_runs_is_gathered_still),
		endpoint_test(a_body_that_does_not_come_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
