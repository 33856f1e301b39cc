/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to requests without a body: their framing, and what the connection is for afterwards. */
#include "http/server.h"

#include "http/server_script.h"

#define GET_1_0 "GET /a HTTP/1.0\r\n"
#define CHUNKED "HTTP/1.1 200 OK\nX: y\nTransfer-Encoding: chunked\n"
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Each test of one request: what it is, how it is answered, what the client gets. */
struct row {
	const char *request;
	void (*answer)(struct http_connection *connection);
	const char *response;
	const char *heard;
};

static void answer_refusal(struct http_connection *connection)
{
	http_answer_error(connection, 503, "not now");
}

static void answer_fields(struct http_connection *connection)
{
	http_answer_whole(connection, 201, "text/plain", "made", "Location: /b\r\nX: y\r\n");
}

static void answer_nothing(struct http_connection *connection)
{
	http_answer_whole(connection, 204, NULL, NULL, NULL);
}

static void answer_unmodified(struct http_connection *connection)
{
	http_answer_whole(connection, 304, NULL, NULL, "ETag: \"a\"\r\n");
}

static void answer_empty(struct http_connection *connection)
{
	http_answer_whole(connection, 404, NULL, NULL, NULL);
}

static void answer_unnamed(struct http_connection *connection)
{
	http_answer_whole(connection, 299, NULL, NULL, NULL);
}

static void answer_chunked(struct http_connection *connection)
{
	http_compose_field(http_answer(connection, 200), "X", "y");
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
	http_answer_write(connection, "", 0); /* would be the last chunk */
	http_answer_write(connection, " world, this is more", 20);
	assert_int_equal(connection->body_sent, connection->is_head ? 0 : 25);
	http_answer_end(connection, NULL);
}

static void answer_in_pieces(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 7, false);
	http_answer_write(connection, "abc", 3);
	http_answer_write(connection, "", 0);
	http_answer_write(connection, "defg", 4);
	http_answer_end(connection, NULL);
}

/* The head of a response that would have a body, of which the length is not known. */
static void answer_head_alone(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_none(connection, false);
	http_answer_end(connection, NULL);
}

static void answer_short(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 7, false);
	http_answer_write(connection, "abc", 3);
	http_answer_end(connection, NULL);
}

static void answer_interim(struct http_connection *connection)
{
	http_compose_field(http_answer_interim(connection, 103), "Link", "</a>");
	http_answer_interim_end(connection);
	(void)http_answer_interim(connection, 102);
	http_answer_interim_end(connection);
	answer_ok(connection);
}

/* One that comes too late is passed over. */
static void answer_interim_late(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 2, false);
	http_compose_field(http_answer_interim(connection, 103), "Link", "</a>");
	http_answer_interim_end(connection);
	http_answer_write(connection, "ok", 2);
	http_answer_end(connection, NULL);
	assert_int_equal(worker->dropped.length, 0);
}

/* Of an answer that was begun nothing is left when it is taken back. */
static void answer_anew(struct http_connection *connection)
{
	assert_false(http_answer_take_back(connection)); /* there is none */
	http_compose_field(http_answer(connection, 200), "X", "y");
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
	assert_true(http_answer_take_back(connection));
	assert_int_equal(connection->status, 0);
	assert_int_equal(connection->body_sent, 0);
	http_answer_error(connection, 502, "no");
}

static void answer_close(struct http_connection *connection)
{
	assert_int_equal(connection->answer, HTTP_ANSWER_NONE);
	http_answer_abort(connection);
}

static void answer_abort(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
	http_answer_abort(connection);
	http_answer_abort(connection); /* which is over */
}

#define HEARD(name, over) "request " name "\nend\nover " over "\n"

static const struct row rows[] = {
	{GET("/a"), answer_ok, OK, HEARD("GET /a", "200")},
	{GET("http://a/b"), answer_ok, OK, HEARD("GET /b", "200")},
	{GET("/0123456789012345678901234567890123456789012345"), answer_ok, OK,
		HEARD("GET /012345678901234567890123456789012345678901", "200")},
	{"MKCALENDAR /a HTTP/1.1\r\nHost: a\r\n\r\n", answer_ok, OK, HEARD("MKCALENDAR /a", "200")},
	{GET("/a"), answer_fields,
		"HTTP/1.1 201 Created\nContent-Type: text/plain\nLocation: /b\nX: y\n"
		"Content-Length: 4\n\nmade",
		HEARD("GET /a", "201")},
	{GET("/a"), answer_nothing, "HTTP/1.1 204 No Content\n\n", HEARD("GET /a", "204")},
	{GET("/a"), answer_unmodified, "HTTP/1.1 304 Not Modified\nETag: \"a\"\n\n",
		HEARD("GET /a", "304")},
	{GET("/a"), answer_empty, "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n",
		HEARD("GET /a", "404")},
	{GET("/a"), answer_unnamed, "HTTP/1.1 299 \nContent-Length: 0\n\n", HEARD("GET /a", "299")},
	{GET("/a"), answer_refusal,
		"HTTP/1.1 503 Service Unavailable\nContent-Type: text/plain; charset=utf-8\n"
		"Retry-After: 1\nContent-Length: 8\n\nnot now\n",
		HEARD("GET /a", "503")},
	{GET("/a"), answer_chunked, CHUNKED "\n5\nhello\n14\n world, this is more\n0\n\n",
		HEARD("GET /a", "200")},
	{GET("/a"), answer_in_pieces, "HTTP/1.1 200 OK\nContent-Length: 7\n\nabcdefg",
		HEARD("GET /a", "200")},
	{GET("/a"), answer_interim,
		"HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 102 Processing\n\n" OK,
		HEARD("GET /a", "200")},
	{GET("/a"), answer_interim_late, OK, HEARD("GET /a", "200")},
	{GET("/a"), answer_anew,
		"HTTP/1.1 502 Bad Gateway\nContent-Type: text/plain; charset=utf-8\n"
		"Content-Length: 3\n\nno\n",
		HEARD("GET /a", "502")},
	/* HEAD has the same head, and no body. */
	{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", answer_ok, "HTTP/1.1 200 OK\nContent-Length: 2\n\n",
		HEARD("HEAD /a", "200")},
	{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", answer_chunked, CHUNKED "\n",
		HEARD("HEAD /a", "200")},
	{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", answer_head_alone, "HTTP/1.1 200 OK\n\n",
		HEARD("HEAD /a", "200")},
	{"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", answer_short,
		"HTTP/1.1 200 OK\nContent-Length: 7\n\n", HEARD("HEAD /a", "200")},
	{"HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", answer_ok,
		"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: keep-alive\n\n",
		HEARD("HEAD /a", "200")},
	/* HTTP/1.0: closed unless it asks for more. An answer without a length was taken back. */
	{GET_1_0 "Connection: keep-alive\r\n\r\n", answer_anew,
		"HTTP/1.1 502 Bad Gateway\nContent-Type: text/plain; charset=utf-8\n"
		"Content-Length: 3\nConnection: keep-alive\n\nno\n",
		HEARD("GET /a", "502")},
	{GET_1_0 "Connection: keep-alive\r\n\r\n", answer_ok,
		"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: keep-alive\n\nok",
		HEARD("GET /a", "200")},
};

/* The same, on connections that end then. */
static const struct row last_rows[] = {
	{GET_1_0 "\r\n", answer_ok, OK_CLOSE "<end>", HEARD("GET /a", "200")},
	{GET_1_0 "\r\n", answer_interim, OK_CLOSE "<end>", HEARD("GET /a", "200")},
	{GET_1_0 "\r\n", answer_chunked,
		"HTTP/1.1 200 OK\nX: y\nConnection: close\n\nhello world, this is more<end>",
		HEARD("GET /a", "200")},
	{GET_1_0 "Connection: keep-alive\r\n\r\n", answer_chunked,
		"HTTP/1.1 200 OK\nX: y\nConnection: close\n\nhello world, this is more<end>",
		HEARD("GET /a", "200")},
	{"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answer_ok, OK_CLOSE "<end>",
		HEARD("GET /a", "200")},
	{"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answer_nothing,
		"HTTP/1.1 204 No Content\nConnection: close\n\n<end>", HEARD("GET /a", "204")},
	{GET("/a"), answer_close, "<end>", HEARD("GET /a", "0 not whole")},
	{GET("/a"), answer_abort, "<reset>", HEARD("GET /a", "200 not whole")},
	{GET("/a"), answer_short, "<reset>", HEARD("GET /a", "200 not whole")},
	{GET_1_0 "\r\n", answer_abort, "<reset>", HEARD("GET /a", "200 not whole")},
};

static void each_answer_in_its_framing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		serve();
		script.on_end = rows[i].answer;
		say(rows[i].request);
		expect(rows[i].response);
		expect_heard(rows[i].heard);
		script.on_end = NULL;
		say(GET("/next")); /* the connection is for the next one */
		expect(OK);
		expect_heard(HEARD("GET /next", "200"));
		assert_int_equal(script.dates, 1);
		served();
	}
}

static void the_last_answer_ends_the_connection(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(last_rows); i++) {
		serve();
		script.on_end = last_rows[i].answer;
		say(last_rows[i].request);
		expect(last_rows[i].response);
		expect_heard(last_rows[i].heard);
		served();
	}
}

/* However slowly a request comes, and whenever it is answered. */
static void bytes_may_come_one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		serve();
		script.on_end = rows[i].answer;
		for (const char *at = rows[i].request; *at; at++) {
			send_bytes(at, 1);
			settle();
		}
		expect(rows[i].response);
		expect_heard(rows[i].heard);
		served();
	}
}

static void answer_dated(struct http_connection *connection)
{
	http_compose_field(http_answer(connection, 200), "Date", "Sun, 06 Nov 1994 08:49:37 GMT");
	http_answer_length(connection, 0, true);
	http_answer_end(connection, NULL);
}

static void assert_fresh(struct http_connection *connection)
{
	assert_int_equal(connection->status, 0);
	assert_int_equal(connection->body_sent, 0);
	assert_int_equal(connection->answer, HTTP_ANSWER_NONE);
	assert_true(connection->received);
	assert_in_range(connection->began, curfew_now() - 60 * NS_PER_S, curfew_now());
}

static void a_date_of_the_handler_is_the_only_one(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_dated;
	say(GET("/a"));
	read_until("\r\n\r\n");
	assert_non_null(strstr(buffer_text(&got), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
	expect("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
	assert_int_equal(script.dates, 1);
	served();
}

/* An answer needs neither the end of the request's callbacks nor a callback at all. */
static void answers_may_come_later(void **state)
{
	(void)state;
	serve();
	handler.end = NULL;
	say(GET("/a"));
	expect("");
	expect_heard("request GET /a\n");
	assert_int_equal(script.connection->answer, HTTP_ANSWER_NONE);
	(void)http_answer(script.connection, 200);
	assert_int_equal(script.connection->answer, HTTP_ANSWER_HEAD);
	expect("");
	http_answer_length(script.connection, 2, false);
	expect("HTTP/1.1 200 OK\nContent-Length: 2\n\n");
	assert_int_equal(script.connection->answer, HTTP_ANSWER_BODY);
	http_answer_write(script.connection, "o", 1);
	expect("o");
	http_answer_write(script.connection, "k", 1);
	expect("k");
	assert_int_equal(script.open, 1);
	assert_false(http_answer_take_back(script.connection)); /* it has left */
	http_answer_end(script.connection, NULL);
	expect_heard("over 200\n");
	script.on_request = answer_ok; /* there, too */
	say(GET("/b"));
	expect(OK);
	expect_heard("request GET /b\nover 200\n");
	served();
}

/* What is no request is answered, and what else the client sends is dropped. */
static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *bytes, *head, *heard;
	} refused[] = {
		{"\x16\x03\x01", "HTTP/1.1 400 Bad Request\n", "refused 400\n"},
		{"GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\n",
			"refused 505\n"},
		{"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" GET("/b"), "HTTP/1.1 501 Not Implemented\n",
			"refused 501\n"},
		{"GET / HTTP/1.1\r\nHost: a\n", "HTTP/1.1 400 Bad Request\n", "refused 400\n"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(refused); i++) {
		serve();
		say(refused[i].bytes);
		read_until("the request is refused");
		say(GET("/more"));
		client_shut();
		read_to_end();
		assert_int_equal(strncmp(buffer_text(&got), "HTTP/1.1 ", 9), 0);
		assert_non_null(strstr(buffer_text(&got), "\r\nConnection: close\r\n"));
		assert_non_null(strstr(buffer_text(&got), "\n<end>"));
		buffer_append_char(&got, '\0');
		expect_heard(refused[i].heard);
		assert_memory_equal(got.data, refused[i].head, strlen(refused[i].head) - 1);
		served();
	}
}

/* They may be of no use to anybody: nothing must come of what is not said. */
static void handlers_may_leave_out(void **state)
{
	(void)state;
	serve();
	handler.end = NULL;
	handler.body = NULL;
	handler.refused = NULL;
	handler.writable = NULL;
	script.on_request = answer_ok;
	say(GET("/a"));
	expect(OK);
	say("\x16");
	read_to_end();
	expect_heard("request GET /a\nover 200\n");
	served();
}

/* Of one request nothing is left for the next one. */
static void each_request_begins_anew(void **state)
{
	(void)state;
	serve();
	script.on_end = NULL;
	say(GET("/a"));
	expect(OK);
	script.on_end = answer_close;
	script.on_request = assert_fresh;
	say(GET("/b"));
	expect("<end>");
	expect_heard(HEARD("GET /a", "200") HEARD("GET /b", "0 not whole"));
	served();
}

/* One memory serves the heads of all that are not at work at the same time. */
static void idle_connections_keep_no_memory(void **state)
{
	const struct http_head *head;

	(void)state;
	serve();
	handler.end = NULL;
	say(GET("/a"));
	settle();
	head = &script.connection->parser.head;
	assert_null(server.spare.text.data);
	answer_ok(script.connection);
	expect(OK);
	assert_null(head->text.data);
	assert_null(head->fields);
	assert_non_null(server.spare.text.data);
	assert_int_equal(worker->spare_count, 1);
	assert_null(script.connection->stream.queue.data);
	say(GET("/b"));
	settle();
	assert_null(server.spare.text.data);
	answer_ok(script.connection);
	expect(OK);
	served();
	assert_null(server.spare.text.data);
}

static void connections_know_their_client(void **state)
{
	(void)state;
	serve();
	say(GET("/a"));
	expect(OK);
	assert_string_equal(http_peer(script.connection), "127.0.0.1");
	assert_ptr_equal(http_peer(script.connection), http_peer(script.connection));
	served();
	serve_unix();
	say(GET("/a"));
	expect(OK);
	assert_string_equal(http_peer(script.connection), "unix");
	served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(each_answer_in_its_framing),
		worker_test(the_last_answer_ends_the_connection),
		worker_test(bytes_may_come_one_by_one),
		worker_test(a_date_of_the_handler_is_the_only_one),
		worker_test(answers_may_come_later),
		worker_test(what_is_no_request_is_refused),
		worker_test(handlers_may_leave_out),
		worker_test(each_request_begins_anew),
		worker_test(idle_connections_keep_no_memory),
		worker_test(connections_know_their_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
