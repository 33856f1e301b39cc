/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that speaks MCP on stdio, lines of JSON-RPC each way, and the calls that are in flight at
 * it. Whoever calls has a backend for itself (a session), or shares it (--shared, stateless).
 *
 * Ids: each call gets a number of ours, which the child sees instead of the client's id, and
 * instead of its progress token; what comes back has the client's own bytes again. So ids that
 * clients use twice never collide. Everything else passes as it came.
 *
 * What is sent to the child in a round leaves in one write at its end.
 *
 * Back-pressure: what the child does not read is queued; above BACKEND_QUEUE_HIGH backend_is_full
 * says so, and room() tells when it is not any more. backend_pause stops reading the child, for a
 * client that is slow; it counts, so that each pause needs its resume. What was read before is kept
 * meanwhile, which is a chunk at most, but for the rest of a batch.
 *
 * A backend is a hold on the children stage, by its child. It counts noise_lines, and what came for
 * no call in messages_dropped; calls are counted by their owners, who know whose they are. All in
 * the thread of worker 0.
 */
#ifndef MCP_BACKEND_H
#define MCP_BACKEND_H

#include <curfew/child.h>

#include "base/buffer.h"
#include "base/list.h"
#include "loop/loop.h"
#include "mcp/message.h"
#include "net/worker.h"

#define BACKEND_QUEUE_HIGH 262144 /* bytes */
#define BACKEND_BUCKETS 64
#define BACKEND_NAME 48        /* bytes of its name, the NUL included */
#define CALL_TEXT_MOST 72      /* bytes of id and token together that need no memory of their own */
#define CALL_TEXT_LONGEST 4096 /* that are taken */

struct mcp;
struct backend;
struct call;

struct call_ops {
	/* Its response, with the client's id in it, without a newline: the call is over. */
	void (*answered)(struct call *call, const char *line, size_t length);
	/* A progress notification of its, with the client's token in it. NULL: dropped */
	void (*progress)(struct call *call, const char *line, size_t length);
	/*
	 * It will have no answer, for a reason that is one sentence: the call is over. Its id is
	 * there until this returns.
	 */
	void (*failed)(struct call *call, int code, const char *reason);
};

/* JSON text of the client's. */
struct call_text {
	const char *data;
	size_t length; /* 0: there is none */
};

/* A request that the child has and has not answered; embedded in its owner, and not moved. */
struct call {
	const struct call_ops *ops;
	struct backend *backend; /* NULL: it is over, or was never begun */
	struct curfew_link link;
	uint64_t number;        /* the id that the child knows */
	struct call_text id;    /* the client's */
	struct call_text token; /* its progress token */
	bool cancelled;         /* the child was told */

	/* Private: where id and token are. */
	char *large;
	char small[CALL_TEXT_MOST];
};

struct backend_ops {
	/* A request or notification of the child's own; not progress of a call. */
	void (*message)(struct backend *backend, const struct message *message);
	/* The queue has room again. NULL */
	void (*room)(struct backend *backend);
	/*
	 * The child has ended by itself; what it has said, and the rest of its tree, may still come
	 * and go. NULL
	 */
	void (*left)(struct backend *backend, const char *reason);
	/*
	 * The child is gone, and all of its tree; calls have failed before. The memory is the
	 * owner's again. reason: one sentence, "the server exited with code 1".
	 */
	void (*ended)(struct backend *backend, const char *reason);
};

/* Private: what goes to the child. */
struct backend_input {
	struct buffer queue; /* whole lines, but for the first: */
	size_t start;        /* so much of it was written */
	bool was_full;
	bool broken; /* the child has closed its end */
	struct worker_flush flush;
	struct source source; /* watched while the pipe is full */
};

/* Private: what comes from it. */
struct backend_output {
	struct buffer line; /* what has come of the next one; of one that is too long, its head */
	struct buffer tail; /* the last bytes of such a one */
	size_t length;      /* bytes that have come of it */
	bool is_long;
	struct buffer held; /* read, and not looked at since it was paused */
	struct worker_flush again;
};

struct backend {
	struct mcp *mcp;
	const struct backend_ops *ops;
	struct curfew_child *child;
	struct curfew_link calls[BACKEND_BUCKETS];
	size_t call_count;
	uint64_t next_number;
	bool stopping; /* it was asked to end */
	bool left;     /* it has ended unasked; the rest of its tree may live */
	bool exited;   /* the child is gone; what it has said is still to be taken */
	int pauses;
	struct backend_input input;
	struct backend_output output;
	char name[BACKEND_NAME]; /* for the log and listings */
};

/*
 * Starts mcp->config->command under a keeper, with more variables for its environment
 * ("NAME=value", ends with NULL; NULL: none). name: for listings and the log, such as the
 * session's. Returns 0, or a negative errno; then nothing is left.
 */
int backend_start(struct backend *backend, struct mcp *mcp, const struct backend_ops *ops,
	const char *name, const char *const *environment);

/*
 * Sends a request to the child. call is zeroed but for ops. Returns 0, -EPIPE (it is ending),
 * -EMSGSIZE (its id and token are too long) or -ENOMEM: then the call was not begun.
 */
int backend_call(struct backend *backend, struct call *call, const struct message *message);

/* Tells the child that nobody waits for it (notifications/cancelled); the answer may still come. */
void backend_cancel(struct call *call, const char *reason);

/*
 * The same by the client's own notification, of which message->cancelled becomes the id that the
 * child knows, and the rest goes on as it came.
 */
void backend_cancel_as(struct call *call, const struct message *message);

/*
 * Keeps the id and token of a request that has to wait for its backend_call, which does the same.
 * Returns 0, -EMSGSIZE or -ENOMEM. Then call_forget is owed, if the call is never begun.
 */
int call_keep(struct call *call, const struct message *message);

/*
 * The owner is not interested any more: nothing of it comes back; the child is not told. Also of a
 * call that is over, or was never begun.
 */
void call_forget(struct call *call);

/*
 * Goes through the calls; begin with NULL. To forget them on the way, ask for the next one first.
 */
struct call *backend_next_call(struct backend *backend, struct call *call);

/* Passes a message on, as it is: a notification, or an answer to the child's own request. */
void backend_send(struct backend *backend, const struct message *message);

/* Sends a line of our own, without its newline. */
void backend_send_text(struct backend *backend, const char *text, size_t length);

bool backend_is_full(const struct backend *backend);
void backend_pause(struct backend *backend);
void backend_resume(struct backend *backend);

/*
 * Ends the child by the ladder: end of input, wait, the stop signal, wait, SIGKILL, whole tree.
 * Calls fail at once with the reason; nothing comes from the child any more but ended(). Never
 * calls ended() itself. Again: does nothing.
 */
void backend_stop(struct backend *backend, int code, const char *reason);

#endif
