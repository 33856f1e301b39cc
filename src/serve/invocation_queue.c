/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that comes runs at once where a slot is free and nobody waits; else it waits, if there is
 * room. When a slot becomes free, the next one begins; one that cannot be begun is answered so, and
 * leaves the slot to the one behind it.
 */
#include <errno.h>

#include "base/list.h"
#include "serve/invocation_state.h"

void invocations_init(struct serve *serve)
{
	list_init(&serve->queue);
	list_init(&serve->calls);
}

/* The runner hears of it before it is RUNNING, so that it cannot end inside. */
static int run(struct invocation *invocation)
{
	struct serve *serve = invocation->serve;
	int error;

	serve->running++;
	error = invocation->function->runner->begin(invocation);
	if (error < 0) {
		serve->running--;
		return error;
	}
	invocation_enter(invocation, INVOCATION_RUNNING);
	list_append(&serve->calls, &invocation->link);
	return 0;
}

int invocations_add(struct invocation *invocation)
{
	struct serve *serve = invocation->serve;

	if (serve->running < serve->slots && list_empty(&serve->queue)) {
		return run(invocation);
	}
	if (serve->queued >= serve->config->queue) {
		return -EBUSY;
	}
	invocation_enter(invocation, INVOCATION_QUEUED);
	list_append(&serve->queue, &invocation->link);
	serve->queued++;
	return 0;
}

void invocations_remove(struct invocation *invocation)
{
	struct serve *serve = invocation->serve;

	if (invocation->state == INVOCATION_QUEUED) {
		serve->queued--;
	} else {
		serve->running--;
	}
	link_remove(&invocation->link);
}

void invocations_go_on(struct serve *serve)
{
	while (serve->running < serve->slots && !list_empty(&serve->queue)) {
		struct invocation *invocation =
			container_of(serve->queue.next, struct invocation, link);
		int error;

		invocations_remove(invocation);
		error = run(invocation);
		if (error < 0) {
			invocation_enter(invocation, INVOCATION_OVER);
			invocation_answer_error(invocation, error);
			invocation_free(invocation);
		}
	}
}

void invocations_fire(struct serve *serve)
{
	struct curfew_context *root = curfew_lifecycle_context(serve->service.life);
	struct curfew_cause cause = curfew_token_cause(curfew_context_token(root));

	if (cause.reason == CURFEW_NONE) {
		cause.reason = CURFEW_COMPLETED; /* no end of the lifecycle's: the caller's own */
	}
	curfew_context_cancel(serve->context, &cause);
}

/* Whatever ends, begins or comes while the runner is told, each call that ran is told once. */
static void tell_all(struct serve *serve)
{
	struct curfew_link calls;
	struct curfew_link *link;

	list_init(&calls);
	list_splice(&calls, &serve->calls);
	while ((link = list_take(&calls))) {
		list_append(&serve->calls, link);
		invocation_tell(container_of(link, struct invocation, link));
	}
}

void invocations_cancel(struct serve *serve)
{
	invocations_fire(serve);
	while (!list_empty(&serve->queue)) {
		struct invocation *invocation =
			container_of(serve->queue.next, struct invocation, link);

		invocations_remove(invocation);
		invocation_enter(invocation, INVOCATION_OVER);
		invocation_answer_cause(invocation);
		invocation_free(invocation);
	}
	tell_all(serve);
}
