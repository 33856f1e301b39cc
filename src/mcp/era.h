/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stateless era of MCP, as texts: what a request says of itself, in its params and in its
 * header fields, and whether these agree; what a child of the session era is told and asked
 * instead; and what its answers lack. No I/O.
 */
#ifndef MCP_ERA_H
#define MCP_ERA_H

#include <stdbool.h>

#include "http/head.h"
#include "mcp/message.h"

#define ERA_VERSION "2026-07-28"
#define ERA_BEFORE "2025-11-25" /* what children are offered */

#define ERA_META "io.modelcontextprotocol/"

/* Codes of this era. */
#define ERA_HEADER_MISMATCH (-32020)
#define ERA_MISSING_CAPABILITY (-32021)
#define ERA_UNSUPPORTED_VERSION (-32022)

/* What a request may let the server ask for, by result (multi round-trip requests). */
#define ERA_INPUTS(X)                                                                              \
	X(ELICITATION, "elicitation/create", "elicitation")                                        \
	X(SAMPLING, "sampling/createMessage", "sampling")                                          \
	X(ROOTS, "roots/list", "roots")

enum era_input {
#define ERA_INPUT(name, method, capability) ERA_##name,
	ERA_INPUTS(ERA_INPUT)
#undef ERA_INPUT
		ERA_INPUT_KINDS /* none of them */
};

/* Values in a request's text; ABSENT where there is none. */
struct era {
	struct json_value capabilities; /* of its client */
	struct json_value client;       /* its name and version */
	struct json_value log_level;
	struct json_value state;  /* params.requestState */
	struct json_value inputs; /* params.inputResponses */
	bool may_ask[ERA_INPUT_KINDS];
};

/* Whether the head names this version: its body has to be of this era then. */
bool era_is_named(const struct http_head *head);

/*
 * Reads a request. Returns 0; or the status with which it is to be refused, with the body appended
 * to refusal: params that lack what they must have, fields that say something else, a version that
 * we do not speak, a method that this era has not.
 */
unsigned era_read(struct era *era, const struct message *message, const struct http_head *head,
	struct buffer *refusal);

/* Whether its answer may be an input_required result. */
bool era_takes_inputs(const struct message *message);

/* Which kind of input a child's request asks for. */
enum era_input era_input_of(const struct message *message);

/*
 * Appends server/discover, by which a child is asked of which era it is. One of the session era
 * answers an error, or with something else, or not at all.
 */
void era_write_probe(struct buffer *out);

/* Whether a child's answer to that is one of this era. */
bool era_is_introduction(const char *answer, size_t length);

/*
 * Appends initialize for a child that serves this request alone: its client's name and
 * capabilities. era NULL: for anybody.
 */
void era_write_initialize(struct buffer *out, const struct message *message, const struct era *era);

/*
 * Whether a child's answer to initialize is one of the session era. If not, it is an error: then
 * the child may be of this era.
 */
bool era_is_welcome(const char *answer, size_t length);

/* Appends the answer to server/discover, by what a child answered to initialize. */
void era_write_discovery(
	struct buffer *out, const struct message *request, const char *answer, size_t length);

/* Whether a child that answered so would take logging/setLevel. */
bool era_logs(const char *answer, size_t length);

/*
 * Appends a child's answer to a request, as this era has it: of children of the session era the
 * type of the result, and what lists say of their age, are added; a code that is not to be used any
 * more is replaced, and so is the id, since it may be that of the request before (inquiry.h). All
 * else stays, byte for byte. Returns the HTTP status that goes with it.
 */
unsigned era_write_answer(struct buffer *out, const struct message *request, const char *answer,
	size_t length, bool is_of_era);

/* Whether it is a request for a stream that has no end of its own. */
bool era_is_subscription(const struct message *request);

/* Appends the answer to one that we end. */
void era_write_end_of_subscription(struct buffer *out, const struct message *request);

/* Appends a notification of a child of this era: a subscription is named by its request's id. */
void era_write_notification(
	struct buffer *out, const struct message *request, const struct message *notification);

/*
 * Whether a notification of a child's may go to the stream of the request that it serves. logs: the
 * request asked for log messages.
 */
bool era_passes(const struct message *notification, bool logs);

#endif
