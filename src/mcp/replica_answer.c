/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back from a request's owner: the head, the body and its end, each written to the
 * client as it comes; or a failure, after which the request is sent once more, if nothing can have
 * come of the first try.
 */
#include "http/compose.h"
#include "mcp/replica_pass.h"

void pass_end_between_events(struct pass *pass)
{
	if (pass->ending && pass->state == PASS_ANSWERING &&
		http_event_stream_between(&pass->events)) {
		http_answer_end(pass->client, NULL); /* it is over */
	}
}

static void owner_head(struct http_client *owner)
{
	static const char *const framing[] = {"Content-Length", NULL};
	struct pass *pass = owner->arg;
	const struct http_head *head = &owner->parser.head;
	struct buffer *out = http_answer(pass->client, head->status);
	bool has_date = http_head_find(head, "Date", NULL);

	pass_enter(pass, PASS_ANSWERING);
	http_event_stream_begin(&pass->events, head);
	http_compose_passed(out, head, head->framing == HTTP_FRAMING_NONE ? NULL : framing);
	switch (head->framing) {
	case HTTP_FRAMING_NONE:
		http_answer_none(pass->client, has_date);
		break;
	case HTTP_FRAMING_LENGTH:
		http_answer_length(pass->client, head->content_length, has_date);
		break;
	default:
		http_answer_chunked(pass->client, has_date);
		break;
	}
	pass_end_between_events(pass);
}

static size_t owner_body(struct http_client *owner, char *bytes, size_t length)
{
	struct pass *pass = owner->arg;

	if (http_queued(pass->client) >= STREAM_QUEUE_HIGH) {
		pass->rests = true;
		return 0;
	}
	http_event_stream_note(&pass->events, bytes, length);
	http_answer_write(pass->client, bytes, length);
	pass_end_between_events(pass);
	return length;
}

static void owner_end(struct http_client *owner)
{
	struct pass *pass = owner->arg;
	struct http_pooled *pooled = pass->owner;

	pass->owner = NULL;
	http_answer_end(pass->client, &owner->parser.head); /* it is over */
	http_pool_give(pooled);
}

static void owner_writable(struct http_client *owner)
{
	pass_send_body(owner->arg);
}

/*
 * Once more: a request of which the owner has no byte, and one that may be made twice (there is no
 * body to it), if a connection that was idle ended without a word.
 */
static bool may_try_again(struct pass *pass)
{
	const struct http_client *owner = &pass->owner->client;

	if (pass->retried || pass->state != PASS_SENT) {
		return false;
	}
	return http_client_take_back(&pass->owner->client, &pass->unsent) ||
		(owner->reused && !owner->answered && !pass->body_length);
}

static void owner_failed(struct http_client *owner, enum http_client_failure failure)
{
	struct pass *pass = owner->arg;

	(void)failure;
	if (!may_try_again(pass)) {
		pass_fail(pass);
		return;
	}
	pass->retried = true;
	pass_enter(pass, PASS_CONNECTING);
	pass_drop_owner(pass, false);
	pass_dial(pass);
}

const struct http_client_handler pass_owner_handler = {
	.head = owner_head,
	.body = owner_body,
	.end = owner_end,
	.writable = owner_writable,
	.failed = owner_failed,
};
