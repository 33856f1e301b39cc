/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of contexts shares one lock, so that a cancellation is seen by all descendants before it
 * returns. Checking a token takes no lock: the flag is a futex word, set after the cause was
 * written.
 *
 * A context leaves its tree when it is cancelled: nothing above can change it any more. Its memory
 * stays as long as the owner or a token refers to it, and the tree as long as a context is in it.
 */
#include "core/context.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/cause.h"

struct tree {
	pthread_mutex_t lock;
	atomic_uint refs; /* one for each context that was made in it */
	struct agenda *agenda;
	unsigned stopping; /* threads that use the agenda with the tree unlocked */
	pthread_cond_t stopped;
};

struct curfew_token {
	atomic_uint cancelled; /* futex word: 0 or 1 */
	atomic_uint refs;
	int64_t deadline;
	struct tree *tree;
	struct curfew_cause cause; /* written before the flag, never after */
	struct curfew_link listeners;
	const struct context_descriptor *descriptor_kind;
	int descriptor; /* -1: none yet */
};

struct curfew_context {
	struct curfew_token token; /* first, so that a token is its context */
	struct curfew_link sibling;
	struct curfew_link children;
	struct curfew_context *parent;
	bool timed; /* the timer was started: the deadline is its own, not its parent's */
	struct timer timer;
};

static long futex(atomic_uint *word, int operation, unsigned value, const struct timespec *until)
{
	return syscall(SYS_futex, word, operation, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static struct tree *tree_new(struct agenda *agenda)
{
	struct tree *tree = malloc(sizeof(*tree));

	if (tree) {
		*tree = (struct tree){.refs = 0, .agenda = agenda};
		pthread_mutex_init(&tree->lock, NULL);
		pthread_cond_init(&tree->stopped, NULL);
	}
	return tree;
}

static void tree_unref(struct tree *tree)
{
	if (atomic_fetch_sub(&tree->refs, 1) == 1) {
		pthread_cond_destroy(&tree->stopped);
		pthread_mutex_destroy(&tree->lock);
		free(tree);
	}
}

static void deadline_passed(struct timer *timer)
{
	struct curfew_context *context = container_of(timer, struct curfew_context, timer);

	curfew_context_cancel_for(context, CURFEW_DEADLINE, NULL);
}

static struct curfew_context *context_new(struct tree *tree, int64_t deadline)
{
	struct curfew_context *context = calloc(1, sizeof(*context));

	if (!context) {
		return NULL;
	}
	context->token.tree = tree;
	context->token.deadline = deadline;
	context->token.descriptor = -1;
	context->timer.fired = deadline_passed;
	atomic_init(&context->token.refs, 1);
	list_init(&context->token.listeners);
	list_init(&context->children);
	atomic_fetch_add(&tree->refs, 1);
	return context;
}

/* Has the agenda, if there is one, keep the deadline. */
static void start_timer(struct curfew_context *context)
{
	const struct tree *tree = context->token.tree;

	if (tree->agenda && context->token.deadline != CURFEW_NEVER) {
		context->timed = true;
		agenda_start(tree->agenda, &context->timer, context->token.deadline);
	}
}

struct curfew_context *context_new_root(struct agenda *agenda, int64_t deadline)
{
	struct tree *tree = tree_new(agenda);
	struct curfew_context *context;

	if (!tree) {
		return NULL;
	}
	context = context_new(tree, deadline);
	if (!context) {
		atomic_store(&tree->refs, 1);
		tree_unref(tree);
		return NULL;
	}
	start_timer(context);
	return context;
}

/* Marks one context; the tree is locked. Listeners are told, waiters woken, the tree left. */
static void mark(struct curfew_context *context, const struct curfew_cause *cause)
{
	struct curfew_token *token = &context->token;
	struct curfew_link *link;

	token->cause = *cause;
	atomic_store_explicit(&token->cancelled, 1, memory_order_release);
	(void)futex(&token->cancelled, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL);
	if (token->descriptor >= 0) {
		token->descriptor_kind->notify(token->descriptor);
	}
	while ((link = list_take(&token->listeners))) {
		struct context_listener *listener =
			container_of(link, struct context_listener, link);

		listener->cancelled(listener);
	}
	if (context->timed && token->tree->agenda) {
		agenda_forget(token->tree->agenda, &context->timer);
	}
	link_remove(&context->sibling);
	context->parent = NULL;
}

/*
 * Marks a context and all below it, children before their parents: no recursion, for trees may be
 * deep.
 */
static void mark_all(struct curfew_context *top, const struct curfew_cause *cause)
{
	struct curfew_cause inherited = *cause;
	struct curfew_context *context = top;

	inherited.reason = CURFEW_PARENT;
	for (;;) {
		struct curfew_context *parent = context->parent;

		if (!list_empty(&context->children)) {
			context = container_of(
				context->children.next, struct curfew_context, sibling);
			continue;
		}
		if (context == top) {
			mark(top, cause);
			return;
		}
		mark(context, &inherited);
		context = parent;
	}
}

struct curfew_context *curfew_context_new(struct curfew_context *parent, int64_t deadline)
{
	struct curfew_context *context;
	struct tree *tree;

	if (!parent) {
		return context_new_root(NULL, deadline);
	}
	tree = parent->token.tree;
	if (deadline > parent->token.deadline) {
		deadline = parent->token.deadline;
	}
	context = context_new(tree, deadline);
	if (!context) {
		return NULL;
	}
	pthread_mutex_lock(&tree->lock);
	if (curfew_token_cancelled(&parent->token)) {
		struct curfew_cause cause = parent->token.cause;

		cause.reason = CURFEW_PARENT;
		mark(context, &cause);
	} else {
		context->parent = parent;
		list_append(&parent->children, &context->sibling);
		/* A deadline of the parent's comes down from there. */
		if (deadline < parent->token.deadline) {
			start_timer(context);
		}
	}
	pthread_mutex_unlock(&tree->lock);
	return context;
}

void curfew_context_cancel(struct curfew_context *context, const struct curfew_cause *cause)
{
	struct tree *tree = context->token.tree;
	struct curfew_cause copy = *cause;

	assert(cause->reason != CURFEW_NONE && cause->reason != CURFEW_PARENT);
	copy.origin = cause->reason;
	pthread_mutex_lock(&tree->lock);
	if (!curfew_token_cancelled(&context->token)) {
		mark_all(context, &copy);
	}
	pthread_mutex_unlock(&tree->lock);
}

void curfew_context_cancel_for(
	struct curfew_context *context, enum curfew_reason reason, const char *text)
{
	struct curfew_cause cause = cause_make(reason, text);

	curfew_context_cancel(context, &cause);
}

/*
 * Returns when the context's deadline is not being noted any more. That locks the tree, so that it
 * is awaited with the tree unlocked; the agenda stays until nobody does so.
 */
static void stop_timer(struct curfew_context *context)
{
	struct tree *tree = context->token.tree;

	pthread_mutex_lock(&tree->lock);
	if (context->timed && tree->agenda) {
		tree->stopping++;
		pthread_mutex_unlock(&tree->lock);
		agenda_stop(tree->agenda, &context->timer);
		pthread_mutex_lock(&tree->lock);
		tree->stopping--;
		pthread_cond_broadcast(&tree->stopped);
	}
	pthread_mutex_unlock(&tree->lock);
}

void curfew_context_free(struct curfew_context *context)
{
	if (context) {
		curfew_context_cancel_for(context, CURFEW_COMPLETED, NULL);
		stop_timer(context);
		curfew_token_unref(&context->token);
	}
}

void context_free_root(struct curfew_context *root)
{
	struct tree *tree = root->token.tree;

	curfew_context_cancel_for(root, CURFEW_COMPLETED, NULL);
	stop_timer(root);
	pthread_mutex_lock(&tree->lock);
	while (tree->stopping > 0) {
		pthread_cond_wait(&tree->stopped, &tree->lock);
	}
	tree->agenda = NULL;
	pthread_mutex_unlock(&tree->lock);
	curfew_token_unref(&root->token);
}

struct curfew_token *curfew_context_token(struct curfew_context *context)
{
	return &context->token;
}

struct curfew_token *curfew_token_ref(struct curfew_token *token)
{
	atomic_fetch_add_explicit(&token->refs, 1, memory_order_relaxed);
	return token;
}

void curfew_token_unref(struct curfew_token *token)
{
	if (!token || atomic_fetch_sub(&token->refs, 1) > 1) {
		return;
	}
	assert(list_empty(&token->listeners));
	if (token->descriptor >= 0) {
		token->descriptor_kind->drop(token->descriptor);
	}
	tree_unref(token->tree);
	free(container_of(token, struct curfew_context, token));
}

bool curfew_token_cancelled(const struct curfew_token *token)
{
	return atomic_load_explicit(&token->cancelled, memory_order_acquire);
}

struct curfew_cause curfew_token_cause(const struct curfew_token *token)
{
	return curfew_token_cancelled(token) ? token->cause : cause_make(CURFEW_NONE, NULL);
}

int64_t curfew_token_deadline(const struct curfew_token *token)
{
	return token->deadline;
}

/*
 * Cancels what has expired: the highest context with this deadline, so that those beside it end
 * too. Only where no agenda does it.
 */
static void expire(struct curfew_token *token)
{
	struct curfew_context *context = container_of(token, struct curfew_context, token);
	struct tree *tree = token->tree;

	pthread_mutex_lock(&tree->lock);
	if (!curfew_token_cancelled(token)) {
		struct curfew_cause cause = cause_make(CURFEW_DEADLINE, NULL);

		while (context->parent && context->parent->token.deadline <= token->deadline) {
			context = context->parent;
		}
		mark_all(context, &cause);
	}
	pthread_mutex_unlock(&tree->lock);
}

bool curfew_token_wait(struct curfew_token *token, int64_t deadline)
{
	int64_t until = deadline < token->deadline ? deadline : token->deadline;
	const struct timespec at = {.tv_sec = until / NS_PER_S, .tv_nsec = until % NS_PER_S};

	while (!curfew_token_cancelled(token)) {
		if (until != CURFEW_NEVER && curfew_now() >= until) {
			if (token->deadline <= until) {
				expire(token);
			}
			break;
		}
		(void)futex(&token->cancelled, FUTEX_WAIT_BITSET_PRIVATE, 0,
			until == CURFEW_NEVER ? NULL : &at);
	}
	return curfew_token_cancelled(token);
}

void context_listen(struct curfew_token *token, struct context_listener *listener)
{
	pthread_mutex_lock(&token->tree->lock);
	if (curfew_token_cancelled(token)) {
		listener->cancelled(listener);
	} else {
		list_append(&token->listeners, &listener->link);
	}
	pthread_mutex_unlock(&token->tree->lock);
}

void context_unlisten(struct curfew_token *token, struct context_listener *listener)
{
	pthread_mutex_lock(&token->tree->lock);
	link_remove(&listener->link);
	pthread_mutex_unlock(&token->tree->lock);
}

int context_descriptor(struct curfew_token *token, const struct context_descriptor *kind)
{
	int fd;

	pthread_mutex_lock(&token->tree->lock);
	if (token->descriptor < 0) {
		fd = kind->make();
		if (fd >= 0) {
			token->descriptor = fd;
			token->descriptor_kind = kind;
			if (curfew_token_cancelled(token)) {
				kind->notify(fd);
			}
		}
	} else {
		fd = token->descriptor;
	}
	pthread_mutex_unlock(&token->tree->lock);
	return fd;
}
