/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call goes to a thread of the pool, with a view of what belongs to worker 0: the arguments,
 * which nobody changes meanwhile, and the token. What comes back are tasks for worker 0: one for
 * items, as long as there are some, and one for the end, which is the thread's last touch of the
 * call.
 *
 * A client that is slow stops the taking of items, so that the queue fills and the function waits.
 * Behind the end there is no need to: what is left of the queue is given at once, and the slot is
 * free.
 *
 * A cancellation closes the queue, which wakes the function there. One that ignores it is left
 * alone: its end may come at any time, or never.
 */
#include "serve/library_call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"
#include "serve/invocation.h"
#include "serve/request.h"

struct call {
	struct thread_pool_job job;
	struct invocation *invocation; /* worker 0's */
	struct agenda *agenda;
	int (*run)(const struct curfew_request *request, struct curfew_response *response);
	struct curfew_request request;
	struct request_text *texts;
	struct curfew_response response;
	struct task ended;
	bool cancelled; /* how it ended */

	/* Of a function that streams. */
	struct item_queue *items; /* NULL: it does not */
	struct task more;
	struct envelope item; /* the one that is being given */
	bool paused;
};

static void call_free(struct call *call)
{
	if (call->items) {
		item_queue_fini(call->items);
		free(call->items);
	}
	envelope_fini(&call->item);
	envelope_fini(&call->response.envelope);
	free(call);
}

/* Gives items to the client, all of them or as many as it takes. */
static void give_items(struct call *call, bool all)
{
	while ((all || !call->paused) && item_queue_take(call->items, &call->item)) {
		call->paused = !invocation_item(call->invocation, &call->item);
	}
}

static void more(struct task *task)
{
	give_items(container_of(task, struct call, more), false);
}

static void ended(struct task *task)
{
	struct call *call = container_of(task, struct call, ended);
	struct invocation *invocation = call->invocation;

	if (call->items) {
		give_items(call, true);
	}
	invocation->run = NULL;
	invocation_end(invocation, call->cancelled ? INVOCATION_CANCELLED : INVOCATION_DONE,
		&call->response.envelope);
	call_free(call);
}

/* In a thread of the pool. */
static void finish(struct call *call, int code)
{
	call->cancelled = response_finish(&call->response, code);
	request_fini(&call->request);
	agenda_post(call->agenda, &call->ended);
}

static void run(struct thread_pool_job *job)
{
	struct call *call = container_of(job, struct call, job);

	finish(call, call->run(&call->request, &call->response));
}

/* The function has ended its thread instead of returning. */
static void left(struct thread_pool_job *job)
{
	struct call *call = container_of(job, struct call, job);

	finish(call, curfew_response_fail(&call->response, 500, "[thread] it ended its thread"));
}

static int add_items(struct call *call)
{
	call->items = malloc(sizeof(*call->items));
	if (!call->items) {
		return -ENOMEM;
	}
	call->more.run = more;
	item_queue_init(call->items, call->agenda, &call->more);
	call->response.items = call->items;
	return 0;
}

static int library_begin(struct invocation *invocation)
{
	struct function *function = invocation->function;
	struct library *library = function->plugin;
	bool is_precheck = invocation->kind == INVOCATION_PRECHECK;
	struct call *call;

	if (library->stopped) {
		return -ESHUTDOWN;
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		return -ENOMEM;
	}
	call->job.run = run;
	call->job.left = left;
	call->ended.run = ended;
	call->invocation = invocation;
	call->agenda = &invocation->serve->worker->loop->agenda;
	call->run = is_precheck ? library->function.precheck : library->function.run;
	call->request.arguments = &invocation->arguments;
	call->request.inputs = function->inputs;
	call->request.token = curfew_context_token(invocation->context);
	call->request.texts = &call->texts;
	call->response.uses = is_precheck ? library->precheck_uses : library->uses;
	call->response.token = call->request.token;
	if (function->streams && !is_precheck && add_items(call) < 0) {
		call_free(call);
		return -ENOMEM;
	}
	invocation->run = call;
	thread_pool_submit(&library->pool, &call->job);
	return 0;
}

static void library_cancel(struct invocation *invocation)
{
	struct call *call = invocation->run;

	if (call && call->items) {
		item_queue_close(call->items);
	}
}

static void library_resume(struct invocation *invocation)
{
	struct call *call = invocation->run;

	if (call && call->items) {
		call->paused = false;
		give_items(call, false);
	}
}

static void library_stop(struct serve *serve)
{
	struct library *library = serve->function.plugin;

	if (library->started && !library->stopped) {
		library->stopped = true;
		thread_pool_stop(&library->pool);
	}
}

static void library_fini(struct serve *serve)
{
	struct library *library = serve->function.plugin;

	if (library->started) {
		library->stopped = true;
		thread_pool_fini(&library->pool);
	}
	free(library);
	serve->function.plugin = NULL;
}

const struct runner_ops library_runner = {
	.begin = library_begin,
	.cancel = library_cancel,
	.resume = library_resume,
	.cut = library_cancel,
	.stop = library_stop,
	.fini = library_fini,
};
