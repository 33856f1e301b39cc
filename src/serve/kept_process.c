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

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/signal_name.h"
#include "serve/dialogue.h"
#include "serve/event.h"
#include "serve/process.h"
#include "serve/program.h"

#define MORE_THAN_ONE "[output] it wrote more than one answer, and is no stream"
#define NOISE_TOLD 512 /* bytes of a line that nobody had asked for */
#define FAILURE_LEAST 400

enum place_state { PLACE_AWAY, PLACE_IDLE, PLACE_BUSY, PLACE_ENDING };

struct kept;

struct place {
	struct kept *kept;
	struct dialogue dialogue;
	enum place_state state;
	struct call *call; /* BUSY; ENDING: it was cancelled, or NULL */
	struct timer start;
	int64_t delay_ms; /* until another is started, if this one does not answer */
};

struct call {
	struct curfew_link link; /* waiting */
	struct kept *kept;
	struct invocation *invocation;
	struct place *place; /* NULL: it waits */
	struct envelope item;
	struct envelope answer;
	bool has_answer;
	bool cancelled;
	bool is_dropped;
	struct task end; /* of one that waited, and was cancelled */
};

struct kept {
	struct serve *serve;
	struct curfew_link waiting;
	bool stopped;
	int alive; /* places that have a process */
	int count;
	struct place places[];
};

static struct agenda *agenda_of(const struct kept *kept)
{
	return &kept->serve->worker->loop->agenda;
}

static struct place *place_of(struct dialogue *dialogue)
{
	return container_of(dialogue, struct place, dialogue);
}

static void enter(struct place *place, enum place_state state)
{
	static const unsigned edges[] = {
		[PLACE_AWAY] = 1u << PLACE_IDLE,
		[PLACE_IDLE] = 1u << PLACE_BUSY | 1u << PLACE_ENDING | 1u << PLACE_AWAY,
		[PLACE_BUSY] = 1u << PLACE_IDLE | 1u << PLACE_ENDING | 1u << PLACE_AWAY,
		[PLACE_ENDING] = 1u << PLACE_AWAY,
	};

	assert(edges[place->state] & 1u << state);
	place->state = state;
}

/* Calls. */

static struct call *call_at(struct curfew_link *link)
{
	return container_of(link, struct call, link);
}

/* The last of it. */
static void end_call(struct call *call, enum invocation_outcome outcome)
{
	struct invocation *invocation = call->invocation;
	struct envelope answer = call->answer;

	if (call->place) {
		call->place->call = NULL;
	}
	link_remove(&call->link);
	agenda_unpost(agenda_of(call->kept), &call->end);
	envelope_fini(&call->item);
	free(call);
	invocation->run = NULL;
	invocation_end(invocation, outcome, &answer);
}

static void fail_call(struct call *call, int status, const char *text)
{
	envelope_fail(&call->answer, status, text, strlen(text));
	end_call(call, INVOCATION_DONE);
}

static void end_cancelled(struct task *task)
{
	end_call(container_of(task, struct call, end), INVOCATION_CANCELLED);
}

static void give(struct place *place, struct call *call)
{
	const struct buffer *text = &call->invocation->arguments.text;

	link_remove(&call->link);
	call->place = place;
	place->call = call;
	enter(place, PLACE_BUSY);
	dialogue_say(&place->dialogue, buffer_text(text), text->length, false);
}

/* The first that waits and is wanted. */
static struct call *next_call(const struct kept *kept)
{
	list_each(link, &kept->waiting) {
		if (!call_at(link)->cancelled) {
			return call_at(link);
		}
	}
	return NULL;
}

static void serve_waiting(struct kept *kept)
{
	for (int i = 0; i < kept->count; i++) {
		struct call *call = next_call(kept);

		if (!call) {
			return;
		}
		if (kept->places[i].state == PLACE_IDLE) {
			give(&kept->places[i], call);
		}
	}
}

static void fail_waiting(struct kept *kept, const char *text)
{
	struct call *call;

	while ((call = next_call(kept))) {
		fail_call(call, 503, text);
	}
}

/* What a process says. */

/* Nobody knows what its next lines belong to. */
static void retire(struct place *place)
{
	enter(place, PLACE_ENDING);
	dialogue_ignore(&place->dialogue);
	dialogue_stop(&place->dialogue);
}

static void refuse(struct place *place, const char *text)
{
	struct call *call = place->call;

	if (place->state == PLACE_BUSY) {
		retire(place);
	}
	fail_call(call, 500, text);
}

static void refuse_line(struct place *place, int error, const char *refusal)
{
	struct buffer text = {0};

	buffer_appendf(
		&text, "[output] %s", error == -ENOMEM ? "there is no memory for it" : refusal);
	refuse(place, text.failed ? "[output]" : buffer_text(&text));
	buffer_fini(&text);
}

static void drop(struct place *place)
{
	place->call->is_dropped = true;
	dialogue_ignore(&place->dialogue);
}

static void pass_item(struct place *place)
{
	if (invocation_item(place->call->invocation, &place->call->item)) {
		return;
	}
	if (place->call->cancelled) {
		drop(place);
	} else {
		dialogue_pause(&place->dialogue);
	}
}

/* The item becomes the answer. */
static void keep_answer(struct call *call)
{
	struct envelope empty = call->answer;

	call->answer = call->item;
	call->item = empty;
	call->has_answer = true;
}

static void note_noise(const struct dialogue *dialogue, const char *line, size_t length)
{
	journal_tell(&dialogue->serve->service.journal, &serve_events[SERVE_NOISE],
		journal_number(dialogue->pid),
		journal_bytes(line, length < NOISE_TOLD ? length : NOISE_TOLD));
}

static void finish(struct place *place)
{
	enter(place, PLACE_ENDING);
	dialogue_finish(&place->dialogue);
}

/*
 * It has said all. One that has not read all of its request will take the rest for the next one,
 * and is not used again.
 */
static void end_answer(struct place *place)
{
	struct kept *kept = place->kept;
	struct call *call = place->call;

	place->delay_ms = 0;
	dialogue_resume(&place->dialogue);
	if (place->state == PLACE_BUSY) {
		if (place->dialogue.text) {
			retire(place);
		} else if (kept->stopped) {
			finish(place);
		} else {
			enter(place, PLACE_IDLE);
		}
	}
	end_call(call, INVOCATION_DONE);
	serve_waiting(kept);
}

static void take_answer(struct place *place, bool is_last)
{
	struct call *call = place->call;
	bool streams = call->invocation->function->streams;

	if (streams && !call->has_answer && call->item.touched) {
		if (call->item.status_code >= FAILURE_LEAST) {
			keep_answer(call);
		} else {
			pass_item(place);
		}
	} else if (!streams && (call->item.touched || !is_last)) {
		if (call->has_answer) {
			refuse(place, MORE_THAN_ONE);
			return;
		}
		keep_answer(call);
	}
	if (is_last) {
		end_answer(place);
	}
}

static void take_line(struct dialogue *dialogue, const char *line, size_t length)
{
	struct place *place = place_of(dialogue);
	struct buffer refusal = {0};
	bool is_last = false;
	int error;

	if (!place->call || !dialogue->written) {
		note_noise(dialogue, line, length);
		return;
	}
	envelope_reset(&place->call->item);
	error = envelope_read(&place->call->item, line, length, &is_last, &refusal);
	if (error < 0) {
		refuse_line(place, error, buffer_text(&refusal));
	} else {
		take_answer(place, is_last);
	}
	buffer_fini(&refusal);
}

static void lose_line(struct dialogue *dialogue, const char *reason)
{
	struct place *place = place_of(dialogue);

	if (place->call) {
		refuse_line(place, 0, reason);
	} else if (place->state == PLACE_IDLE) {
		retire(place);
	}
}

/* The life of a process. */

static void start_later(struct place *place)
{
	int64_t delay_ms = place->delay_ms;

	place->delay_ms = delay_ms * 2 < KEPT_DELAY_FIRST_MS ? KEPT_DELAY_FIRST_MS
		: delay_ms * 2 < KEPT_DELAY_MOST_MS          ? delay_ms * 2
							     : KEPT_DELAY_MOST_MS;
	if (!place->kept->stopped) {
		agenda_start(agenda_of(place->kept), &place->start, curfew_after_ms(delay_ms));
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

static void end_lost_call(struct place *place, const struct curfew_child_exit *exit)
{
	struct call *call = place->call;
	bool is_ours =
		call->cancelled && exit->rung >= CURFEW_RUNG_TERM && (!exit->signal || exit->by_us);

	if (call->is_dropped || is_ours) {
		end_call(call, INVOCATION_CANCELLED);
		return;
	}
	dialogue_tell_end(&place->dialogue, exit, 502, &call->answer);
	end_call(call, INVOCATION_CRASHED);
}

/* The end has come to the processes. */
static bool is_over(const struct kept *kept)
{
	return curfew_drain_closed(
		curfew_lifecycle_stage(kept->serve->service.life, CURFEW_CHILDREN));
}

/* One that ended on our account is replaced at once: it says nothing about the next one. */
static void ended(struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	struct place *place = place_of(dialogue);
	struct kept *kept = place->kept;

	kept->stopped = kept->stopped || is_over(kept);
	if (place->state != PLACE_ENDING && !kept->stopped) {
		note_end(place, exit);
	} else {
		place->delay_ms = 0;
	}
	enter(place, PLACE_AWAY);
	kept->alive--;
	start_later(place);
	if (place->call) {
		end_lost_call(place, exit);
	}
	if (kept->stopped && !kept->alive) {
		fail_waiting(kept, INVOCATION_STOPPED);
	}
}

static const struct dialogue_ops dialogue_ops = {take_line, lose_line, ended};

static int start(struct place *place)
{
	int error = dialogue_start(&place->dialogue, place->kept->serve, &dialogue_ops, NULL);

	if (!error) {
		place->kept->alive++;
		enter(place, PLACE_IDLE);
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
		fail_waiting(kept, text);
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
			fail_waiting(kept, INVOCATION_STOPPED);
		}
	} else if (error < 0) {
		note_failure(place, error);
		start_later(place);
	} else {
		serve_waiting(kept);
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
	call->end.run = end_cancelled;
	invocation->run = call;
	list_append(&kept->waiting, &call->link);
	serve_waiting(kept);
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
		agenda_post(agenda_of(call->kept), &call->end);
		return;
	}
	enter(place, PLACE_ENDING);
	if (place->dialogue.paused) {
		drop(place);
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

		agenda_stop(agenda_of(kept), &place->start);
		if (place->state == PLACE_IDLE) {
			finish(place);
		}
	}
	if (!kept->alive) {
		fail_waiting(kept, INVOCATION_STOPPED);
	}
}

static void fini(struct serve *serve)
{
	struct kept *kept = serve->function.plugin;

	for (int i = 0; kept && i < kept->count; i++) {
		agenda_stop(agenda_of(kept), &kept->places[i].start);
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
