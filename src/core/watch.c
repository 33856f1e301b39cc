/* SPDX-License-Identifier: Apache-2.0 */
/* A cancellation posts the watch to the agenda of its lifecycle; there its callback runs. */
#include <stdlib.h>

#include "base/list.h"
#include "core/context.h"
#include "core/lifecycle.h"

struct curfew_watch {
	struct curfew_token *token;
	struct agenda *agenda;
	struct context_listener listener;
	struct task task;
	void (*cancelled)(void *arg);
	void *arg;
};

static void listener_cancelled(struct context_listener *listener)
{
	struct curfew_watch *watch = container_of(listener, struct curfew_watch, listener);

	agenda_post(watch->agenda, &watch->task);
}

static void run(struct task *task)
{
	struct curfew_watch *watch = container_of(task, struct curfew_watch, task);

	watch->cancelled(watch->arg);
}

struct curfew_watch *curfew_watch_new(struct curfew_token *token, struct curfew_lifecycle *life,
	void (*cancelled)(void *arg), void *arg)
{
	struct curfew_watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		return NULL;
	}
	watch->token = curfew_token_ref(token);
	watch->agenda = life->agenda;
	watch->listener.cancelled = listener_cancelled;
	watch->task.run = run;
	watch->cancelled = cancelled;
	watch->arg = arg;
	context_listen(token, &watch->listener);
	return watch;
}

void curfew_watch_free(struct curfew_watch *watch)
{
	if (!watch) {
		return;
	}
	context_unlisten(watch->token, &watch->listener);
	agenda_unpost(watch->agenda, &watch->task);
	curfew_token_unref(watch->token);
	free(watch);
}
