/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request at the endpoint, from its head to the end of its answer. Two steps: begin() looks at
 * the head, and may refuse it before its body comes; serve() has all of it. Whoever answers, or
 * hands the connection on to somebody who will, does so as his last statement: the request may be
 * gone.
 */
#ifndef MCP_REQUEST_H
#define MCP_REQUEST_H

#include "mcp/access.h"
#include "mcp/exchange.h"
#include "mcp/message.h"
#include "mcp/session.h"

#define REQUEST_FIELDS (ACCESS_FIELDS + SESSION_ID_BYTES + 32)

struct request;

/* What can be done at a path by one method. */
struct request_deed {
	const char *method;
	bool takes_body;                        /* it is gathered before serve() */
	bool (*begin)(struct request *request); /* false: it was answered. NULL */
	void (*serve)(struct request *request);
};

#define REQUEST_DEEDS_MOST 3

struct request_path {
	const char *allow; /* for Allow, and for pages */
	bool is_open;      /* no token is asked for */
	struct request_deed deeds[REQUEST_DEEDS_MOST];
};

extern const struct request_path request_streamable; /* --path */
extern const struct request_path request_legacy_stream, request_legacy_messages;

/* Whose a session is, by the id that a request shows. */
enum request_owner { REQUEST_NOBODY, REQUEST_OURS, REQUEST_ELSEWHERE };

struct request {
	struct exchange exchange; /* connection->user */
	struct mcp *mcp;
	const struct request_path *path;
	const struct request_deed *deed;
	struct http_text origin;  /* of a page that may read the answer; empty: none */
	struct http_text session; /* the id that it shows; empty: none */
	size_t replica;           /* with how many bytes of a replica's name that begins */
	enum request_owner owner;
	struct session_waiter waiter; /* until the session takes more */
	struct buffer body;
};

static inline struct http_connection *request_connection(struct request *request)
{
	return request->exchange.connection;
}

static inline const struct http_head *request_head(struct request *request)
{
	return &request->exchange.connection->parser.head;
}

/* Returns the value of a field; empty: there is none. */
struct http_text request_field(struct request *request, const char *name);

/*
 * Refuses it: a status, and a JSON-RPC error of a code and one sentence. message: whose id the
 * error has; NULL: it has none.
 */
void request_refuse(struct request *request, unsigned status, int code, const char *text,
	const struct message *message);

/* The same for what is no JSON-RPC: one sentence as plain text. */
void request_refuse_plain(struct request *request, unsigned status, const char *text);

/* Answers in one call: type and body may be NULL. */
void request_answer(struct request *request, unsigned status, const char *type, const char *body);

/*
 * Takes the body out of the request, which may be in flight for long after its message was passed
 * on. To be freed by the caller.
 */
struct buffer request_take_body(struct request *request);

/* Writes the fields for the head of an answer: for pages, and of a session (NULL: without). */
const char *request_fields(
	struct request *request, const struct session *session, char text[REQUEST_FIELDS]);

/* Whether it is JSON and its answer may be; if not, it was refused. */
bool request_checks_content(struct request *request);
bool request_checks_accept(struct request *request, bool takes_json);

/*
 * Finds out whose the session is that a request shows; that which shows none is nobody's. Returns
 * whether to go on: one that is unknown was refused.
 */
bool request_finds_owner(struct request *request, struct http_text id, bool is_legacy);

/*
 * The session, if it is ours. NULL: the request was passed on, or refused, since the session has
 * ended meanwhile.
 */
struct session *request_session(struct request *request, bool is_legacy);

/* Reads the body as a message. Returns false if it was refused. */
bool request_reads_message(struct request *request, struct message *message);

/*
 * Opens a session with what --header-env takes from the head. NULL: it was refused. message: whose
 * id the error has; NULL: none.
 */
struct session *request_opens_session(
	struct request *request, bool is_legacy, const struct message *message);

#endif
