/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request can end: each ends in exactly one of these ways. The table is the one place that
 * names them; result, summary, metrics and manual derive from it.
 */
#ifndef LOAD_OUTCOME_H
#define LOAD_OUTCOME_H

#include <stdbool.h>

/* X(name, word, has an answer, text for people) */
#define LOAD_OUTCOMES(X)                                                                           \
	X(OK, "ok", true, "answered as hoped: status below 400, a message, a result")              \
	X(CLIENT_ERROR, "4xx", true, "answered with status 4xx")                                   \
	X(SERVER_ERROR, "5xx", true, "answered with status 5xx, unless unavailable")               \
	X(UNAVAILABLE, "unavailable", true, "answered 503 with Retry-After")                       \
	X(RPC_ERROR, "rpc_error", true, "answered with an error of JSON-RPC")                      \
	X(REFUSED, "refused", false, "the connection was refused")                                 \
	X(UNREACHABLE, "unreachable", false, "no connection: no such name, no route, ...")         \
	X(CONNECT_TIMEOUT, "connect_timeout", false, "no connection within the time")              \
	X(TLS, "tls", false, "the TLS handshake or certificate failed")                            \
	X(RESET_UNSENT, "reset_unsent", false,                                                     \
		"the connection ended before a byte of the request left: safe to repeat")          \
	X(RESET_SENT, "reset_sent", false,                                                         \
		"the connection ended after some of it was sent, without an answer: unsafe")       \
	X(CLOSED, "closed", false, "the WebSocket was closed in order before its answer")          \
	X(TRUNCATED, "truncated", false, "the connection ended within the answer")                 \
	X(MALFORMED, "malformed", false, "the answer was not understood")                          \
	X(TIMED_OUT, "timed_out", false, "no whole answer within --timeout")                       \
	X(LOCAL, "local", false, "this machine had no descriptor, port or memory for it")

enum load_outcome {
#define LOAD_OUTCOME(name, word, answered, text) LOAD_##name,
	LOAD_OUTCOMES(LOAD_OUTCOME)
#undef LOAD_OUTCOME
		LOAD_OUTCOME_COUNT
};

/* Static. */
const char *load_outcome_word(enum load_outcome outcome);
const char *load_outcome_text(enum load_outcome outcome);

/* Whether the target has said something: its latency is one of an answer. */
bool load_outcome_answered(enum load_outcome outcome);

/*
 * Whether nobody knows if the request has taken effect: some of it was sent, and no whole answer
 * has come. To repeat it is not safe, unless it is idempotent.
 */
bool load_outcome_unsafe(enum load_outcome outcome);

/* Finds one by its word; LOAD_OUTCOME_COUNT if there is none. */
enum load_outcome load_outcome_find(const char *word, unsigned long length);

/* The outcome of a request that could not be sent: a negative errno, of dialling or of TLS. */
enum load_outcome load_outcome_of_error(int error);

/* The outcome of a final HTTP response. */
enum load_outcome load_outcome_of_status(unsigned status, bool retry_after);

#endif
