/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many calls, and whatever may happen to them in any order, against a model that is so simple that
 * one sees that it is right: each call has a place, one cause at most, and one answer at most.
 */
#include "serve/invocation_script.h"

#define RUNS 3000
#define STEPS 60

enum place { NOWHERE, WAITING, RUNNING, GONE };
enum cause { NO_CAUSE, ENDED, CLIENT_LEFT, LATE };

struct model {
	enum place place;
	enum cause cause;
	int64_t due;
	int64_t overdue; /* CURFEW_NEVER: its patience has not begun */
	bool has_client;
	bool paused;
};

static struct model models[CALLS_MOST];
static bool has_ended;
static bool was_cut;
static uint64_t random_state;

/* What is being done, for what is heard meanwhile. */
static struct called *ending;
static enum invocation_outcome outcome;

static unsigned random_below(unsigned most)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random_state >> 33) % most;
}

static struct model *model_of(const struct called *call)
{
	return &models[call - called];
}

static int status_of(enum cause cause)
{
	return cause == ENDED ? 503 : cause == LATE ? 504 : 500;
}

static void set_cause(struct model *model, enum cause cause)
{
	if (model->place != GONE && model->cause == NO_CAUSE) {
		model->cause = cause;
	}
}

/* What the answer has to be, from what the model knows. */
static int expected_status(const struct called *call)
{
	const struct model *model = model_of(call);

	if (call == ending && outcome != INVOCATION_CANCELLED) {
		return outcome == INVOCATION_DONE ? 200 : 502;
	}
	if (call != ending && ending) {
		assert_int_equal(model->place, WAITING); /* and could not be begun */
		assert_true(begin_error);
		return 500;
	}
	return status_of(model->cause);
}

static void check_answer(struct called *call)
{
	struct model *model = model_of(call);

	assert_true(model->has_client);
	if (model->due <= curfew_now()) {
		set_cause(model, LATE);
	}
	assert_int_equal(call->status, expected_status(call));
	model->has_client = false;
	if (call == ending || model->place == WAITING) {
		model->place = GONE;
	}
}

static int count_in(enum place place)
{
	int count = 0;

	for (int i = 0; i < called_count; i++) {
		count += models[i].place == place;
	}
	return count;
}

/* Those that wait begin in order as soon as there is a slot. */
static void begin_waiting(void)
{
	for (int i = 0; i < called_count && count_in(RUNNING) < serve.slots; i++) {
		if (models[i].place == WAITING) {
			assert_non_null(called[i].work);
			models[i].place = RUNNING;
		}
	}
}

static void do_start(void)
{
	bool has_room = count_in(RUNNING) < serve.slots || count_in(WAITING) < serve_config.queue;
	bool begins = count_in(RUNNING) < serve.slots;
	bool is_taken = !has_ended && has_room && !(begins && begin_error);
	struct called *call = &called[called_count];

	models[called_count] = (struct model){
		.due = curfew_after_ms(TIMEOUT_MS),
		.overdue = CURFEW_NEVER,
		.has_client = is_taken,
		.place = !is_taken ? GONE
			: begins   ? RUNNING
				   : WAITING,
	};
	(void)start();
	assert_int_equal(call->invocation != NULL, is_taken);
	assert_int_equal(call->work != NULL, is_taken && begins);
	if (!is_taken) {
		assert_int_equal(call->status, has_ended || !has_room ? 503 : 500);
	}
}

static void do_end(struct called *call)
{
	struct model *model = model_of(call);
	bool had_client = model->has_client;

	outcome = (enum invocation_outcome)random_below(3);
	ending = call;
	end_as(call, outcome);
	ending = NULL;
	assert_false(model->has_client);
	assert_int_equal(call->answers, had_client ? 1 : call->answers);
	model->place = GONE;
	begin_waiting();
}

static void do_leave(struct called *call)
{
	struct model *model = model_of(call);

	set_cause(model, CLIENT_LEFT);
	model->has_client = false;
	leave(call);
	assert_int_equal(call->answers, 0);
	if (model->place == WAITING) {
		model->place = GONE;
	}
}

static void do_item(struct called *call)
{
	struct model *model = model_of(call);
	int before = call->items;
	bool more;

	clients_pause = random_below(2);
	more = give_item(call, "[]");
	assert_int_equal(more, !clients_pause || !model->has_client);
	assert_int_equal(call->items, before + model->has_client);
	model->paused = !more;
}

static void do_resume(struct called *call)
{
	struct model *model = model_of(call);
	bool expected = model->paused && model->place == RUNNING;

	forget_heard();
	invocation_resume(call->invocation);
	assert_int_equal(heard.length > 0, expected);
	model->paused = false;
}

static void do_wait(void)
{
	static const int64_t times[] = {0, 1, 500, INVOCATION_PATIENCE_MS, TIMEOUT_MS};

	timeline_advance_ms(times[random_below(5)]);
	for (int i = 0; i < called_count; i++) {
		struct model *model = &models[i];

		if (model->place == NOWHERE || model->place == GONE || model->due > curfew_now()) {
			continue;
		}
		set_cause(model, LATE);
		assert_int_equal(model->place, RUNNING); /* what waited was answered */
		if (clock_add_ms(model->due, INVOCATION_PATIENCE_MS) <= curfew_now()) {
			assert_false(model->has_client);
		}
	}
}

static void do_stop(void)
{
	has_ended = true;
	for (int i = 0; i < called_count; i++) {
		set_cause(&models[i], ENDED);
	}
	stop();
	assert_int_equal(count_in(WAITING), 0);
}

/* The holds are cut by a second signal, then the connections are. */
static void do_cut(void)
{
	do_stop();
	was_cut = true;
	timeline_advance_ms(150);
	do_wait();
	lifecycle_signal(&life, SIGINT, 77);
	timeline_settle();
	for (int i = 0; i < called_count; i++) {
		if (called[i].invocation && random_below(4)) {
			invocation_cut(called[i].invocation);
			assert_false(models[i].has_client);
		}
	}
}

/* Returns a call at random that has a client, or one that has work; NULL: there is none. */
static struct called *pick(bool with_work)
{
	struct called *found = NULL;
	unsigned count = 0;

	for (int i = 0; i < called_count; i++) {
		bool fits = with_work ? called[i].work != NULL : called[i].invocation != NULL;

		if (fits && !random_below(++count)) {
			found = &called[i];
		}
	}
	return found;
}

static void step(void)
{
	unsigned what = random_below(100);
	struct called *client = pick(false);
	struct called *work = pick(true);

	begin_error = random_below(10) ? 0 : -EAGAIN;
	if (what < 35) {
		do_start();
	} else if (what < 60 && work) {
		do_end(work);
	} else if (what < 70 && client) {
		do_leave(client);
	} else if (what < 80 && work) {
		do_item(work);
	} else if (what < 85 && client) {
		do_resume(client);
	} else if (what < 97) {
		do_wait();
	} else if (what < 98) {
		do_stop();
	} else if (what == 98 && !was_cut) {
		do_cut();
	}
	forget_heard();
	assert_int_equal(serve.running, count_in(RUNNING));
	assert_int_equal(serve.queued, count_in(WAITING));
	assert_int_equal(
		held(CURFEW_WORK) + held(CURFEW_CHILDREN), count_in(RUNNING) + count_in(WAITING));
}

/* What is held when the lifecycle is over was abandoned, and may come back all the same. */
static void finish(void)
{
	struct called *work;

	begin_error = 0;
	while ((work = pick(true))) {
		do_end(work);
	}
	for (int i = 0; i < called_count; i++) {
		assert_int_equal(models[i].place, GONE);
		assert_null(called[i].invocation);
	}
	assert_counted();
}

static void whatever_happens_each_call_is_answered_once(void **state)
{
	uint64_t begun = 0;

	(void)calls_teardown(state);
	for (unsigned run = 1; run <= RUNS; run++) {
		(void)calls_setup(state);
		random_state = run;
		has_ended = false;
		was_cut = false;
		memset(models, 0, sizeof(models));
		on_answered = check_answer;
		serve_config.request_timeout_ms = TIMEOUT_MS;
		serve_config.queue = (int)random_below(4);
		serve.slots = 1 + (int)random_below(3);
		for (int i = 0; i < STEPS; i++) {
			step();
		}
		finish();
		begun += serve.counts.calls_begun;
		(void)calls_teardown(state);
	}
	assert_true(begun > (uint64_t)4 * RUNS);
	(void)calls_setup(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		call_test(whatever_happens_each_call_is_answered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
