/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON-RPC 2.0 message as a range of bytes, and what of it is looked at: which kind it is, its
 * id, its method, the tokens by which others refer to it. Nothing else is read, and what is
 * replaced is spliced, so that all other bytes go through as they came: numbers of any size, the
 * order of names, escapes.
 */
#ifndef MCP_MESSAGE_H
#define MCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "json/reader.h"

enum message_kind {
	MESSAGE_REQUEST,      /* method and id, a string or number */
	MESSAGE_NOTIFICATION, /* method, no id */
	MESSAGE_RESPONSE,     /* id (of any kind, null too), and result or error */
	MESSAGE_BATCH,        /* an array that is not empty; message_next goes through it */
	MESSAGE_INVALID       /* JSON, but none of these */
};

struct message {
	enum message_kind kind;
	const char *text; /* borrowed; no white space around it */
	size_t length;
	/* Values in text; JSON_ABSENT where there is none. */
	struct json_value id;
	struct json_value method;
	struct json_value error;
	struct json_value token;     /* params._meta.progressToken */
	struct json_value progress;  /* params.progressToken */
	struct json_value cancelled; /* params.requestId */
	struct json_value protocol;  /* params.protocolVersion */
	struct json_value era;       /* params._meta["io.modelcontextprotocol/protocolVersion"] */
	struct json_value name;      /* params.name */
	struct json_value uri;       /* params.uri */
};

/*
 * Reads a message. Requests and notifications say jsonrpc "2.0", without which servers pass them
 * over in silence, and repeat none of the names above, of which another reader could take the
 * other. Returns JSON_OK, where kind may be MESSAGE_INVALID; or why it is no JSON, then
 * *offset (NULL: not asked) is where.
 */
enum json_error message_read(
	struct message *message, const char *text, size_t length, size_t *offset);

/*
 * Goes through a batch: begin with a zeroed element; false after the last. Elements of a batch that
 * are batches themselves are MESSAGE_INVALID.
 */
bool message_next(const struct message *batch, struct json_value *element, struct message *message);

/* Whether its method is this one. */
bool message_is(const struct message *message, const char *method);

/*
 * Whether two values, each of its own text, are the same id: same bytes, or strings that say the
 * same.
 */
bool message_same_id(
	const char *text, const struct json_value *id, const char *other, size_t other_length);

#define MESSAGE_CHANGES_MOST 8 /* of a message at once */

/* What takes the place of a value; bytes NULL: it stays. JSON text each. */
struct message_change {
	const struct json_value *value; /* of the message; absent ones are passed over */
	const char *bytes;
	size_t length;
};

/*
 * Appends the message as one line with its newline, some values replaced. Line breaks can stand
 * between the words of a JSON text only; they become spaces.
 */
void message_write_line(struct buffer *out, const struct message *message,
	const struct message_change *changes, size_t count);

/* The same without the newline at the end, for data: of an event. */
void message_write(struct buffer *out, const struct message *message,
	const struct message_change *changes, size_t count);

/* JSON-RPC's own codes, and those of MCP. */
#define MESSAGE_PARSE_ERROR (-32700)
#define MESSAGE_INVALID_REQUEST (-32600)
#define MESSAGE_NO_METHOD (-32601)
#define MESSAGE_BAD_PARAMS (-32602)
#define MESSAGE_INTERNAL_ERROR (-32603)
#define MESSAGE_SERVER_ERROR (-32000)
#define MESSAGE_NO_SESSION (-32001)

/*
 * Appends an error response without a newline. id: JSON text; NULL: it is left out, since strict
 * clients fail on null. text is one sentence.
 */
void message_write_error(
	struct buffer *out, const char *id, size_t id_length, int code, const char *text);

/*
 * Finds the id of a message that is too long to be kept, of which the first and the last bytes are
 * there. Returns MESSAGE_RESPONSE or, where there is a method, MESSAGE_REQUEST, with *id within
 * head or within tail; MESSAGE_INVALID: none was found.
 */
enum message_kind message_find_id(const char *head, size_t head_length, const char *tail,
	size_t tail_length, const char **id, size_t *id_length);

#endif
