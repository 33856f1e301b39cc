/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each place for a process goes round:
 *
 *	AWAY -> IDLE -> BUSY -> IDLE ..
 *	  ^       `------+-> ENDING
 *	  `--------------------'
 *
 * begin -> the call waits -> an idle place takes it, and writes its request -> lines, up to the one
 * that ends it -> the place is idle again, and takes the next. A process that is asked to end, or
 * whose call went wrong, is ENDING until it is gone with its tree; it may still have a call, which
 * was cancelled. When it is gone the place is AWAY, until a timer starts another.
 *
 * The runner's end is for calls: no process is started any more, those that are idle are ended.
 */
#include "serve/kept_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/signal_name.h"
#include "serve/event.h"
#include "serve/invocation.h"
#include "serve/kept_state.h"
#include "serve/process.h"
#include "serve/program.h"

#define SILENT "[output] it has closed its output"

/* The life of a process. */

static void start_later(struct place *place)
{
	int64_t delay_ms = place->delay_ms;

	place->delay_ms = delay_ms * 2 < KEPT_DELAY_FIRST_MS ? KEPT_DELAY_FIRST_MS
		: delay_ms * 2 < KEPT_DELAY_MOST_MS          ? delay_ms * 2
							     : KEPT_DELAY_MOST_MS;
	if (!place->kept->stopped) {
		agenda_start(kept_agenda(place->kept), &place->start, curfew_after_ms(delay_ms));
	}
}

static void note_end(const struct place *place, const struct curfew_child_exit *exit)
{
	const struct dialogue *dialogue = &place->dialogue;
	char signal[SIGNAL_NAME_BYTES];

	journal_tell(&dialogue->serve->service.journal, &serve_events[SERVE_WORKER_ENDED],
		journal_number(dialogue->pid),
		exit->signal ? journal_text(NULL) : journal_number(exit->code),
		journal_text(exit->signal ? signal_name(exit->signal, signal) : NULL),
		journal_number(place->delay_ms));
}

/* It was lost before it was asked: another may be, once. */
static bool may_be_asked_again(const struct place *place)
{
	return !place->dialogue.written && !place->call->cancelled && !place->call->is_second &&
		!place->kept->stopped;
}

static void end_lost_call(struct place *place, const struct curfew_child_exit *exit)
{
	struct call *call = place->call;
	bool is_ours =
		call->cancelled && exit->rung >= CURFEW_RUNG_TERM && (!exit->signal || exit->by_us);

	if (exit->rung == CURFEW_RUNG_RUNNING && may_be_asked_again(place)) {
		kept_call_put_back(call);
		return;
	}
	if (call->is_dropped || is_ours) {
		kept_call_end(call, INVOCATION_CANCELLED);
		return;
	}
	dialogue_tell_end(&place->dialogue, exit, 502, &call->answer);
	kept_call_end(call, INVOCATION_CRASHED);
}

/* No call will begin any more, or the end has come to the processes. */
static bool is_over(const struct kept *kept)
{
	return kept->serve->cancelled ||
		curfew_drain_closed(
			curfew_lifecycle_stage(kept->serve->service.life, CURFEW_CHILDREN));
}

/* One that ended on our account is replaced at once: it says nothing about the next one. */
static void ended(struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	struct place *place = place_of(dialogue);
	struct kept *kept = place->kept;

	kept->stopped = kept->stopped || is_over(kept);
	if ((place->state != PLACE_ENDING || place->is_silent) && !kept->stopped) {
		note_end(place, exit);
	} else {
		place->delay_ms = 0;
	}
	place_enter(place, PLACE_AWAY);
	kept->alive--;
	start_later(place);
	if (place->call) {
		end_lost_call(place, exit);
	}
	if (kept->stopped && !kept->alive) {
		invocations_cancel(kept->serve);
	}
}

/*
 * It lives, and cannot answer any more: it is as good as dead, and ended. That is no doing of ours,
 * so that one which does so again and again is started later and later, too.
 */
static void fell_silent(struct dialogue *dialogue)
{
	struct place *place = place_of(dialogue);
	struct call *call = place->call;

	if (place->state == PLACE_ENDING) {
		return;
	}
	place_enter(place, PLACE_ENDING);
	place->is_silent = true;
	dialogue_stop(dialogue);
	if (!call) {
		return;
	}
	if (may_be_asked_again(place)) {
		kept_call_put_back(call);
		return;
	}
	envelope_fail(&call->answer, 502, SILENT, strlen(SILENT));
	kept_call_end(call, INVOCATION_CRASHED);
}

static const struct dialogue_ops dialogue_ops = {
	.line = place_take_line,
	.lost = place_lose_line,
	.silent = fell_silent,
	.ended = ended,
};

static int start(struct place *place)
{
	int error = dialogue_start(&place->dialogue, place->kept->serve, &dialogue_ops, NULL);

	if (!error) {
		place->kept->alive++;
		place->is_silent = false;
		place_enter(place, PLACE_IDLE);
	}
	return error;
}

static void note_failure(struct place *place, int error)
{
	struct kept *kept = place->kept;
	char text[128];

	journal_tell(&kept->serve->service.journal, &serve_events[SERVE_WORKER_FAILED],
		journal_text(strerror(-error)), journal_number(place->delay_ms));
	(void)snprintf(text, sizeof(text), "[worker] it cannot be started: %s", strerror(-error));
	if (!kept->alive) {
		kept_fail_waiting(kept, text);
	}
}

static void start_again(struct timer *timer)
{
	struct place *place = container_of(timer, struct place, start);
	struct kept *kept = place->kept;
	int error = start(place);

	if (error == -ESHUTDOWN) {
		kept->stopped = true;
		if (!kept->alive) {
			invocations_cancel(kept->serve);
		}
	} else if (error < 0) {
		note_failure(place, error);
		start_later(place);
	} else {
		kept_serve_waiting(kept);
	}
}

/* What is asked of the runner. */

static bool has_process_of_its_own(const struct invocation *invocation)
{
	return invocation->kind == INVOCATION_PRECHECK;
}

static int begin(struct invocation *invocation)
{
	struct kept *kept = invocation->function->plugin;
	struct call *call;

	if (has_process_of_its_own(invocation)) {
		return process_runner.begin(invocation);
	}
	if (kept->stopped && !kept->alive) {
		return -ESHUTDOWN;
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		return -ENOMEM;
	}
	call->kept = kept;
	call->invocation = invocation;
	call->end.run = kept_call_end_cancelled;
	invocation->run = call;
	list_append(&kept->waiting, &call->link);
	kept_serve_waiting(kept);
	return 0;
}

static void cancel(struct invocation *invocation)
{
	struct call *call = invocation->run;
	struct place *place;

	if (has_process_of_its_own(invocation)) {
		process_runner.cancel(invocation);
		return;
	}
	call->cancelled = true;
	place = call->place;
	if (!place) {
		agenda_post(kept_agenda(call->kept), &call->end);
		return;
	}
	place_enter(place, PLACE_ENDING);
	if (place->dialogue.paused) {
		place_drop(place);
	}
	dialogue_stop(&place->dialogue);
}

static void resume(struct invocation *invocation)
{
	struct call *call = invocation->run;

	if (has_process_of_its_own(invocation)) {
		process_runner.resume(invocation);
	} else if (call->place) {
		dialogue_resume(&call->place->dialogue);
	}
}

static void cut(struct invocation *invocation)
{
	struct call *call = invocation->run;

	if (has_process_of_its_own(invocation)) {
		process_runner.cut(invocation);
		return;
	}
	if (!call->cancelled) {
		cancel(invocation);
	}
	if (call->place) {
		call->is_dropped = true;
		dialogue_kill(&call->place->dialogue);
	}
}

static void stop(struct serve *serve)
{
	struct kept *kept = serve->function.plugin;

	kept->stopped = true;
	for (int i = 0; i < kept->count; i++) {
		struct place *place = &kept->places[i];

		agenda_stop(kept_agenda(kept), &place->start);
		if (place->state == PLACE_IDLE) {
			place_finish(place);
		}
	}
	if (!kept->alive) {
		invocations_cancel(kept->serve);
	}
}

static void fini(struct serve *serve)
{
	struct kept *kept = serve->function.plugin;

	for (int i = 0; kept && i < kept->count; i++) {
		agenda_stop(kept_agenda(kept), &kept->places[i].start);
	}
	free(kept);
	serve->function.plugin = NULL;
}

const struct runner_ops kept_process_runner = {
	.begin = begin,
	.cancel = cancel,
	.resume = resume,
	.cut = cut,
	.stop = stop,
	.fini = fini,
};

/* If one cannot be started, the end that follows ends those that could. */
int program_start(struct serve *serve)
{
	int count = serve->config->workers;
	struct kept *kept;
	int error = 0;

	if (serve->function.runner != &kept_process_runner) {
		return 0;
	}
	kept = calloc(1, sizeof(*kept) + (size_t)count * sizeof(kept->places[0]));
	if (!kept) {
		return -ENOMEM;
	}
	kept->serve = serve;
	kept->count = count;
	list_init(&kept->waiting);
	serve->function.plugin = kept;
	for (int i = 0; i < count && !error; i++) {
		kept->places[i] = (struct place){.kept = kept, .start.fired = start_again};
		error = start(&kept->places[i]);
	}
	kept->stopped = error;
	return error;
}
