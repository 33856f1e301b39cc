/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are sent ahead: answered in order, one after the other, in bounded memory. */
#include "http/server.h"

#include "http/server_script.h"

#define MANY 600
#define ANSWERS 200
#define LARGE 40000 /* bytes of an answer */

static void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static void answer_path(struct http_connection *connection)
{
	char path[HTTP_NAME];
	struct http_text text =
		http_head_text(&connection->parser.head, connection->parser.head.path);

	(void)snprintf(path, sizeof(path), "%.*s", (int)text.length, text.bytes);
	http_answer_whole(connection, 200, NULL, path, NULL);
}

#define PATH_CLOSE "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\n/b<end>"
#define PATH(length, path) "HTTP/1.1 200 OK\nContent-Length: " length "\n\n" path

static void all_are_answered_in_order(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_path;
	say(GET("/a") "\r\n" GET("/bc")
			GET("/def") "POST /g HTTP/1.1\r\nHost: a\r\nContent-Length: "
				    "4\r\n\r\nbody" GET("/hi"));
	expect(PATH("2", "/a") PATH("3", "/bc") PATH("4", "/def") PATH("2", "/g") PATH("3", "/hi"));
	expect_heard("request GET /a\nend\nover 200\nrequest GET /bc\nend\nover 200\n"
		     "request GET /def\nend\nover 200\nrequest POST /g\nbody body\nend\nover 200\n"
		     "request GET /hi\nend\nover 200\n");
	served();
}

/* Wherever the bytes are cut. */
static void cuts_make_no_difference(void **state)
{
	static const char requests[] = GET("/a") GET("/bc") GET("/def");
	static const char responses[] = PATH("2", "/a") PATH("3", "/bc") PATH("4", "/def");

	(void)state;
	for (size_t cut = 1; cut < sizeof(requests) - 1; cut++) {
		serve();
		script.on_end = answer_path;
		send_bytes(requests, cut);
		settle();
		send_bytes(requests + cut, sizeof(requests) - 1 - cut);
		expect(responses);
		served();
	}
}

/* The next one is not heard of before the one before it is answered. */
static void each_waits_for_the_one_before(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a") GET("/b"));
	expect("");
	expect_heard("request GET /a\nend\n");
	say(GET("/c"));
	expect("");
	expect_heard("");
	answer_path(script.connection);
	expect(PATH("2", "/a"));
	expect_heard("over 200\nrequest GET /b\nend\n");
	(void)http_answer(script.connection, 200);
	http_answer_chunked(script.connection, false);
	expect("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n");
	http_answer_end(script.connection, NULL);
	expect("0\n\n");
	expect_heard("over 200\nrequest GET /c\nend\n");
	answer_path(script.connection);
	expect(PATH("2", "/c"));
	say(GET("/d")); /* it reads again */
	expect("");
	answer_path(script.connection);
	expect(PATH("2", "/d"));
	served();
}

static void the_last_is_the_last(void **state)
{
	(void)state;
	serve();
	say(GET("/a") "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/c"));
	expect(OK OK_CLOSE "<end>");
	expect_heard("request GET /a\nend\nover 200\nrequest GET /b\nend\nover 200\n");
	served();
}

/* What was sent before an end is answered: the end is known before the last answer. */
static void an_end_stands_behind_all(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_later;
	say(GET("/a") GET("/b"));
	client_shut();
	expect("");
	answer_path(script.connection);
	expect(PATH("2", "/a"));
	answer_path(script.connection);
	expect(PATH_CLOSE);
	expect_heard("request GET /a\nend\nover 200\nrequest GET /b\nend\nover 200\n");
	served();
}

static void a_bad_one_does_not_spoil_those_before(void **state)
{
	(void)state;
	serve();
	say(GET("/a") "GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/c"));
	expect(OK "HTTP/1.1 400 Bad Request\nContent-Type: text/plain; charset=utf-8\n"
		  "Content-Length: 50\nConnection: close\n\n"
		  "the request is refused: it has more than one Host\n<end>");
	expect_heard("request GET /a\nend\nover 200\nrefused 400\n");
	served();
}

/* Sends as much as goes. */
static size_t send_ahead(const char *bytes, size_t length, size_t most)
{
	size_t sent = 0;

	while (sent < most) {
		size_t at = sent % length;
		ssize_t n = send(client, bytes + at, length - at, MSG_NOSIGNAL);

		if (n < 0) {
			settle();
			n = send(client, bytes + at, length - at, MSG_NOSIGNAL);
		}
		if (n < 0) {
			break;
		}
		sent += (size_t)n;
	}
	return sent;
}

static void what_is_sent_ahead_waits_in_the_kernel(void **state)
{
	const struct stream *stream;
	size_t sent;

	(void)state;
	serve();
	script.on_end = answer_later;
	sent = send_ahead(GET("/a"), sizeof(GET("/a")) - 1, 64 * MEGABYTE);
	assert_true(sent < 64 * MEGABYTE); /* the kernel takes no more */
	expect_heard("request GET /a\nend\n");
	stream = &script.connection->stream;
	assert_true(stream->unread.length <= WORKER_SCRATCH);
	http_answer_abort(script.connection);
	served();
}

static void answer_large(struct http_connection *connection)
{
	static char body[LARGE];

	memset(body, 'x', sizeof(body));
	(void)http_answer(connection, 200);
	http_answer_length(connection, LARGE, false);
	http_answer_write(connection, body, LARGE);
	http_answer_end(connection, NULL);
}

/* A client that does not read is not asked for more, and gets all when it does. */
static void answers_that_are_not_read_are_bounded(void **state)
{
	size_t length =
		strlen("HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n") + HTTP_DATE_LINE + LARGE;
	size_t received = 0;
	int heard = 0;

	(void)state;
	serve_unix();
	script.on_end = answer_large;
	for (int i = 0; i < ANSWERS; i++) {
		say(GET("/a"));
		settle();
		assert_true(http_queued(script.connection) < STREAM_QUEUE_HIGH + 2 * length);
	}
	for (const char *at = buffer_text(&script.heard); (at = strstr(at, "over")); at++) {
		heard++;
	}
	assert_in_range(heard, 1, ANSWERS / 10);
	while (received < ANSWERS * length) {
		assert_true(client_wait());
		received += got.length;
		buffer_consume(&got, got.length);
	}
	assert_int_equal(received, ANSWERS * length);
	say(GET("/a"));
	while (got.length < length) {
		assert_true(client_wait());
	}
	served();
}

/* In one piece many fit: they are answered at once, and the queue stays bounded all the same. */
static void a_flood_of_requests_is_answered(void **state)
{
	struct buffer requests = {0};
	int count = 0;

	(void)state;
	serve();
	for (int i = 0; i < MANY; i++) {
		buffer_append_text(&requests, GET("/a"));
	}
	send_bytes(requests.data, requests.length);
	while (count < MANY) {
		assert_true(client_wait());
		if (script.connection) {
			assert_true(http_queued(script.connection) < STREAM_QUEUE_HIGH + 1000);
		}
		count = 0;
		for (const char *at = buffer_text(&got); (at = strstr(at, "\r\n\r\nok")); at++) {
			count++;
		}
	}
	buffer_fini(&requests);
	served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(all_are_answered_in_order),
		worker_test(cuts_make_no_difference),
		worker_test(each_waits_for_the_one_before),
		worker_test(the_last_is_the_last),
		worker_test(an_end_stands_behind_all),
		worker_test(a_bad_one_does_not_spoil_those_before),
		worker_test(what_is_sent_ahead_waits_in_the_kernel),
		worker_test(answers_that_are_not_read_are_bounded),
		worker_test(a_flood_of_requests_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
