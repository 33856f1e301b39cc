/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a session starts: with the client's initialize, which is kept until its child may start
 * (--spawn-most at the same time), and then is the first that the child hears. The answer opens the
 * session; without one it ends, and the client is told why.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "mcp/event.h"
#include "mcp/session_state.h"
#include "json/reader.h"

#define INITIALIZE_MOST 65536 /* bytes: as many of them as there may be sessions are kept */
#define VARIABLES_MOST (WORDS_MOST + 1)

bool session_expects_initialize(const struct session *session)
{
	return session->state == SESSION_NEW;
}

/* Who asks, for the log. */
static void note_client(struct session *session, const struct session_call *call)
{
	struct channel *channel = call->post ? &call->post->channel : &session->stream;

	if (channel_is_carried(channel)) {
		(void)snprintf(session->client, sizeof(session->client), "%s",
			http_peer(channel->connection));
	}
}

static const char *why_not(struct session *session, const struct message *message)
{
	if (session->mcp->ending) {
		return "the server is shutting down";
	}
	if (session->mcp->queued_count >= SESSIONS_QUEUED_MOST) {
		return "too many sessions are starting";
	}
	if (message->length > INITIALIZE_MOST) {
		return "the request is too long for an initialize";
	}
	buffer_append(&session->initialize, message->text, message->length);
	return session->initialize.failed ? "there is no memory for the session" : NULL;
}

static void read_initialize(struct session *session, struct message *message)
{
	(void)message_read(message, session->initialize.data, session->initialize.length, NULL);
}

void session_begin(
	struct session *session, struct session_call *call, const struct message *message)
{
	const char *refusal;
	struct message kept;

	call->is_initialize = true;
	refusal = why_not(session, message);
	if (refusal) {
		session_call_refuse(call, message, refusal);
		return;
	}
	read_initialize(session, &kept);
	session_call_wait(call, &kept);
	note_client(session, call);
	session_enter(session, SESSION_QUEUED);
	sessions_start_queued(session->mcp);
}

/* A child of its own. */

static int start_child(struct session *session)
{
	const char *environment[VARIABLES_MOST] = {NULL};
	const char *at = session->environment.data;
	const char *end = at ? at + session->environment.length : NULL;
	struct session_tag tag = session_tag(session);
	int error;

	for (int i = 0; at < end && i < VARIABLES_MOST - 1; i++) {
		environment[i] = at;
		at += strlen(at) + 1;
	}
	error = backend_start(
		&session->own, session->mcp, &session_backend_ops, tag.text, environment);
	if (!error) {
		session->backend = &session->own;
	}
	return error;
}

static void start(struct session *session, struct session_call *call)
{
	struct message message;
	char text[160];
	int error;

	session_enter(session, SESSION_STARTING);
	deadline_set(&session->end, curfew_after_ms(session->mcp->config->start_timeout_ms));
	error = start_child(session);
	if (error < 0) {
		(void)snprintf(
			text, sizeof(text), "the server cannot be started: %s", strerror(-error));
		session_call_fail(call, MESSAGE_INTERNAL_ERROR, text);
		return;
	}
	read_initialize(session, &message);
	(void)session_call_send(call, &message);
	buffer_fini(&session->initialize);
}

/* A request that was not waited for any longer has left its session behind, which is to end. */
static void start_or_end(struct session *session)
{
	struct session_call *call = session_initialize_call(session);

	if (call) {
		start(session, call);
	} else {
		session_end(session, session->doom);
	}
}

void sessions_start_queued(struct mcp *mcp)
{
	if (mcp->shared) {
		shared_start_queued(mcp);
		return;
	}
	while (!list_empty(&mcp->queued) && mcp->starting < mcp->config->spawn_most) {
		start_or_end(container_of(mcp->queued.next, struct session, queued));
	}
}

/* The answer. */

enum { PROTOCOL, ERROR, VALUES };

static const struct json_path paths[VALUES] = {
	[PROTOCOL] = {{"result", "protocolVersion"}},
	[ERROR] = {{"error"}},
};

static void keep_protocol(
	struct session *session, const char *answer, const struct json_value *value)
{
	struct buffer protocol = {0};

	if (value->kind == JSON_STRING) {
		json_string_decode(&protocol, answer, value);
		(void)snprintf(
			session->protocol, sizeof(session->protocol), "%s", buffer_text(&protocol));
		buffer_fini(&protocol);
	}
}

static void tell_open(const struct session *session)
{
	struct session_tag tag = session_tag(session);

	journal_tell(&session->mcp->service.journal, &mcp_events[MCP_SESSION],
		journal_text(tag.text), journal_text(session->client),
		journal_text(session->protocol));
}

void session_initialized(struct session *session, const char *answer, size_t length)
{
	struct json_value values[VALUES];
	struct json_reader reader = {.paths = paths, .values = values, .count = VALUES};

	if (json_read(&reader, answer, length) != JSON_OK || values[ERROR].kind != JSON_ABSENT) {
		session_doom(session, "the server refused to initialize");
		return;
	}
	keep_protocol(session, answer, &values[PROTOCOL]);
	session_enter(session, SESSION_OPEN);
	deadline_set(
		&session->end, clock_add_ms(session->begun, session->mcp->config->session_max_ms));
	tell_open(session);
}
