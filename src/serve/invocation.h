/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the function, from the validated request to its last envelope.
 *
 *	QUEUED -> RUNNING -> OVER
 *	    `---------------^
 *
 * Calls wait in one queue, in order, for one of serve->slots slots; the queue is bounded
 * (--queue). A call is a hold on the work stage, "call" by the function's name, so that the end
 * knows it by name and age; where that stage is closed already, on the children's. Its context is
 * a child of serve->context, and is cancelled for
 *
 *	the process's end	at the signal, or --cancel-after it	503, Retry-After
 *	CURFEW_CLIENT_GONE	invocation_leave				nobody
 *	CURFEW_DEADLINE		--request-timeout				504
 *
 * What then comes back as CANCELLED is answered so; what comes back as a result is given to the
 * client all the same. A call that does not come back within INVOCATION_PATIENCE_MS of its
 * deadline is answered then, and keeps its slot until it does. One that does not come back at the
 * work's deadline is answered when it is cut, and counted as forced; its hold stays, so that the
 * lifecycle abandons it, and the process leaves by _exit(2).
 *
 * Each call that begins is counted once more: as done, failed, crashed, stopped, timed out, left or
 * forced, whichever of these was first.
 *
 * All in worker 0's thread; context and token are any thread's.
 */
#ifndef SERVE_INVOCATION_H
#define SERVE_INVOCATION_H

#include <curfew/context.h>
#include <curfew/drain.h>

#include "net/deadline.h"
#include "serve/arguments.h"
#include "serve/envelope.h"
#include "serve/host.h"

#define INVOCATION_PATIENCE_MS 1000
#define INVOCATION_RETRY_AFTER_S 5
#define INVOCATION_STOPPED "plugin shutdown: in-flight work aborted"
#define INVOCATION_TIMED_OUT "[timeout] the request's time is over"
#define INVOCATION_BUSY "[busy] too many calls wait"
#define INVOCATION_NO_MEMORY "[memory] there is no memory for the request"

enum invocation_kind { INVOCATION_CALL, INVOCATION_PRECHECK };

enum invocation_state { INVOCATION_NONE, INVOCATION_QUEUED, INVOCATION_RUNNING, INVOCATION_OVER };

/* How the runner's work ended. */
enum invocation_outcome {
	INVOCATION_DONE, /* the envelope is the answer, a failure of the plugin's own among them */
	INVOCATION_CANCELLED, /* it stopped because its context was cancelled */
	INVOCATION_CRASHED,   /* its process died: 502 with the envelope's text */
};

struct invocation_ops {
	/*
	 * An item of a stream, a whole envelope on one line with its newline. Returns whether more
	 * may come at once; if not, invocation_resume tells when.
	 */
	bool (*item)(struct invocation *invocation, const char *line, size_t length);
	/*
	 * It is answered, exactly once: the envelope says with what status, and retry_after_s (0:
	 * none) for a Retry-After. Behind items: has_line tells whether the envelope is a last line
	 * of its own, or nothing more is to be said. The invocation is not the owner's any more.
	 */
	void (*answered)(struct invocation *invocation, const struct envelope *envelope,
		int retry_after_s, bool has_line);
	/*
	 * The work's deadline is over, and the call is told as forced, by its name: its connection,
	 * which is cut next and brings invocation_cut, need not be (http_told). NULL
	 */
	void (*forced)(struct invocation *invocation);
};

/* On the heap: it may outlive its owner, whom it forgets (invocation_leave, answered). */
struct invocation {
	struct serve *serve;
	struct function *function;
	const struct invocation_ops *ops;
	void *owner;
	enum invocation_kind kind;
	enum invocation_state state;
	struct arguments arguments;
	struct curfew_context *context;
	void *run; /* the runner's */

	/* Private. */
	struct curfew_link link; /* of the queue, or of those that run */
	struct curfew_hold hold;
	struct deadline deadline;
	struct buffer line;   /* an item's */
	struct envelope last; /* what is answered */
	int64_t began;
	uint64_t items;
	bool answered; /* or its client has left: ops hear of nothing any more */
	bool paused;   /* the client takes no more items for now */
	bool overdue;  /* its time is over: the deadline is that of our patience */
	bool told;     /* its runner was, of the cancellation */
	bool cut;
};

/*
 * Begins a call, which takes the arguments over: they are empty then. Returns it; or NULL with the
 * refusal in *refusal and *retry_after_s, the arguments as before: the queue is full, the end's
 * token has fired, or there is no memory (503); or it could not be begun (500). ops and owner hear
 * of nothing before this returns.
 */
struct invocation *invocation_start(struct serve *serve, enum invocation_kind kind,
	struct arguments *arguments, const struct invocation_ops *ops, void *owner,
	struct envelope *refusal, int *retry_after_s);

/* Its client went away: ops hear of nothing any more. A queued call is over. */
void invocation_leave(struct invocation *invocation);

/* The client takes more again. */
void invocation_resume(struct invocation *invocation);

/* The work's deadline is over: it is answered at once (ops->answered). By its connection's cut. */
void invocation_cut(struct invocation *invocation);

/* For runners. An item; resets the envelope. Returns false: wait for runner->resume. */
bool invocation_item(struct invocation *invocation, struct envelope *envelope);

/*
 * For runners. It has ended; the envelope is taken over. The slot is free, the memory may be gone
 * when this returns, and the next of the queue may have begun.
 */
void invocation_end(
	struct invocation *invocation, enum invocation_outcome how, struct envelope *envelope);

/* Makes the lists of serve; before the first call, which needs serve->context too. */
void invocations_init(struct serve *serve);

/*
 * The end's token fires: serve->context is cancelled for what has ended the lifecycle, if it was
 * not yet; what waits is answered 503, and the runner is told of what runs.
 */
void invocations_cancel(struct serve *serve);

#endif
