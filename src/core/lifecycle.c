/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a process, in order:
 *
 *	curfew_lifecycle_stop	any thread: the cause is kept, the root cancelled, `stop` posted
 *	stop_noted		the deadlines are set; ANNOUNCING for a while, or at once
 *	DRAINING		front is closed; when it is empty, work is; when that is empty,
 *	REAPING			children are closed; when they are gone, the hooks run; then log
 *	DONE			the exit code stands
 *
 * What can go wrong: the work's deadline passes, or a second signal insists. Then FORCING: front
 * and work are cut, have a moment to let go, and the children's turn comes whether they did or not.
 * At the children's deadline (at once, when insisted) those are cut too, and a little later nothing
 * is waited for any more: what still holds is counted as abandoned.
 *
 * The stages are closed without deadlines of their own (but for the log, the last), so that the
 * order of what a deadline brings is decided here.
 */
#include "core/lifecycle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/signal_name.h"
#include "core/cause.h"
#include "core/context.h"
#include "core/hook.h"

#define DRAIN_LEAST_MS 1500 /* what an announcement leaves of the work's time, or half of it */
#define SETTLE_MS 100       /* for what was cut to let go, before the next stage has its turn */
#define ABANDON_MS 2000     /* for children that were cut: a killed process needs a moment to die */
#define INSISTED_MS 1000    /* what is left of the grace after a second signal */

static void enter(struct curfew_lifecycle *life, enum curfew_phase phase)
{
	enum curfew_phase from = atomic_load(&life->phase);

	assert(phase_may_follow(from, phase));
	atomic_store(&life->phase, phase);
	life->entered[phase] = curfew_now();
	log_message(CURFEW_LEVEL_DEBUG, "phase %s -> %s", curfew_phase_name(from),
		curfew_phase_name(phase));
	if (life->options.on_phase) {
		life->options.on_phase(phase, life->options.arg);
	}
}

static bool in_phase(const struct curfew_lifecycle *life, enum curfew_phase phase)
{
	return atomic_load(&life->phase) == phase;
}

/*
 * Each done callback is set when the stage has its turn: it may have been closed, or cut, before.
 */
static void finish_stage(struct curfew_lifecycle *life, enum curfew_stage stage, int64_t deadline,
	void (*done)(void *arg))
{
	curfew_drain_close(&life->stages[stage], deadline);
	curfew_drain_on_done(&life->stages[stage], done, life);
}

static void children_done(void *arg)
{
	struct curfew_lifecycle *life = arg;

	if (in_phase(life, CURFEW_REAPING)) {
		hooks_run(life);
	}
}

static void reap_children(struct curfew_lifecycle *life)
{
	agenda_stop(life->agenda, &life->work);
	agenda_stop(life->agenda, &life->settle);
	enter(life, CURFEW_REAPING);
	finish_stage(life, CURFEW_CHILDREN, CURFEW_NEVER, children_done);
}

static void work_done(void *arg)
{
	struct curfew_lifecycle *life = arg;

	if (in_phase(life, CURFEW_DRAINING) || in_phase(life, CURFEW_FORCING)) {
		reap_children(life);
	}
}

static void front_done(void *arg)
{
	struct curfew_lifecycle *life = arg;

	finish_stage(life, CURFEW_WORK, CURFEW_NEVER, work_done);
}

static void drain_front(struct curfew_lifecycle *life)
{
	enter(life, CURFEW_DRAINING);
	finish_stage(life, CURFEW_FRONT, CURFEW_NEVER, front_done);
}

/* Cuts front and work. Work becomes done by it, unless somebody does not let go. */
static void force_work(struct curfew_lifecycle *life)
{
	if (!in_phase(life, CURFEW_ANNOUNCING) && !in_phase(life, CURFEW_DRAINING)) {
		return;
	}
	agenda_stop(life->agenda, &life->announce);
	agenda_stop(life->agenda, &life->work);
	enter(life, CURFEW_FORCING);
	curfew_drain_cut(&life->stages[CURFEW_FRONT]);
	curfew_drain_cut(&life->stages[CURFEW_WORK]);
	curfew_drain_on_done(&life->stages[CURFEW_WORK], work_done, life);
	agenda_start(life->agenda, &life->settle, curfew_after_ms(SETTLE_MS));
}

/*
 * Hooks and the log have their time up to the grace, and a moment to let go then. A third signal
 * can only bring the end forward.
 */
static void cut_rest(struct curfew_lifecycle *life)
{
	int64_t children = curfew_after_ms(ABANDON_MS);
	int64_t log = clock_add_ms(atomic_load(&life->grace_deadline), SETTLE_MS);
	int64_t until = children > log ? children : log;

	curfew_drain_cut(&life->stages[CURFEW_CHILDREN]);
	if (!timer_started(&life->abandon) || until < life->abandon.node.due) {
		agenda_start(life->agenda, &life->abandon, until);
	}
}

static void complete(struct curfew_lifecycle *life)
{
	struct outcome outcome;

	agenda_stop(life->agenda, &life->children);
	agenda_stop(life->agenda, &life->abandon);
	life->abandoned = hooks_abandon(life);
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		life->abandoned += curfew_drain_count(&life->stages[stage]);
	}
	pthread_mutex_lock(&life->lock);
	outcome = (struct outcome){
		.reason = life->cause.reason,
		.insisted = life->insisted,
		.insist_signal = life->insist_signal,
		.forced = life->forced_count || life->abandoned,
		.forced_exit = life->options.forced_exit,
		.child = life->child,
	};
	life->exit_code = outcome_exit_code(&outcome);
	pthread_mutex_unlock(&life->lock);
	enter(life, CURFEW_DONE);
}

static void log_done(void *arg)
{
	struct curfew_lifecycle *life = arg;

	if (!curfew_lifecycle_done(life)) {
		complete(life);
	}
}

void lifecycle_hooks_done(struct curfew_lifecycle *life)
{
	finish_stage(life, CURFEW_LOG, atomic_load(&life->grace_deadline), log_done);
}

/* What happens when a deadline passes. */

/* However long it is to be: what was begun needs some of the work's time to finish in. */
static int64_t announce_latest(const struct curfew_lifecycle *life)
{
	int64_t work = atomic_load(&life->work_deadline);
	int64_t half = (work - life->stopped_at) / 2;

	if (work == CURFEW_NEVER) {
		return CURFEW_NEVER;
	}
	return work - (half < DRAIN_LEAST_MS * NS_PER_MS ? half : DRAIN_LEAST_MS * NS_PER_MS);
}

static int64_t announce_until(const struct curfew_lifecycle *life)
{
	int64_t until = clock_add_ms(life->stopped_at, life->options.announce_ms);
	int64_t latest = announce_latest(life);

	return until < latest && !life->prolonged ? until : latest;
}

static void announce_over(struct timer *timer)
{
	drain_front(container_of(timer, struct curfew_lifecycle, announce));
}

void lifecycle_prolong(struct curfew_lifecycle *life, bool wanted)
{
	life->prolonged = wanted;
	if (in_phase(life, CURFEW_ANNOUNCING)) {
		agenda_start(life->agenda, &life->announce, announce_until(life));
	}
}

static void work_over(struct timer *timer)
{
	force_work(container_of(timer, struct curfew_lifecycle, work));
}

static void settle_over(struct timer *timer)
{
	reap_children(container_of(timer, struct curfew_lifecycle, settle));
}

static void children_over(struct timer *timer)
{
	struct curfew_lifecycle *life = container_of(timer, struct curfew_lifecycle, children);

	force_work(life);
	cut_rest(life);
}

static void abandon_over(struct timer *timer)
{
	struct curfew_lifecycle *life = container_of(timer, struct curfew_lifecycle, abandon);

	if (in_phase(life, CURFEW_FORCING)) {
		reap_children(life);
	}
	complete(life);
}

/* Returns the part of the grace, in nanoseconds, that is kept for something that wants so much. */
static int64_t share(int64_t wanted_ms, int64_t most_ms)
{
	int64_t ms = wanted_ms < most_ms ? wanted_ms : most_ms;

	return ms > 0 ? ms * NS_PER_MS : 0;
}

static void set_deadlines(struct curfew_lifecycle *life, int64_t start)
{
	const struct curfew_lifecycle_options *options = &life->options;
	int64_t grace = clock_add_ms(start, options->grace_ms);
	int64_t work = grace;
	int64_t children = grace;

	if (grace != CURFEW_NEVER) {
		work -= share(options->child_reserve_ms, options->grace_ms / 3);
		children -= share(hooks_bound_ms(life), options->grace_ms / 10);
	}
	atomic_store(&life->work_deadline, work);
	atomic_store(&life->grace_deadline, grace);
	agenda_start(life->agenda, &life->work, work);
	agenda_start(life->agenda, &life->children, children);
}

static void begin(struct curfew_lifecycle *life, int64_t start)
{
	bool announce = life->options.announce_ms > 0 || life->prolonged;

	set_deadlines(life, start);
	if (announce && in_phase(life, CURFEW_RUNNING)) {
		enter(life, CURFEW_ANNOUNCING);
		agenda_start(life->agenda, &life->announce, announce_until(life));
	} else {
		drain_front(life);
	}
}

static void insist(struct curfew_lifecycle *life)
{
	int64_t until = curfew_after_ms(INSISTED_MS);

	if (until < atomic_load(&life->grace_deadline)) {
		atomic_store(&life->grace_deadline, until);
	}
	force_work(life);
	if (in_phase(life, CURFEW_FORCING) || in_phase(life, CURFEW_REAPING)) {
		agenda_stop(life->agenda, &life->children);
		cut_rest(life);
		hooks_clip(life);
	}
}

/* In the dispatch, after curfew_lifecycle_stop. */
static void stop_noted(struct task *task)
{
	struct curfew_lifecycle *life = container_of(task, struct curfew_lifecycle, stop);
	int64_t start;
	bool insisted;

	pthread_mutex_lock(&life->lock);
	start = life->stopped_at;
	insisted = life->insisted;
	pthread_mutex_unlock(&life->lock);
	if (in_phase(life, CURFEW_STARTING) || in_phase(life, CURFEW_RUNNING)) {
		begin(life, start);
	}
	if (insisted) {
		insist(life);
	}
}

/*
 * Keeps the first cause, and cancels the root with it before anybody can see that there is one; a
 * later cause insists if it may.
 */
static void note_cause(struct curfew_lifecycle *life, const struct curfew_cause *cause)
{
	bool insists = cause->reason == CURFEW_INSISTED;
	int64_t now = curfew_now();

	pthread_mutex_lock(&life->lock);
	if (life->stopped_at == CURFEW_NEVER) {
		life->cause = *cause;
		life->cause.origin = cause->reason;
		life->stopped_at = now;
		curfew_context_cancel(life->root, cause);
	}
	if (cause->reason == CURFEW_SIGNAL && life->signalled_at == CURFEW_NEVER) {
		life->signalled_at = now;
	} else if (cause->reason == CURFEW_SIGNAL && !life->options.ignore_insist) {
		insists = now >= clock_add_ms(life->signalled_at, life->options.debounce_ms);
	}
	if (insists && !life->insisted) {
		life->insisted = true;
		life->insist_signal = cause->signal;
	}
	pthread_mutex_unlock(&life->lock);
}

void curfew_lifecycle_stop(struct curfew_lifecycle *life, const struct curfew_cause *cause)
{
	note_cause(life, cause);
	agenda_post(life->agenda, &life->stop);
}

void curfew_lifecycle_stop_for(
	struct curfew_lifecycle *life, enum curfew_reason reason, const char *text)
{
	struct curfew_cause cause = cause_make(reason, text);

	curfew_lifecycle_stop(life, &cause);
}

void lifecycle_signal(struct curfew_lifecycle *life, int signal, pid_t sender)
{
	struct curfew_cause cause = cause_make(CURFEW_SIGNAL, NULL);
	char name[SIGNAL_NAME_BYTES];

	cause.signal = signal;
	cause.sender = sender;
	(void)snprintf(cause.text, sizeof(cause.text), "SIG%s from pid %d",
		signal_name(signal, name), (int)sender);
	curfew_lifecycle_stop(life, &cause);
}

bool lifecycle_ready(struct curfew_lifecycle *life)
{
	if (!in_phase(life, CURFEW_STARTING) ||
		curfew_token_cancelled(curfew_context_token(life->root))) {
		return false;
	}
	enter(life, CURFEW_RUNNING);
	return true;
}

/*
 * A drain of the program's own that is cut earlier, at a deadline of its own, is no force of ours.
 */
static void note_cut(const struct curfew_holder *holder, void *arg)
{
	struct curfew_lifecycle *life = arg;

	if (in_phase(life, CURFEW_FORCING) || in_phase(life, CURFEW_REAPING)) {
		lifecycle_note_forced(life, holder);
	}
}

static void init_stages(struct curfew_lifecycle *life)
{
	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		drain_init(&life->stages[stage], life->agenda);
		drain_note_cut(&life->stages[stage], note_cut, life);
	}
}

int lifecycle_init(struct curfew_lifecycle *life, struct agenda *agenda,
	const struct curfew_lifecycle_options *options)
{
	*life = (struct curfew_lifecycle){
		.options = *options,
		.agenda = agenda,
		.stopped_at = CURFEW_NEVER,
		.signalled_at = CURFEW_NEVER,
		.work_deadline = CURFEW_NEVER,
		.grace_deadline = CURFEW_NEVER,
		.stop.run = stop_noted,
		.announce.fired = announce_over,
		.work.fired = work_over,
		.settle.fired = settle_over,
		.children.fired = children_over,
		.abandon.fired = abandon_over,
	};
	life->root = context_new_root(agenda, CURFEW_NEVER);
	if (!life->root) {
		return -ENOMEM;
	}
	life->entered[CURFEW_STARTING] = curfew_now();
	pthread_mutex_init(&life->lock, NULL);
	init_stages(life);
	hooks_init(life);
	return 0;
}

static void stop_timers(struct curfew_lifecycle *life)
{
	struct timer *timers[] = {
		&life->announce, &life->work, &life->settle, &life->children, &life->abandon};

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		agenda_stop(life->agenda, timers[i]);
	}
}

static bool is_held(struct curfew_lifecycle *life)
{
	size_t count = 0;

	for (int stage = 0; stage < CURFEW_STAGES; stage++) {
		count += curfew_drain_count(&life->stages[stage]);
	}
	return count;
}

bool lifecycle_fini(struct curfew_lifecycle *life)
{
	stop_timers(life);
	agenda_unpost(life->agenda, &life->stop);
	hooks_fini(life);
	context_free_root(life->root);
	if (is_held(life)) {
		assert(curfew_lifecycle_done(life));
		return false;
	}
	for (int stage = CURFEW_STAGES - 1; stage >= 0; stage--) {
		drain_fini(&life->stages[stage]);
	}
	pthread_mutex_destroy(&life->lock);
	return true;
}
