/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a message as ranges of its own bytes, and questions to it. http/parser.h fills it.
 * Names are compared without regard to case, as everywhere in HTTP.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"

#define HTTP_HEAD_MOST 16384    /* bytes, start line and the empty line included */
#define HTTP_TARGET_MOST 8192   /* bytes */
#define HTTP_TRAILERS_MOST 8192 /* bytes */
#define HTTP_FIELDS_MOST 128    /* header and trailer fields */
#define HTTP_OPTIONS_MOST 32    /* what Connection may list */

/* Fields that are looked for in every message. */
#define HTTP_KNOWN_FIELDS(X)                                                                       \
	X(CONNECTION, "Connection")                                                                \
	X(CONTENT_LENGTH, "Content-Length")                                                        \
	X(EXPECT, "Expect")                                                                        \
	X(HOST, "Host")                                                                            \
	X(KEEP_ALIVE, "Keep-Alive")                                                                \
	X(PROXY_CONNECTION, "Proxy-Connection")                                                    \
	X(TE, "TE")                                                                                \
	X(TRANSFER_ENCODING, "Transfer-Encoding")                                                  \
	X(UPGRADE, "Upgrade")

enum http_known_field {
	HTTP_FIELD_OTHER,
#define HTTP_KNOWN_FIELD(name, text) HTTP_FIELD_##name,
	HTTP_KNOWN_FIELDS(HTTP_KNOWN_FIELD)
#undef HTTP_KNOWN_FIELD
		HTTP_KNOWN_FIELD_COUNT
};

struct http_range {
	uint16_t start; /* in the head's text */
	uint16_t length;
};

struct http_text {
	const char *bytes; /* not ended by a NUL */
	size_t length;
};

struct http_field {
	struct http_range name;
	struct http_range value; /* without the white space around it */
	uint8_t known;           /* enum http_known_field */
	bool hop;                /* meant for the next hop only: not to be passed on */
};

/* RFC 9112, 3.2. The authority form is that of CONNECT, which is refused. */
enum http_target_form {
	HTTP_TARGET_ORIGIN,   /* path and query */
	HTTP_TARGET_ABSOLUTE, /* http://authority/path; the authority is that of Host */
	HTTP_TARGET_ASTERISK, /* OPTIONS * */
};

/* RFC 9112, 6.3 */
enum http_framing {
	HTTP_FRAMING_NONE,    /* there is no body */
	HTTP_FRAMING_LENGTH,  /* content_length bytes, more than none */
	HTTP_FRAMING_CHUNKED, /* and perhaps trailers */
	HTTP_FRAMING_CLOSE,   /* a response's body that ends with the connection */
};

struct http_head {
	struct buffer text; /* the bytes of the head, then those of the trailers */
	struct http_field *fields;
	uint16_t count;    /* header fields, in their order */
	uint16_t trailers; /* trailer fields, behind them in the same array */
	uint16_t capacity;

	struct http_range method, target; /* of a request */
	struct http_range authority;      /* of an absolute target */
	struct http_range path;           /* the target's path and query; "" may stand for "/" */
	enum http_target_form form;
	uint16_t status; /* of a response */
	struct http_range reason;

	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	enum http_framing framing;
	bool has_length;         /* Content-Length is there; in answers to HEAD without a body */
	uint64_t content_length; /* what it says */
	bool keep_alive;         /* the sender will take another message on the connection */
	bool upgrade;            /* a change of protocol is asked for, or made (101) */
	bool expects_continue;   /* the body waits for a 100 */
};

/* Forgets the message; keeps a little memory for the next one, and gives back what is more. */
void http_head_clear(struct http_head *head);
void http_head_fini(struct http_head *head);

/*
 * Hands the memory that a cleared head keeps to another one; frees it, if that has some. So one
 * memory can serve heads that are read one after the other, and those that wait need none.
 */
void http_head_hand_over(struct http_head *from, struct http_head *to);

static inline struct http_text http_head_text(const struct http_head *head, struct http_range range)
{
	return (struct http_text){
		head->text.data ? head->text.data + range.start : "",
		range.length,
	};
}

/* Whether a range says this word; method names are compared with regard to case. */
static inline bool http_head_says(
	const struct http_head *head, struct http_range range, const char *word)
{
	struct http_text text = http_head_text(head, range);

	return strlen(word) == text.length && !memcmp(text.bytes, word, text.length);
}

/* Returns the first field of that name behind another one, or behind none; NULL: there is none. */
const struct http_field *http_head_find(
	const struct http_head *head, const char *name, const struct http_field *behind);

/* Whether a field of that name lists this token, among others or alone. */
bool http_head_lists(const struct http_head *head, const char *name, const char *token);

/*
 * Takes the next element off a list (RFC 9110, 5.6.1): without the white space around it, quoted
 * strings whole. Elements that are empty are passed over. False: there is none left.
 */
bool http_list_next(struct http_text *list, struct http_text *element);

static inline bool http_text_equal(struct http_text text, const char *word)
{
	return strlen(word) == text.length && !strncasecmp(text.bytes, word, text.length);
}

/* For the parser: adds a field, its value still empty. NULL: there is no memory. */
struct http_field *http_head_add(struct http_head *head, struct http_range name);

/* Whether a field is for the next hop by its name alone. */
bool http_field_is_hop(const struct http_field *field);

/*
 * For the parser: marks what the next hop alone is meant to see (RFC 9110, 7.6.1): fields that are
 * so by their name, and where named those that Connection lists.
 */
void http_head_mark_hops(struct http_head *head, bool named);

#endif
