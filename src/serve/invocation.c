/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invocation_start -> the runner begins it, at once or when it has waited -> items -> the runner
 * ends it (invocation_end): its slot goes to the next one, its client gets the answer.
 *
 * What can go wrong. The end's token fires: invocations_cancel. The client goes away: what waits is
 * over, what runs is cancelled. Its time is over: what waits is answered, what runs is cancelled,
 * and answered when our patience is at its end. The work's deadline is over: its hold is cut, so
 * that the runner lets go of it, and its connection is, which answers it.
 *
 * In all of these the runner still has it. invocation_end is the one place where the memory of what
 * has run goes, and its hold; if it never comes, the lifecycle abandons the hold.
 */
#include "serve/invocation.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "core/lifecycle.h"
#include "serve/invocation_state.h"

#define TO(state) (1U << INVOCATION_##state)

static const unsigned edges[] = {
	[INVOCATION_NONE] = TO(QUEUED) | TO(RUNNING),
	[INVOCATION_QUEUED] = TO(RUNNING) | TO(OVER),
	[INVOCATION_RUNNING] = TO(OVER),
	[INVOCATION_OVER] = 0,
};

void invocation_enter(struct invocation *invocation, enum invocation_state state)
{
	assert(edges[invocation->state] & (1U << state));
	invocation->state = state;
}

void invocation_free(struct invocation *invocation)
{
	if (!invocation) {
		return;
	}
	deadline_fini(&invocation->deadline);
	curfew_hold_release(&invocation->hold);
	curfew_context_free(invocation->context);
	arguments_fini(&invocation->arguments);
	envelope_fini(&invocation->last);
	buffer_fini(&invocation->line);
	free(invocation);
}

void invocation_tell(struct invocation *invocation)
{
	void (*cancel)(struct invocation *) = invocation->function->runner->cancel;
	bool is_told = invocation->told;

	invocation->told = true;
	if (!is_told && cancel) {
		cancel(invocation);
	}
}

/* What waits is over, with an answer if there is somebody to get it. */
static void end_waiting(struct invocation *invocation)
{
	invocations_remove(invocation);
	invocation_enter(invocation, INVOCATION_OVER);
	invocation_answer_cause(invocation);
	invocation_free(invocation);
}

/* Its time. */

static void deadline_passed(struct deadline *deadline)
{
	struct invocation *invocation = container_of(deadline, struct invocation, deadline);

	if (invocation->overdue) {
		invocation_answer_cause(invocation);
		return;
	}
	curfew_context_cancel_for(invocation->context, CURFEW_DEADLINE, NULL);
	if (invocation->state == INVOCATION_QUEUED) {
		end_waiting(invocation);
		return;
	}
	invocation->overdue = true;
	deadline_set(deadline, curfew_after_ms(INVOCATION_PATIENCE_MS));
	invocation_tell(invocation);
}

/* Its hold. */

static void let_go(struct invocation *invocation)
{
	void (*cut)(struct invocation *) = invocation->function->runner->cut;

	invocation->cut = true;
	invocation->told = true;
	if (cut) {
		cut(invocation);
	}
}

/* Its connection, where it has one still, is cut behind this. */
static void cut(struct curfew_hold *hold)
{
	struct invocation *invocation = container_of(hold, struct invocation, hold);

	invocations_fire(invocation->serve);
	if (invocation->state == INVOCATION_QUEUED) {
		end_waiting(invocation);
		return;
	}
	if (!invocation->answered && invocation->ops->forced) {
		invocation->ops->forced(invocation);
	}
	if (!invocation->cut) {
		let_go(invocation);
	}
}

static const struct curfew_hold_ops hold_ops = {.kind = "call", .cut = cut};

/* Returns 0, or -ESHUTDOWN: nothing waits for it any more. */
static int take_hold(struct invocation *invocation)
{
	static const enum curfew_stage stages[] = {CURFEW_WORK, CURFEW_CHILDREN};
	const char *name =
		invocation->kind == INVOCATION_PRECHECK ? "precheck" : invocation->function->name;
	int error = -ESHUTDOWN;

	for (int i = 0; error && i < 2; i++) {
		error = curfew_drain_hold(
			curfew_lifecycle_stage(invocation->serve->service.life, stages[i]),
			&invocation->hold, &hold_ops, name);
	}
	return error;
}

/* Its beginning. */

static int prepare(struct invocation *invocation)
{
	struct serve *serve = invocation->serve;
	int64_t due = clock_add_ms(invocation->began, serve->config->request_timeout_ms);

	invocation->context = curfew_context_new(serve->context, due);
	if (!invocation->context) {
		return -ENOMEM;
	}
	deadline_init(&invocation->deadline, serve->service.life->agenda, deadline_passed);
	deadline_set(&invocation->deadline, due);
	return take_hold(invocation);
}

static int begin(struct invocation *invocation)
{
	int error = prepare(invocation);

	return error < 0 ? error : invocations_add(invocation);
}

struct invocation *invocation_start(struct serve *serve, enum invocation_kind kind,
	struct arguments *arguments, const struct invocation_ops *ops, void *owner,
	struct envelope *refusal, int *retry_after_s)
{
	bool has_ended = curfew_token_cancelled(curfew_context_token(serve->context));
	struct invocation *invocation = has_ended ? NULL : calloc(1, sizeof(*invocation));
	int error = has_ended ? -ESHUTDOWN : -ENOMEM;

	if (invocation) {
		*invocation = (struct invocation){
			.serve = serve,
			.function = &serve->function,
			.ops = ops,
			.owner = owner,
			.kind = kind,
			.arguments = *arguments,
			.began = curfew_now(),
		};
		error = begin(invocation);
	}
	if (error < 0) {
		if (invocation) {
			invocation->arguments = (struct arguments){0};
		}
		invocation_free(invocation);
		serve->counts.calls_refused++;
		*retry_after_s = invocation_refuse(refusal, error);
		return NULL;
	}
	*arguments = (struct arguments){0};
	serve->counts.calls_begun++;
	return invocation;
}

/* From its client. */

void invocation_leave(struct invocation *invocation)
{
	assert(!invocation->answered);
	invocation->answered = true;
	invocation->owner = NULL;
	invocation->serve->counts.calls_left++;
	curfew_context_cancel_for(invocation->context, CURFEW_CLIENT_GONE, NULL);
	if (invocation->state == INVOCATION_QUEUED) {
		end_waiting(invocation);
	} else if (invocation->state == INVOCATION_RUNNING) {
		invocation_tell(invocation);
	}
}

void invocation_resume(struct invocation *invocation)
{
	void (*resume)(struct invocation *) = invocation->function->runner->resume;

	if (invocation->paused && invocation->state == INVOCATION_RUNNING) {
		invocation->paused = false;
		if (resume) {
			resume(invocation);
		}
	}
}

void invocation_cut(struct invocation *invocation)
{
	bool was_cut = invocation->cut;

	invocations_fire(invocation->serve);
	if (invocation->state == INVOCATION_QUEUED) {
		end_waiting(invocation);
	} else if (invocation->state == INVOCATION_RUNNING) {
		invocation->cut = true;
		invocation_answer_cause(invocation);
		if (!was_cut) {
			let_go(invocation);
		}
	}
}

/* From its runner. */

/*
 * A stream that lacks one of its items must not look whole: it is cancelled, and its last line says
 * why. Not in here, where the runner is in the middle of something.
 */
static void lose_item(struct invocation *invocation)
{
	invocation->line.failed = true; /* nothing comes behind it */
	curfew_context_cancel_for(invocation->context, CURFEW_FAILURE, "there is no memory");
	deadline_set(&invocation->deadline, curfew_now());
}

static bool pass_item(struct invocation *invocation, struct envelope *envelope)
{
	struct buffer *line = &invocation->line;

	line->length = 0;
	if (invocation_add_file_data(invocation, envelope) == 0) {
		envelope_write(line, envelope);
		buffer_append_char(line, '\n');
	}
	if (!line->length || line->failed) {
		lose_item(invocation);
		return true;
	}
	invocation->items++;
	invocation->serve->counts.items++;
	return invocation->ops->item(invocation, line->data, line->length);
}

bool invocation_item(struct invocation *invocation, struct envelope *envelope)
{
	bool more = true;

	assert(invocation->state == INVOCATION_RUNNING);
	if (!invocation->answered && !invocation->line.failed) {
		more = pass_item(invocation, envelope);
	}
	envelope_reset(envelope);
	invocation->paused = !more;
	return more;
}

void invocation_end(
	struct invocation *invocation, enum invocation_outcome how, struct envelope *envelope)
{
	struct serve *serve = invocation->serve;

	envelope_fini(&invocation->last);
	invocation->last = *envelope;
	*envelope = (struct envelope){0};
	invocations_remove(invocation);
	invocation_enter(invocation, INVOCATION_OVER);
	invocations_go_on(serve);
	invocation_answer_end(invocation, how);
	invocation_free(invocation);
}
