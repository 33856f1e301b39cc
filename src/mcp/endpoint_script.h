/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: the endpoint on a worker, before sessions that write down what they are asked; and the
 * client as a bare socket (http/server_script.h).
 */
#ifndef MCP_ENDPOINT_SCRIPT_H
#define MCP_ENDPOINT_SCRIPT_H

#include "http/server_script.h"
#include "mcp/channel.h"
#include "mcp/endpoint.h"
#include "mcp/replica.h"
#include "mcp/request.h"
#include "mcp/session.h"
#include "mcp/stateless.h"

#define POST "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
#define BOTH "Accept: application/json, text/event-stream\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}"
#define TOOL "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\"}"
#define NOTE "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"
#define ERA                                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":"                    \
	"{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}"
#define GET_MCP "GET /mcp HTTP/1.1\r\nHost: localhost\r\n"
#define DELETE_MCP "DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n"
#define EVENTS_TYPE "Accept: text/event-stream\r\n"

static struct mcp_config config;
static struct mcp mcp;
static struct session session; /* the only one */
static struct buffer asked;    /* of the sessions: a line for each */
static enum session_refusal refusal;
static bool is_there, is_full, resumes, answers_at_once;
static struct session_waiter *waiter;

static inline void note_asked(const char *what, const char *bytes, size_t length)
{
	buffer_append_text(&asked, what);
	buffer_append(&asked, bytes, length);
	buffer_append_char(&asked, '\n');
}

/* What the sessions are asked. */

enum session_refusal session_open(
	struct mcp *of, bool is_legacy, const char *const *environment, struct session **opened)
{
	assert_ptr_equal(of, &mcp);
	for (; *environment; environment++) {
		note_asked("with ", *environment, strlen(*environment));
	}
	note_asked(is_legacy ? "open legacy" : "open", "", 0);
	is_there = refusal == SESSION_TAKEN;
	session.is_legacy = is_legacy;
	*opened = &session;
	return refusal;
}

struct session *session_find(struct mcp *of, const char *id, size_t length)
{
	assert_ptr_equal(of, &mcp);
	return is_there && length == strlen(session.id) && !memcmp(id, session.id, length)
		? &session
		: NULL;
}

bool session_expects_initialize(const struct session *of)
{
	return !of->protocol[0];
}

bool session_is_full(struct session *of, struct session_waiter *waits)
{
	assert_ptr_equal(of, &session);
	if (is_full) {
		waiter = waits;
		list_init(&waits->link);
	}
	return is_full;
}

void session_waiter_forget(struct session_waiter *waits)
{
	if (waiter == waits) {
		waiter = NULL;
	}
}

unsigned session_answers(const struct message *message)
{
	return message->kind == MESSAGE_REQUEST || message->kind == MESSAGE_BATCH;
}

static inline void answer_with(struct http_connection *connection, const char *fields)
{
	script.connection = connection;
	if (answers_at_once) {
		http_answer_whole(connection, 200, "application/json", "{}", fields);
	}
}

void session_post(struct session *to, struct http_connection *connection, const char *fields,
	const struct message *message)
{
	assert_ptr_equal(to, &session);
	note_asked(connection ? "post " : "take ", message->text, message->length);
	if (connection) {
		answer_with(connection, fields);
	}
}

void session_listen(struct session *to, struct http_connection *connection, const char *fields)
{
	assert_ptr_equal(to, &session);
	note_asked("listen", "", 0);
	answer_with(connection, fields);
}

bool session_resume(struct session *of, struct http_connection *connection, const char *fields,
	const char *event_id, size_t length)
{
	assert_ptr_equal(of, &session);
	note_asked("resume ", event_id, length);
	if (resumes) {
		answer_with(connection, fields);
	}
	return resumes;
}

void session_end(struct session *of, const char *reason)
{
	assert_ptr_equal(of, &session);
	note_asked("end: ", reason, strlen(reason));
	is_there = false;
}

bool channel_parse_id(const char *id, size_t length, uint64_t *number, uint64_t *sequence)
{
	*number = length ? (uint64_t)(id[0] - '0') : 0;
	*sequence = 1;
	return length == 3 && id[1] == '-';
}

void channel_send_event(struct channel *channel, const char *event, const char *text, size_t length)
{
	assert_ptr_equal(channel, &session.stream);
	note_asked(event, "", 0);
	note_asked("data ", text, length);
}

/* And the others. */

bool stateless_is(const struct message *message, const struct http_head *head)
{
	(void)head;
	return message->era.kind != JSON_ABSENT;
}

void stateless_post(struct mcp *of, struct http_connection *connection,
	const struct message *message, const struct stateless_post *post)
{
	assert_ptr_equal(of, &mcp);
	note_asked("stateless ", message->text, message->length);
	answer_with(connection, post->fields);
}

void stateless_drain(struct mcp *of)
{
	(void)of;
}

void stateless_fini(struct mcp *of)
{
	(void)of;
}

const char *replica_check(const char *peer_url)
{
	(void)peer_url;
	return NULL;
}

bool replica_passed_on(const struct http_head *head)
{
	return http_head_find(head, "Passed-On", NULL);
}

void replica_pass_on(struct mcp *of, struct http_connection *connection, const char *replica,
	size_t length, struct buffer *body, const char *fields)
{
	assert_ptr_equal(of, &mcp);
	note_asked("pass on to ", replica, length);
	note_asked("body ", buffer_text(body), body->length);
	buffer_fini(body);
	answer_with(connection, fields);
}

/* The test's side. */

/* A client, whose answers go to http/server_script.h's. */
static inline void connect_client(void)
{
	int fds[2];

	tcp_pair(fds);
	client = fds[1];
	script.left = 0;
	assert_int_equal(endpoint_take(&mcp, fds[0], NULL), 0);
}

static inline int endpoint_setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	config = (struct mcp_config){.path = "/mcp", .max_message = 1024};
	mcp = (struct mcp){.config = &config, .worker = worker, .replica = "here"};
	mcp.service.config = &config.service;
	asked = got = (struct buffer){0};
	script = (struct script){.left = 0};
	session = (struct session){.mcp = &mcp};
	refusal = SESSION_TAKEN;
	is_there = is_full = resumes = false;
	answers_at_once = true;
	waiter = NULL;
	assert_int_equal(session_key_load(&mcp.key, NULL, &asked), 0);
	assert_int_equal(session_id_mint(session.id, &mcp.key, "here"), 0);
	endpoint_init(&mcp);
	mcp.server.left = script_left;
	connect_client();
	return 0;
}

static inline int endpoint_teardown(void **state)
{
	(void)state;
	if (client >= 0) {
		close(client);
	}
	run_until(script.left == 1);
	assert_int_equal(mcp.server.connections, 0);
	assert_null(waiter);
	assert_int_equal(mcp.requests.begun, mcp.requests.ended);
	assert_int_equal(mcp.gathered, 0);
	session_key_fini(&mcp.key);
	endpoint_fini(&mcp);
	buffer_fini(&asked);
	buffer_fini(&got);
	return workers_end() ? 0 : -1;
}

#define endpoint_test(test) cmocka_unit_test_setup_teardown(test, endpoint_setup, endpoint_teardown)

/* Sends a request: what its head begins with, whole lines of its fields, and a body or NULL. */
static inline void ask(const char *head, const char *fields, const char *body)
{
	struct buffer text = {0};

	buffer_append_text(&text, head);
	buffer_append_text(&text, fields);
	if (body) {
		buffer_appendf(&text, "Content-Length: %zu\r\n", strlen(body));
	}
	buffer_appendf(&text, "\r\n%s", body ? body : "");
	send_bytes(text.data, text.length);
	buffer_fini(&text);
}

/* Waits for an answer that begins so, and has this in it; what has come is forgotten. */
static inline void expect_answer(const char *status, const char *part)
{
	struct buffer text = {0};
	bool more = true;

	while (more && !strstr(buffer_text(&got), "\r\n\r\n")) {
		more = client_wait();
	}
	settle();
	if (more) {
		(void)client_read();
	}
	readable(&got, &text);
	if (strncmp(buffer_text(&text), status, strlen(status)) != 0 ||
		!strstr(buffer_text(&text), part)) {
		fail_msg("not '%s' with '%s': %s", status, part, buffer_text(&text));
	}
	buffer_fini(&text);
	buffer_consume(&got, got.length);
}

static inline void expect_asked(const char *expected)
{
	assert_string_equal(buffer_text(&asked), expected);
	buffer_consume(&asked, asked.length);
}

/* "Mcp-Session-Id: ...\r\n" and more fields. */
static inline const char *with_session(const char *fields)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "%sMcp-Session-Id: %s\r\n", fields, session.id);
	is_there = true;
	return text;
}

#endif
