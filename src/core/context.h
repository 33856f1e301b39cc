/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of curfew/context.h: what the loop builds descriptors and callbacks on. */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include <curfew/context.h>
#include <curfew/link.h>

#include "core/agenda.h"

/* Is told of a cancellation inside it. */
struct context_listener {
	struct curfew_link link;
	/*
	 * Called once, with the tree locked, by the thread that cancels: only to post or to write.
	 */
	void (*cancelled)(struct context_listener *listener);
};

/*
 * Makes a context without a parent whose deadlines, and its descendants', are kept by agenda (NULL:
 * by waiters).
 */
struct curfew_context *context_new_root(struct agenda *agenda, int64_t deadline);

/*
 * Frees such a root before its agenda goes; what refers to the rest of the tree lives on,
 * cancelled.
 */
void context_free_root(struct curfew_context *root);

/*
 * Adds a listener, which is called at once if the context is cancelled already. The caller keeps
 * the token until it has removed the listener.
 */
void context_listen(struct curfew_token *token, struct context_listener *listener);

/* Removes a listener; afterwards it is not being called. */
void context_unlisten(struct curfew_token *token, struct context_listener *listener);

/*
 * The descriptor of a token, made by the loop's token.c and kept here: make() is called once, gives
 * a descriptor or a negative errno; notify(fd) makes it readable; drop(fd) at the end of the token.
 */
struct context_descriptor {
	int (*make)(void);
	void (*notify)(int fd);
	void (*drop)(int fd);
};
int context_descriptor(struct curfew_token *token, const struct context_descriptor *kind);

#endif
