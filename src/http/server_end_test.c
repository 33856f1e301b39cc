/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that have sent all, or are gone, in each state; and what happens where there is no
 * memory, or no connection to be made of a socket.
 */
#include "http/server.h"

#include <sys/stat.h>

#include "http/server_script.h"
#include "tests/allocation.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define POST "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
#define TYPE "Content-Type: text/plain; charset=utf-8\n"
#define TRUNCATED                                                                                  \
	"HTTP/1.1 400 Bad Request\n" TYPE "Content-Length: 42\nConnection: close\n\n"              \
	"the request is refused: it ends too early\n"

static void answer_later(struct http_connection *connection)
{
	(void)connection;
}

static void answer_begun(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_length(connection, 2, false);
	http_answer_write(connection, "o", 1);
}

#define BEGUN "HTTP/1.1 200 OK\nContent-Length: 2\n\no"
#define BEGUN_CLOSE "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\no"

/* What the client says before its end, and what it and the handler hear of it then. */
static const struct {
	const char *says;
	void (*on_request)(struct http_connection *connection);
	void (*on_end)(struct http_connection *connection);
	const char *first, *then, *heard, *gone;
} rows[] = {
	{"", NULL, NULL, "", "<end>", "", ""},
	{"\r\n", NULL, NULL, "", "<end>", "", ""},
	{GET("/a"), NULL, NULL, OK, "<end>", "request GET /a\nend\nover 200\n",
		"request GET /a\nend\nover 200\n"},
	{"GET / HT", NULL, NULL, "", TRUNCATED "<end>", "refused 400\n", ""},
	{GET("/a"), NULL, answer_later, "", NULL, "request GET /a\nend\n",
		"request GET /a\nend\nover 0 not whole\n"},
	{GET("/a"), NULL, answer_begun, BEGUN, NULL, "request GET /a\nend\n",
		"request GET /a\nend\nover 200 not whole\n"},
	{POST "hello", NULL, NULL, "", TRUNCATED "<end>",
		"request POST /a\nbody hello\nover 400 not whole\n",
		"request POST /a\nbody hello\nover 0 not whole\n"},
	{POST "hello", answer_begun, NULL, BEGUN_CLOSE, "<reset>",
		"request POST /a\nbody hello\nover 200 not whole\n",
		"request POST /a\nbody hello\nover 200 not whole\n"},
};

static void clients_may_have_sent_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		serve();
		script.on_request = rows[i].on_request;
		script.on_end = rows[i].on_end;
		say(rows[i].says);
		expect(rows[i].first);
		client_shut();
		expect(rows[i].then ? rows[i].then : "");
		expect_heard(rows[i].heard);
		if (!rows[i].then &&
			!rows[i].first[0]) { /* the answer may still come, and is the last */
			answer_ok(script.connection);
			expect(OK_CLOSE "<end>");
			expect_heard("over 200\n");
		} else if (!rows[i].then) {
			http_answer_write(script.connection, "k", 1);
			http_answer_end(script.connection, NULL);
			expect("k<end>");
			expect_heard("over 200\n");
		}
		served();
	}
}

static void clients_may_be_gone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		serve();
		script.on_request = rows[i].on_request;
		script.on_end = rows[i].on_end;
		say(rows[i].says);
		expect(rows[i].first);
		client_reset();
		run_until(script.left);
		expect_heard(rows[i].gone);
		served();
	}
}

static void answer_endless(struct http_connection *connection)
{
	(void)http_answer(connection, 200);
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
}

/* Its end alone does not say that it is gone: the first write meets a reset, the second fails. */
static void writing_tells_that_it_is_gone(void **state)
{
	(void)state;
	serve();
	script.on_end = answer_endless;
	say(GET("/a"));
	expect("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n");
	close(client);
	client = -1;
	settle();
	while (script.open) {
		http_answer_write(script.connection, "hello", 5);
		settle();
	}
	expect_heard("request GET /a\nend\nover 200 not whole\n");
	served();
}

static void script_half_closed(struct http_connection *connection)
{
	hear("half closed");
	act(script.on_writable, connection);
}

/* The handler may want to know of the end, wherever that comes behind the request. */
static void its_end_is_told(void **state)
{
	static const bool at_once[] = {true, false};

	(void)state;
	for (size_t i = 0; i < ROWS(at_once); i++) {
		serve();
		handler.half_closed = script_half_closed;
		script.on_end = answer_endless;
		say(GET("/a"));
		if (at_once[i]) {
			client_shut();
			expect_heard("request GET /a\nend\nhalf closed\n");
		} else {
			expect_heard("request GET /a\nend\n");
			client_shut();
			expect_heard("half closed\n");
		}
		http_answer_end(script.connection, NULL);
		expect_heard("over 200\n");
		served();
	}
	serve();
	handler.half_closed = script_half_closed;
	script.on_writable = http_answer_abort;
	script.on_end = answer_later;
	say(GET("/a"));
	client_shut();
	expect("<end>");
	expect_heard("request GET /a\nend\nhalf closed\nover 0 not whole\n");
	served();
}

/* While the last answer is on its way. */
static void it_may_be_gone_while_the_last_answer_goes_out(void **state)
{
	(void)state;
	for (int reset = 0; reset < 2; reset++) {
		char *bytes = pattern(16 * MEGABYTE);

		serve();
		script.on_end = answer_later;
		say("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
		settle();
		(void)http_answer(script.connection, 200);
		http_answer_length(script.connection, 16 * MEGABYTE, false);
		http_answer_write(script.connection, bytes, 16 * MEGABYTE);
		http_answer_end(script.connection, NULL);
		expect_heard("request GET /a\nend\nover 200\n");
		assert_int_equal(script.left, 0);
		if (reset) {
			client_reset();
			run_until(script.left);
		} else {
			client_shut();
			read_to_end();
			assert_true(got.length > 16 * MEGABYTE);
		}
		free(bytes);
		served();
	}
}

static bool is_open(int fd)
{
	struct stat info;

	return fstat(fd, &info) == 0;
}

struct noted_filter {
	struct stream_filter filter;
	int freed;
};

static ssize_t read_nothing(struct stream_filter *filter, int fd, void *bytes, size_t length)
{
	(void)filter;
	(void)fd;
	(void)bytes;
	(void)length;
	return -EAGAIN;
}

static void note_free(struct stream_filter *filter)
{
	container_of(filter, struct noted_filter, filter)->freed++;
}

static const struct stream_filter_ops noted_ops = {.read = read_nothing, .free = note_free};

static void what_cannot_be_taken_is_closed(void **state)
{
	int fds[2];

	(void)state;
	for (int filtered = 0; filtered < 2; filtered++) {
		struct noted_filter noted = {.filter.ops = &noted_ops};
		struct stream_filter *filter = filtered ? &noted.filter : NULL;

		serve();
		served();
		tcp_pair(fds);
		allocation_fail(1);
		assert_int_equal(http_server_take(&server, fds[0], filter), -ENOMEM);
		assert_true(allocation_failed());
		assert_false(is_open(fds[0]));
		assert_int_equal(noted.freed, filtered);
		assert_int_equal(script.left, 1);
		close(fds[1]);
	}
}

/* epoll takes no file: it is gone as soon as it has come. */
static void what_cannot_be_watched_is_closed(void **state)
{
	struct noted_filter noted = {.filter.ops = &noted_ops};
	FILE *file = tmpfile();
	int fd = dup(fileno(file));

	(void)state;
	serve();
	served();
	assert_int_equal(http_server_take(&server, fd, &noted.filter), 0);
	assert_int_equal(script.left, 2);
	assert_int_equal(noted.freed, 1);
	assert_false(is_open(fd));
	assert_int_equal(server.connections, 0);
	fclose(file);
}

static void answer_chunked(struct http_connection *connection)
{
	static char bytes[3 * STREAM_AT_ONCE];

	http_compose_field(http_answer(connection, 200), "X", "y");
	http_answer_chunked(connection, false);
	http_answer_write(connection, "hello", 5);
	http_answer_write(connection, bytes, sizeof(bytes));
	http_answer_end(connection, NULL);
}

/* Each allocation fails once: the client gets its answer, or hears that there is none. */
static void lack_of_memory_is_told(void **state)
{
	bool failed = true;

	(void)state;
	for (int n = 1; failed; n++) {
		serve();
		script.on_end = answer_chunked;
		handler.body = NULL; /* the notes of the script would fail as well */
		assert_non_null(buffer_reserve(&script.heard, 1000));
		assert_non_null(buffer_reserve(&got, 200000));
		settle();
		allocation_fail(n);
		say("POST /a HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789\r\n"
		    "Content-Length: 4\r\n\r\nbody" GET("/b"));
		settle();
		failed = allocation_failed();
		client_shut();
		read_to_end();
		if (!failed) {
			expect_heard("request POST /a\nend\nover 200\nrequest GET /b\nend\nover "
				     "200\n");
			assert_true(n > 2);
		}
		served();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		worker_test(clients_may_have_sent_all),
		worker_test(clients_may_be_gone),
		worker_test(writing_tells_that_it_is_gone),
		worker_test(its_end_is_told),
		worker_test(it_may_be_gone_while_the_last_answer_goes_out),
		worker_test(what_cannot_be_taken_is_closed),
		worker_test(what_cannot_be_watched_is_closed),
		worker_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
