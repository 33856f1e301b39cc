/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the child that all sessions share says by itself: nobody knows whose it is, so that it goes
 * to all of them. Nobody can answer for all of them: its requests are refused here.
 */
#include "base/list.h"
#include "mcp/session_state.h"

static void refuse_request(struct backend *backend, const struct message *message)
{
	const char *id = message->text + message->id.start;
	struct buffer text = {0};

	if (message_is(message, "ping")) {
		buffer_append_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
		buffer_append(&text, id, message->id.length);
		buffer_append_text(&text, ",\"result\":{}}");
	} else {
		message_write_error(&text, id, message->id.length, MESSAGE_NO_METHOD,
			"many clients share this server, and none can be asked");
	}
	if (!text.failed) {
		backend_send_text(backend, text.data, text.length);
	}
	buffer_fini(&text);
}

/* What clients have to know who are not listening now. */
static bool is_of_consequence(const struct message *message)
{
	static const char *const methods[] = {"notifications/tools/list_changed",
		"notifications/prompts/list_changed", "notifications/resources/list_changed",
		"notifications/resources/updated"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (message_is(message, methods[i])) {
			return true;
		}
	}
	return false;
}

static void send_to_all(struct mcp *mcp, const struct message *message)
{
	bool is_kept = is_of_consequence(message);

	for (int i = 0; i < MCP_SESSION_BUCKETS; i++) {
		list_each(link, &mcp->sessions[i]) {
			struct session *session = container_of(link, struct session, link);

			if (session->state == SESSION_OPEN &&
				(is_kept || channel_is_carried(&session->stream))) {
				session_send_message(session, &session->stream, message);
			}
		}
	}
}

void shared_take(struct mcp *mcp, struct backend *backend, const struct message *message)
{
	if (message->kind == MESSAGE_REQUEST) {
		refuse_request(backend, message);
	} else if (!message_is(message, "notifications/cancelled")) {
		send_to_all(mcp, message);
	}
}
