/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of which no byte was sent, on another connection. */
#include "http/client_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/allocation.h"

#define OK_0 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define HEAD "POST / HTTP/1.1\r\nHost: a\r\n"

static struct http_unsent unsent;
static bool taken_back;
static bool short_of_memory;

static void take_back(struct script *each, const char *event)
{
	if (!strcmp(event, "failed")) {
		allocation_fail(short_of_memory ? 1 : 0);
		taken_back = http_client_take_back(each->client, &unsent);
		assert(allocation_failed() == short_of_memory);
	}
}

/* A client to which nobody listens any more. */
static void begin_with_nobody(void)
{
	script_begin();
	script_close_peer();
	script.act = take_back;
	taken_back = false;
	short_of_memory = false;
}

static void other_begin(void)
{
	script_until("closed\n");
	assert_null(strstr(script_heard(), "sent"));
	assert_true(taken_back);
	script_begin();
	http_client_send_again(script.client, &unsent);
	assert_null(unsent.bytes.data);
}

static void answer_ends(void)
{
	script_say(OK_0);
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	script_over();
}

static void one_that_is_whole(void **state)
{
	(void)state;
	begin_with_nobody();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 5);
	http_client_write(script.client, "hello", 5);
	http_client_end(script.client, NULL);
	other_begin();
	assert_string_equal(script_got(), HEAD "Content-Length: 5\r\n\r\nhello");
	answer_ends();
	begin_with_nobody();
	script_request("HEAD", (struct http_asked){.head = true});
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	other_begin();
	assert_string_equal(script_got(), "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	script_say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_string_equal(script_heard(), "head 200\nend reusable\n");
	script_over();
}

static void one_that_goes_on(void **state)
{
	(void)state;
	begin_with_nobody();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, 7);
	http_client_write(script.client, "hello", 5);
	other_begin();
	http_client_write(script.client, "++", 2);
	http_client_end(script.client, NULL);
	assert_string_equal(script_got(), HEAD "Content-Length: 7\r\n\r\nhello++");
	answer_ends();
	begin_with_nobody();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	http_client_write(script.client, "hello", 5);
	other_begin();
	http_client_write(script.client, "++", 2);
	http_client_end(script.client, NULL);
	assert_string_equal(script_got(),
		HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n++\r\n0\r\n\r\n");
	answer_ends();
}

/* The last chunk was there already: it does not come twice. */
static void one_that_was_ended(void **state)
{
	(void)state;
	begin_with_nobody();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	http_client_end(script.client, NULL);
	other_begin();
	http_client_end(script.client, NULL);
	assert_string_equal(script_got(), HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	answer_ends();
}

/* A large piece is written at once, which fails at once; what follows is written to nobody. */
static void pieces_that_could_not_be_written(void **state)
{
	static char body[2 * STREAM_AT_ONCE];
	size_t length = 3 * sizeof(body);
	const char *got;

	(void)state;
	memset(body, 'b', sizeof(body));
	begin_with_nobody();
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_LENGTH, length + 1);
	for (int i = 0; i < 3; i++) {
		http_client_write(script.client, body, sizeof(body));
	}
	other_begin();
	http_client_write(script.client, "c", 1);
	http_client_end(script.client, NULL);
	got = script_got();
	assert_non_null(strstr(got, "\r\n\r\nb"));
	got = strstr(got, "\r\n\r\n") + 4;
	assert_int_equal(strspn(got, "b"), length);
	assert_string_equal(got + length, "c");
	answer_ends();
}

/* The server has a byte of it: it cannot be taken back. */
static void one_that_was_sent(void **state)
{
	(void)state;
	script_begin();
	script.act = take_back;
	taken_back = true;
	script_get();
	script_close_peer();
	script_until("closed\n");
	assert_non_null(strstr(script_heard(), "failed RESET sent"));
	assert_false(taken_back);
	script_over();
}

/* What is still queued of an earlier request goes down with its connection. */
static void one_behind_another(void **state)
{
	static char body[65536];

	(void)state;
	script_begin();
	script.act = take_back;
	script_request("POST", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_CHUNKED, 0);
	while (http_client_queued(script.client) <= STREAM_QUEUE_HIGH) {
		http_client_write(script.client, body, sizeof(body));
	}
	script_say(OK_0);
	http_client_end(script.client, NULL);
	assert_true(script.client->reusable);
	(void)script_heard();
	script_request("GET", (struct http_asked){0});
	http_client_head_end(script.client, HTTP_FRAMING_NONE, 0);
	shutdown(script.peer, SHUT_WR);
	script_until("closed\n");
	script_close_peer();
	other_begin();
	assert_string_equal(script_got(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	answer_ends();
}

static void one_for_which_there_is_no_memory(void **state)
{
	(void)state;
	begin_with_nobody();
	short_of_memory = true;
	taken_back = true;
	script_get();
	script_until("closed\n");
	assert_false(taken_back);
	assert_null(unsent.bytes.data);
	script_over();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_whole),
		cmocka_unit_test(one_that_goes_on),
		cmocka_unit_test(one_that_was_ended),
		cmocka_unit_test(pieces_that_could_not_be_written),
		cmocka_unit_test(one_that_was_sent),
		cmocka_unit_test(one_behind_another),
		cmocka_unit_test(one_for_which_there_is_no_memory),
	};

	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
