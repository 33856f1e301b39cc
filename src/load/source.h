/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where requests come from: targets on the command line, the scenarios of a profile, transactions
 * for a chain. Each worker has one of its own, and calls it in its thread. The engine (crew) asks
 * for a request when one is due, sends it, and says how it ended; of what a request is it knows
 * nothing else.
 *
 * The same seed and profile give the same requests, whatever the threads and the target do: what
 * the number-th request of the run is depends on seed and number alone (random_init(&random, seed,
 * number)), but for sources with a state of their own (nonces).
 */
#ifndef LOAD_SOURCE_H
#define LOAD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/outcome.h"

#define LOAD_ANSWER_MOST (1 << 20) /* bytes of an answer that are kept; more: MALFORMED */

/*
 * Requests that only open connections (--prewarm) have numbers from here on: no run comes to them,
 * and as ids of JSON-RPC they are exact in every reader.
 */
#define LOAD_WARMING_FROM (UINT64_C(1) << 52)

struct load_request {
	uint64_t number; /* of the run, over all threads, from 0; set by the caller */
	/*
	 * Set by the source. Bytes are borrowed until over(); those that differ from request to
	 * request are composed in `room`, which is the caller's, empty, and kept until then.
	 */
	struct buffer *room;
	uint32_t endpoint; /* index of plan->endpoints: where it goes */
	uint32_t scenario; /* index of plan->scenarios */
	/*
	 * HTTP: request line and header fields, each with its CRLF, without framing fields and the
	 * empty line. WebSocket: header fields of the handshake, Host among them; they are the same
	 * for all requests to an endpoint, and borrowed as long as the source is there.
	 */
	const char *head;
	size_t head_length;
	const char *body; /* or the message, text; NULL: none */
	size_t body_length;
	bool is_head;      /* the method is HEAD: the answer has no body */
	bool keeps_answer; /* the answer's body is for over() */
	void *mark;        /* the source's own */
	/* What one that could not be made is counted as. */
	enum load_outcome unmade;
};

struct load_answer {
	enum load_outcome outcome;
	unsigned status;  /* 0: none */
	const char *body; /* where it was asked for and came whole; else NULL */
	size_t length;
	int64_t sent_ns, ended_ns; /* curfew_now() */
};

#define SOURCE_FAILURE_MOST 500 /* bytes of why one could not prepare, the NUL included */

#define SOURCE_BUSY 1 /* none can be made now: asked again when one is over */
#define SOURCE_END 2  /* there are no more */
#define SOURCE_AWAY 3 /* the target is not there, so that it is over at once: request->unmade */

struct load_source;

struct source_ops {
	/*
	 * Before the clock starts, on the worker: what it needs to know of the target. done() is
	 * called exactly once, never before this returns; failure: NULL, or one sentence. Until
	 * then nothing else is called but stop(). NULL: nothing to prepare.
	 */
	void (*prepare)(struct load_source *source, void (*done)(void *arg, const char *failure),
		void *arg);
	/* Makes the next request. Returns 0, one of SOURCE_..., or -ENOMEM. */
	int (*next)(struct load_source *source, struct load_request *request);
	/*
	 * It is over, in whatever way (exactly once for each that next() made and that was
	 * admitted or dropped: dropped ones have no answer, NULL). Returns what it is counted as,
	 * such as RPC_ERROR for an answer with one. NULL: as it came.
	 */
	enum load_outcome (*over)(struct load_source *source, const struct load_request *request,
		const struct load_answer *answer);
	/*
	 * No more requests are made, and none is in flight: what is still to be known, such as
	 * receipts, within the deadline. done() as above. NULL: nothing.
	 */
	void (*finish)(
		struct load_source *source, int64_t deadline, void (*done)(void *arg), void *arg);
	/*
	 * next() takes long enough for the clock to be read behind it: that it was late is ours,
	 * and no latency of the target.
	 */
	bool takes_long;
	/* Lets go now of what prepare or finish wait for: their done() comes soon, or is called. */
	void (*stop)(struct load_source *source);
	void (*free)(struct load_source *source);
};

/* Embedded in its owner. */
struct load_source {
	const struct source_ops *ops;
};

#endif
