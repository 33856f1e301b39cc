/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass is a request on its way to its owner, and the answer on its way back.
 *
 *	CONNECTING -> SENT -> ANSWERING -> OVER
 *	        ^       |
 *	         `------'
 *
 * It gets a connection, an idle one of the pool or a new one, and is sent there (send_request); the
 * body follows as the owner takes it (pass_send_body). The answer's head, body and end are written
 * as they come (replica_answer.c), and its end ends the exchange.
 *
 * What can go wrong. The owner cannot be reached: 404, since its sessions are gone with it, and the
 * client begins anew. It ends the connection: another try if nothing can have come of the first,
 * else 502, or, when the head has left, an answer that breaks off. Its machine dies without a word:
 * TCP finds out. The client goes away (left): the connection to the owner is reset, who sees that
 * the client is gone. The work's deadline (cut): 503, or the end of an event stream between two
 * events.
 *
 * The client's exchange owns the pass: left() is its end, and may come inside each call that
 * answers.
 */
#include "mcp/replica.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "http/compose.h"
#include "mcp/message.h"
#include "mcp/replica_pass.h"
#include "net/keep_alive.h"

#define CONNECT_MS 5000
#define PIECE 65536 /* bytes of a body that are written at once */
#define MARK "Curfew-Replica"

#define TO(state) (1U << PASS_##state)

static const unsigned edges[] = {
	[PASS_CONNECTING] = TO(SENT) | TO(OVER),
	[PASS_SENT] = TO(CONNECTING) | TO(ANSWERING) | TO(OVER),
	[PASS_ANSWERING] = TO(OVER),
	[PASS_OVER] = 0,
};

void pass_enter(struct pass *pass, enum pass_state state)
{
	assert(edges[pass->state] & (1U << state));
	pass->state = state;
}

const char *replica_check(const char *peer_url)
{
	struct address address;
	/* A name that is a number may be good as a port only, others as a host only. */
	const char *wrong = replica_peer_address(peer_url, "a", &address);

	return wrong && replica_peer_address(peer_url, "1", &address) ? wrong : NULL;
}

bool replica_passed_on(const struct http_head *head)
{
	return http_head_find(head, MARK, NULL);
}

/* Answers that are our own. */

static void refuse(struct http_connection *client, const char *fields, unsigned status, int code,
	const char *text)
{
	struct buffer body = {0};
	struct buffer *head;

	message_write_error(&body, NULL, 0, code, text);
	if (body.failed) {
		buffer_fini(&body);
		http_answer_abort(client);
		return;
	}
	head = http_answer(client, status);
	http_compose_field(head, "Content-Type", "application/json");
	buffer_append_text(head, fields);
	if (status == 503) {
		http_compose_field(head, "Retry-After", "1");
	}
	http_answer_length(client, body.length, false);
	http_answer_write(client, body.data, body.length);
	http_answer_end(client, NULL);
	buffer_fini(&body);
}

static void refuse_gone(struct http_connection *client, const char *fields)
{
	refuse(client, fields, 404, MESSAGE_NO_SESSION,
		"Session not found: the replica that had it is gone");
}

/* There was no way to ask the owner, and nothing is known of it. */
static void refuse_unable(struct http_connection *client, const char *fields)
{
	refuse(client, fields, 503, MESSAGE_SERVER_ERROR,
		"the replica that has the session cannot be asked now");
}

/* The owner will not answer, or not to the end. */
void pass_fail(struct pass *pass)
{
	if (pass->client->answer == HTTP_ANSWER_NONE || http_answer_take_back(pass->client)) {
		refuse(pass->client, pass->fields, 502, MESSAGE_SERVER_ERROR,
			"the replica that has the session broke off");
	} else {
		http_answer_abort(pass->client);
	}
}

/* To the owner. */

/* As long as the owner does not take it, it counts among the bodies that there may be. */
static void keep_body(struct pass *pass, struct buffer *body)
{
	pass->body = *body;
	pass->body_length = body->length;
	*body = (struct buffer){0};
	pass->peer->mcp->gathered += pass->body.length;
}

static void drop_body(struct pass *pass)
{
	pass->peer->mcp->gathered -= pass->body.length;
	buffer_fini(&pass->body);
}

void pass_send_body(struct pass *pass)
{
	struct http_client *owner = &pass->owner->client;

	while (pass->body_sent < pass->body_length) {
		size_t left = pass->body_length - pass->body_sent;

		if (http_client_queued(owner) >= STREAM_QUEUE_HIGH) {
			return; /* until writable */
		}
		left = left < PIECE ? left : PIECE;
		http_client_write(owner, pass->body.data + pass->body_sent, left);
		pass->body_sent += left;
	}
	if (!pass->body_ended) {
		pass->body_ended = true;
		drop_body(pass);
		http_client_end(owner, NULL);
	}
}

static void send_head(struct pass *pass, struct http_client *owner)
{
	/* The request is whole: its length is written anew, and nothing is waited for. */
	static const char *const dropped[] = {"Content-Length", "Expect", NULL};
	const struct http_head *head = &pass->client->parser.head;
	const struct http_asked asked = {.head = pass->client->is_head};
	bool has_body = head->has_length || head->framing != HTTP_FRAMING_NONE;
	struct buffer *out = http_client_request(owner, asked);

	http_compose_passed_request(out, head);
	http_compose_passed(out, head, dropped);
	http_compose_field(out, MARK, "1");
	http_compose_field(out, "Via", head->minor ? "1.1 curfew" : "1.0 curfew");
	http_client_head_end(
		owner, has_body ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE, pass->body_length);
}

static void send_request(struct pass *pass, struct http_pooled *owner)
{
	pass->owner = owner;
	pass_enter(pass, PASS_SENT);
	if (pass->unsent.bytes.length) {
		http_client_send_again(&owner->client, &pass->unsent);
	} else {
		send_head(pass, &owner->client);
	}
	pass_send_body(pass);
}

/* Whether an error is ours, or the name server's, and says nothing about the owner. */
static bool is_our_own(int error)
{
	switch (error) {
	case -EAGAIN:
	case -ENOMEM:
	case -ENOBUFS:
	case -EMFILE:
	case -ENFILE:
	case -EADDRNOTAVAIL:
		return true;
	default:
		return false;
	}
}

static void refuse_unreached(struct pass *pass, int error)
{
	if (is_our_own(error)) {
		refuse_unable(pass->client, pass->fields);
	} else {
		refuse_gone(pass->client, pass->fields);
	}
}

static void dialled(void *arg, int fd, int error)
{
	struct pass *pass = arg;
	struct http_pooled *owner;

	pass->dial = NULL;
	if (error < 0) {
		refuse_unreached(pass, error);
		return;
	}
	keep_alive_socket(fd); /* while it thinks, nothing else would tell that it died */
	owner = http_pool_add(&pass->peer->pool, fd, &pass_owner_handler, pass);
	if (owner) {
		send_request(pass, owner);
	} else {
		refuse_unreached(pass, -errno);
	}
}

void pass_dial(struct pass *pass)
{
	struct http_pool *pool = &pass->peer->pool;

	pass->dial =
		dial_start(&pool->target, pool->worker, curfew_after_ms(CONNECT_MS), dialled, pass);
	if (!pass->dial) {
		refuse_unreached(pass, -errno);
	}
}

static void connect_owner(struct pass *pass)
{
	struct http_pooled *idle = http_pool_take(&pass->peer->pool);

	if (!idle) {
		pass_dial(pass);
		return;
	}
	idle->client.handler = &pass_owner_handler;
	idle->client.arg = pass;
	send_request(pass, idle);
}

/* From the client. */

void pass_drop_owner(struct pass *pass, bool reset)
{
	struct http_pooled *owner = pass->owner;

	pass->owner = NULL;
	if (owner) {
		http_pool_discard(owner, reset);
	}
}

static struct pass *pass_of(struct carrier *carrier)
{
	return container_of(carrier, struct pass, carrier);
}

static void writable(struct carrier *carrier)
{
	struct pass *pass = pass_of(carrier);

	if (pass->rests && pass->owner) {
		pass->rests = false;
		http_client_resume(&pass->owner->client);
	}
}

static void left(struct carrier *carrier, bool whole)
{
	struct pass *pass = pass_of(carrier);

	(void)whole;
	pass_enter(pass, PASS_OVER);
	if (pass->dial) {
		dial_cancel(pass->dial);
	}
	pass_drop_owner(pass, true);
	drop_body(pass);
	replica_peer_leave(pass->peer);
	link_remove(&pass->link);
	http_unsent_fini(&pass->unsent);
	free(pass);
}

static void cut(struct carrier *carrier)
{
	struct pass *pass = pass_of(carrier);

	if (pass->client->answer == HTTP_ANSWER_NONE) {
		refuse(pass->client, pass->fields, 503, MESSAGE_SERVER_ERROR,
			"the server is shutting down");
	} else if (http_event_stream_between(&pass->events)) {
		http_answer_end(pass->client, NULL);
	} else {
		http_answer_abort(pass->client);
	}
}

static const struct carrier_ops carrier_ops = {.writable = writable, .left = left, .cut = cut};

static struct pass *pass_new(
	struct replica_peer *peer, struct http_connection *client, const char *fields)
{
	size_t size = strlen(fields) + 1;
	struct pass *pass = calloc(1, sizeof(*pass) + size);

	if (pass) {
		pass->carrier.ops = &carrier_ops;
		pass->client = client;
		pass->peer = peer;
		memcpy(pass->fields, fields, size);
		list_append(&peer->mcp->passes, &pass->link);
		exchange_carry(client, &pass->carrier);
		peer->mcp->counts.passed_on++;
	}
	return pass;
}

/* Returns 0, or a negative errno: then the request is to be answered. */
static int pass_on(struct mcp *mcp, struct http_connection *connection, const char *replica,
	size_t length, struct buffer *body, const char *fields)
{
	struct replica_peer *peer;
	struct pass *pass;

	if (!mcp->config->peer_url || replica_passed_on(&connection->parser.head)) {
		return -EINVAL;
	}
	if (body->failed) {
		return -ENOMEM;
	}
	peer = replica_peer_use(mcp, replica, length);
	if (!peer) {
		return -errno;
	}
	pass = pass_new(peer, connection, fields);
	if (!pass) {
		replica_peer_leave(peer);
		return -ENOMEM;
	}
	keep_body(pass, body);
	connect_owner(pass);
	return 0;
}

void replica_pass_on(struct mcp *mcp, struct http_connection *connection, const char *replica,
	size_t length, struct buffer *body, const char *fields)
{
	int error;

	fields = fields ? fields : "";
	error = pass_on(mcp, connection, replica, length, body, fields);
	buffer_fini(body);
	if (error == -EINVAL) {
		refuse_gone(connection, fields);
	} else if (error < 0) {
		refuse_unable(connection, fields);
	}
}

/* The process. */

void replica_init(struct mcp *mcp)
{
	list_init(&mcp->peers);
	list_init(&mcp->passes);
}

void replica_announce(struct mcp *mcp)
{
	list_each_safe(link, &mcp->passes) {
		struct pass *pass = container_of(link, struct pass, link);
		const struct http_head *head = &pass->client->parser.head;

		pass->ending = http_head_says(head, head->method, "GET");
		pass_end_between_events(pass);
	}
}

void replica_fini(struct mcp *mcp)
{
	if (!mcp->peers.next) {
		return; /* the start was refused before */
	}
	assert(list_empty(&mcp->passes));
	list_each_safe(link, &mcp->peers) {
		replica_peer_free(container_of(link, struct replica_peer, link));
	}
}
