/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is served: one function, with its schema, and who runs it. Made at the start, from a plugin
 * in C (library.h) or from a program (describe.h), and the same until the end.
 */
#ifndef SERVE_FUNCTION_H
#define SERVE_FUNCTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "serve/identifier.h"
#include "serve/schema.h"

struct invocation;
struct serve;

/*
 * Who runs calls. All in worker 0's thread. begin may be called as often at a time as there are
 * slots (serve->slots), and each begin is followed by one invocation_end (serve/invocation.h), not
 * before begin has returned.
 */
struct runner_ops {
	/*
	 * A slot is free: runs it, with invocation->arguments, and invocation->context's token.
	 * Returns 0, or a negative errno: it was not begun.
	 */
	int (*begin)(struct invocation *invocation);
	/*
	 * Its context was cancelled: a process is asked to end, a thread sees its token. Once; not
	 * behind cut. It may come inside invocation_item, where it must not end the call. NULL:
	 * nothing to do
	 */
	void (*cancel)(struct invocation *invocation);
	/*
	 * Its client can take more again (invocation_item returned false before). NULL: it has no
	 * items
	 */
	void (*resume)(struct invocation *invocation);
	/*
	 * Let go now: a process is killed. What cannot be killed goes on; its invocation_end may
	 * still come, or never. Once. NULL: nothing to do
	 */
	void (*cut)(struct invocation *invocation);
	/* The end: workers that are kept, threads that are idle. serve->stopping is set. NULL */
	void (*stop)(struct serve *serve);
	/* After the lifecycle is DONE, and nothing was abandoned. */
	void (*fini)(struct serve *serve);
};

struct function {
	char *name;
	char *description; /* NULL */
	char *id;
	struct schema *inputs;
	struct schema *outputs;
	bool streams;
	bool has_precheck;
	const struct runner_ops *runner;
	void *plugin; /* the runner's */

	struct buffer schema;  /* what GET /schema answers */
	struct buffer openapi; /* and GET /openapi.json */
};

void function_fini(struct function *function);

#endif
