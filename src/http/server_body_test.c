/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: taken in pieces, at every cut; bounded; refused in the middle. */
#include "http/server.h"

#include "http/server_script.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define LENGTH(length) "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n"
#define CHUNKED "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TYPE "Content-Type: text/plain; charset=utf-8\n"
#define HEARD "request POST /a\nbody hello world\nend\n"

/* Has what was not taken handed out again, until all of this was heard. */
static void resume_until_heard(const char *heard)
{
	while (script.heard.length < strlen(heard)) {
		settle();
		if (script.open) {
			http_resume(script.connection);
		}
	}
}

static void take_in_pieces(const char *request, size_t cut, size_t takes, const char *heard)
{
	serve();
	script.takes = takes;
	send_bytes(request, cut);
	settle();
	send_bytes(request + cut, strlen(request) - cut);
	resume_until_heard(heard);
	expect(OK OK);
	expect_heard(heard);
	served();
}

static void bodies_are_taken_in_any_pieces(void **state)
{
	static const struct {
		const char *request, *heard;
	} rows[] = {
		{LENGTH("11") "hello world" GET("/b"),
			HEARD "over 200\nrequest GET /b\nend\nover 200\n"},
		{CHUNKED "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n" GET("/b"),
			HEARD "over 200\nrequest GET /b\nend\nover 200\n"},
		{CHUNKED "b\r\nhello world\r\n0\r\nX: y\r\n\r\n" GET("/b"),
			HEARD "trailer X\nover 200\nrequest GET /b\nend\nover 200\n"},
	};
	static const size_t takes[] = {1, 2, 3, 5, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		for (size_t cut = 0; cut < strlen(rows[i].request); cut++) {
			for (size_t take = 0; take < ROWS(takes); take++) {
				take_in_pieces(rows[i].request, cut, takes[take], rows[i].heard);
			}
		}
	}
}

/* Nothing is read for who takes nothing. */
static void what_is_not_taken_waits(void **state)
{
	size_t sent = 0;
	ssize_t n;

	(void)state;
	serve();
	script.takes = 0;
	say(LENGTH("100000000"));
	do {
		static const char bytes[65536];

		n = send(client, bytes, sizeof(bytes), MSG_NOSIGNAL);
		if (n < 0) {
			settle();
			n = send(client, bytes, sizeof(bytes), MSG_NOSIGNAL);
		}
		sent += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	assert_true(sent < 100000000);
	expect_heard("request POST /a\n");
	assert_true(script.connection->stream.unread.length <= WORKER_SCRATCH);
	http_resume(script.connection); /* and still does not */
	expect_heard("");
	http_answer_abort(script.connection);
	expect_heard("over 0 not whole\n");
	served();
}

static void a_body_that_nobody_wants_is_dropped(void **state)
{
	(void)state;
	serve();
	handler.body = NULL;
	say(LENGTH("5") "hello" CHUNKED "5\r\nhello\r\n0\r\n\r\n" GET("/b"));
	expect(OK OK OK);
	expect_heard("request POST /a\nend\nover 200\nrequest POST /a\nend\nover 200\n"
		     "request GET /b\nend\nover 200\n");
	served();
}

/* Bounded by its length before any of it is read, and by its bytes where that is not known. */
static void large_bodies_are_refused(void **state)
{
	static const char too_large[] =
		"HTTP/1.1 413 Content Too Large\n" TYPE "Content-Length: 32\nConnection: close\n\n"
		"the request's body is too large\n<end>";
	static const struct {
		const char *request;
		bool refused;
		const char *heard;
	} rows[] = {
		{LENGTH("10") "0123456789", false,
			"request POST /a\nbody 0123456789\nend\nover 200\n"},
		{CHUNKED "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", false,
			"request POST /a\nbody 0123456789\nend\nover 200\n"},
		{LENGTH("11"), true, "refused 413\n"},
		{LENGTH("11") "hello world", true, "refused 413\n"},
		{CHUNKED "5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n", true,
			"request POST /a\nbody 01234\nover 413 not whole\n"},
		/* Each body by itself. */
		{CHUNKED "6\r\n012345\r\n0\r\n\r\n" CHUNKED "5\r\n01234\r\n0\r\n\r\n", false,
			"request POST /a\nbody 012345\nend\nover 200\n"
			"request POST /a\nbody 01234\nend\nover 200\n"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		serve();
		limits.body_most = 10;
		say(rows[i].request);
		if (rows[i].refused) {
			client_shut();
			expect(too_large);
		}
		expect_heard(rows[i].heard);
		served();
	}
}

static void answer_begun(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
}

#define BEGUN "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n5\nhello\n"

/*
 * What goes wrong in the middle, by whether an answer has begun: then nobody may take it for
 * whole.
 */
static void a_body_may_be_refused_in_the_middle(void **state)
{
	static const struct {
		const char *rest; /* NULL: the client's end */
		const char *answer, *heard;
	} rows[] = {
		{"5\r\nhello\r\nx\r\n",
			"HTTP/1.1 400 Bad Request\n" TYPE "Content-Length: 45\nConnection: "
			"close\n\nthe request is refused: a chunk is malformed\n<end>",
			"body hello\nover 400 not whole\n"},
		{"0\r\nHost: a\r\n\r\n",
			"HTTP/1.1 400 Bad Request\n" TYPE "Content-Length: 60\nConnection: "
			"close\n\nthe request is refused: a trailer field may not stand "
			"there\n<end>",
			"over 400 not whole\n"},
		{NULL,
			"HTTP/1.1 400 Bad Request\n" TYPE "Content-Length: 42\nConnection: "
			"close\n\nthe request is refused: it ends too early\n<end>",
			"over 400 not whole\n"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ROWS(rows); i++) {
		const char *rest = rows[i / 2].rest;
		bool begun = i % 2;

		serve();
		script.on_request = begun ? answer_begun : NULL;
		say(CHUNKED);
		expect(begun ? BEGUN : "");
		expect_heard("request POST /a\n");
		if (rest) {
			say(rest);
			settle();
		}
		if (!begun || !rest) {
			client_shut();
		}
		expect(begun ? "<reset>" : rows[i / 2].answer);
		if (!begun) {
			expect_heard(rows[i / 2].heard);
		} else {
			settle();
			assert_non_null(strstr(buffer_text(&script.heard), "over 200 not whole\n"));
		}
		served();
	}
}

static void answer_unread(struct http_connection *connection)
{
	http_answer_whole(connection, 403, NULL, "no", NULL);
}

#define FORBIDDEN "HTTP/1.1 403 Forbidden\nContent-Length: 2\nConnection: close\n\nno"

/*
 * It ends the connection, since the rest could be taken for a request; but it reaches the client.
 */
static void an_early_answer_survives_the_rest(void **state)
{
	static char rest[MEGABYTE];

	(void)state;
	serve();
	script.on_request = answer_unread;
	say(LENGTH("1048576"));
	expect(FORBIDDEN "<end>");
	expect_heard("request POST /a\nover 403\n");
	send_bytes(rest, 100000);
	settle();
	send_bytes(rest, 100000); /* no reset has come */
	assert_int_equal(script.left, 0);
	client_shut();
	run_until(script.left);
	served();
}

static void refuse_to_answer(struct http_connection *connection)
{
	http_answer_abort(connection);
}

/* Nor does a reset meet a client that still sends where there is no answer at all. */
static void so_does_the_end_of_one_that_gets_none(void **state)
{
	(void)state;
	serve();
	script.on_request = refuse_to_answer;
	say(LENGTH("1048576"));
	expect("<end>");
	expect_heard("request POST /a\nover 0 not whole\n");
	assert_int_equal(script.left, 0);
	say("hello");
	settle();
	say("hello");
	assert_int_equal(script.left, 0);
	client_shut();
	run_until(script.left);
	served();
}

static void answer_at_once_in_body(struct http_connection *connection)
{
	if (connection->state == HTTP_CONNECTION_EXCHANGE) {
		script.on_body = NULL;
		answer_unread(connection);
	}
}

static void an_answer_may_come_within_the_body(void **state)
{
	static const size_t takes[] = {0, 3, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < ROWS(takes); i++) {
		serve();
		script.takes = takes[i];
		script.on_body = answer_at_once_in_body;
		say(LENGTH("20") "hello");
		client_shut();
		expect(FORBIDDEN "<end>");
		served();
	}
}

static void answer_head_early(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 2, false);
}

static void answer_rest(struct http_connection *connection)
{
	http_answer_write(connection, "ok", 2);
	http_answer_end(connection, NULL);
}

/* The head said close, since the request was not whole then. */
static void an_answer_may_begin_before_the_request_ends(void **state)
{
	(void)state;
	serve();
	script.on_request = answer_head_early;
	script.on_end = answer_rest;
	say(LENGTH("5"));
	expect("HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\n");
	say("hello" GET("/b"));
	expect("ok<end>");
	expect_heard("request POST /a\nbody hello\nend\nover 200\n");
	served();
}

static void answer_continue(struct http_connection *connection)
{
	assert_true(connection->parser.head.expects_continue);
	(void)http_answer_interim(connection, 100);
	http_answer_interim_end(connection);
}

static void a_body_may_be_asked_for(void **state)
{
	(void)state;
	serve();
	script.on_request = answer_continue;
	say("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	expect("HTTP/1.1 100 Continue\n\n");
	say("hello");
	expect(OK);
	script.on_request = NULL;
	say(GET("/b"));
	expect(OK);
	served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(bodies_are_taken_in_any_pieces),
		worker_test(what_is_not_taken_waits),
		worker_test(a_body_that_nobody_wants_is_dropped),
		worker_test(large_bodies_are_refused),
		worker_test(a_body_may_be_refused_in_the_middle),
		worker_test(an_early_answer_survives_the_rest),
		worker_test(so_does_the_end_of_one_that_gets_none),
		worker_test(an_answer_may_come_within_the_body),
		worker_test(an_answer_may_begin_before_the_request_ends),
		worker_test(a_body_may_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
