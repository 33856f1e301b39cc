/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of functions that are here, on real threads and a real loop. What the calls are for, the
 * invocation, is played: it notes its items and its end.
 */
#include "serve/library_call.c" /* NOLINT(bugprone-suspicious-include) */

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/worker_script.h"

#define INVOCATIONS 32
#define STREAMED 1000

static struct serve_config config;
static struct serve serve;
static struct library *library;
static struct invocation invocations[INVOCATIONS];
static struct curfew_context *contexts;
static char story[65536]; /* what the invocations were told */
static int over;
static int items;
static int items_most; /* more are not taken at once; 0: any number */

/* Adds to the story; a buffer that was reset may end with what was there before. */
static void note(const char *words, const struct buffer *text)
{
	size_t length = strlen(story);

	(void)snprintf(story + length, sizeof(story) - length, "%s%.*s", words, (int)text->length,
		text->length ? text->data : "");
}

bool invocation_item(struct invocation *invocation, struct envelope *envelope)
{
	assert_ptr_equal(invocation, &invocations[0]);
	items++;
	if (items <= 3) {
		note("", &envelope->output);
		note(" ", &(struct buffer){0});
	}
	envelope_reset(envelope);
	return !items_most || items < items_most;
}

void invocation_end(
	struct invocation *invocation, enum invocation_outcome how, struct envelope *envelope)
{
	assert_null(invocation->run);
	assert_int_equal(envelope->status_code, 0);
	note(how == INVOCATION_DONE ? "done " : "cancelled ",
		envelope->has_text ? &envelope->text : &envelope->output);
	envelope_fini(envelope);
	invocation->state = INVOCATION_OVER;
	over++;
}

static int setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	library = calloc(1, sizeof(*library));
	assert_non_null(library);
	library->uses.output = true;
	config = (struct serve_config){0};
	serve = (struct serve){.config = &config, .worker = worker, .slots = 4};
	serve.function.plugin = library;
	serve.function.runner = &library_runner;
	assert_int_equal(thread_pool_init(&library->pool, serve.slots), 0);
	library->started = true;
	contexts = curfew_context_new(NULL, CURFEW_NEVER);
	assert_non_null(contexts);
	story[0] = '\0';
	over = 0;
	items = 0;
	items_most = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < INVOCATIONS; i++) {
		curfew_context_free(invocations[i].context);
		invocations[i] = (struct invocation){0};
	}
	curfew_context_free(contexts);
	library_runner.stop(&serve);
	library_runner.stop(&serve);
	library_runner.fini(&serve);
	return workers_end() ? 0 : -1;
}

static struct invocation *begin(int index)
{
	struct invocation *invocation = &invocations[index];

	*invocation = (struct invocation){
		.serve = &serve,
		.function = &serve.function,
		.state = INVOCATION_RUNNING,
		.context = curfew_context_new(contexts, CURFEW_NEVER),
	};
	assert_non_null(invocation->context);
	assert_int_equal(library_runner.begin(invocation), 0);
	return invocation;
}

/* The functions. */

static sem_t entered;
static sem_t go;
static atomic_int yielded;

static int answer(const struct curfew_request *request, struct curfew_response *response)
{
	(void)request;
	return curfew_response_output(response, "42", 2);
}

static int wait_for_token(const struct curfew_request *request, struct curfew_response *response)
{
	(void)response;
	sem_post(&entered);
	(void)curfew_token_wait(curfew_request_token(request), CURFEW_NEVER);
	CURFEW_RETURN_IF_CANCELLED(request);
	return 0;
}

static int ignore_token(const struct curfew_request *request, struct curfew_response *response)
{
	sem_post(&entered);
	sem_wait(&go);
	return answer(request, response);
}

/* Yields until it is told to stop, or STREAMED times. */
static int stream(const struct curfew_request *request, struct curfew_response *response)
{
	(void)request;
	for (int i = 1; i <= STREAMED; i++) {
		char json[16];
		int length = snprintf(json, sizeof(json), "%d", i);
		int error = curfew_response_yield(response, json, (size_t)length);

		if (error) {
			return error;
		}
		atomic_fetch_add(&yielded, 1);
	}
	return 0;
}

/* Items that are large fill the queue before they are many. */
static int stream_large(const struct curfew_request *request, struct curfew_response *response)
{
	static char json[200000];

	(void)request;
	memset(json, '1', sizeof(json));
	for (int i = 0; i < 4; i++) {
		int error = curfew_response_yield(response, json, sizeof(json));

		if (error) {
			return error;
		}
		atomic_fetch_add(&yielded, 1);
	}
	return 0;
}

static int check(const struct curfew_request *request, struct curfew_response *response)
{
	assert_null(curfew_request_string(request, "path", NULL));
	assert_int_equal(curfew_response_output(response, "1", 1), -EPERM);
	assert_int_equal(curfew_response_yield(response, "1", 1), -EPERM);
	assert_int_equal(curfew_response_info(response, "so"), -EPERM);
	return curfew_response_usage(response, "checks", 1);
}

static void run_with(int (*function)(const struct curfew_request *, struct curfew_response *))
{
	library->function.run = function;
	serve.function.streams = function == stream || function == stream_large;
	sem_init(&entered, 0, 0);
	sem_init(&go, 0, 0);
	atomic_store(&yielded, 0);
}

/* The tests. */

static void a_call_goes_to_a_thread_and_back(void **state)
{
	(void)state;
	run_with(answer);
	(void)begin(0);
	run_until(over == 1);
	assert_string_equal(story, "done 42");
}

static void calls_run_beside_each_other(void **state)
{
	(void)state;
	run_with(ignore_token);
	for (int i = 0; i < serve.slots; i++) {
		(void)begin(i);
	}
	for (int i = 0; i < serve.slots; i++) {
		sem_wait(&entered); /* all have begun, and none has ended */
	}
	assert_int_equal(over, 0);
	for (int i = 0; i < serve.slots; i++) {
		sem_post(&go);
	}
	run_until(over == serve.slots);
}

static void a_cancellation_is_seen_by_the_function(void **state)
{
	struct invocation *invocation;

	(void)state;
	run_with(wait_for_token);
	invocation = begin(0);
	sem_wait(&entered);
	curfew_context_cancel_for(invocation->context, CURFEW_CLIENT_GONE, NULL);
	library_runner.cancel(invocation);
	run_until(over == 1);
	assert_string_equal(story, "cancelled ");
}

static void a_result_behind_a_cancellation_is_one(void **state)
{
	struct invocation *invocation;

	(void)state;
	run_with(ignore_token);
	invocation = begin(0);
	sem_wait(&entered);
	curfew_context_cancel_for(invocation->context, CURFEW_DEADLINE, NULL);
	library_runner.cancel(invocation);
	library_runner.cut(invocation);
	assert_int_equal(over, 0);
	sem_post(&go);
	run_until(over == 1);
	assert_string_equal(story, "done 42");
}

static void items_come_in_order_and_before_the_end(void **state)
{
	(void)state;
	run_with(stream);
	(void)begin(0);
	run_until(over == 1);
	assert_int_equal(items, STREAMED);
	assert_string_equal(story, "1 2 3 done ");
}

/* Waits until the function does. */
static void await_blocked(const struct invocation *invocation)
{
	struct item_queue *queue = ((struct call *)invocation->run)->items;
	bool waiting = false;

	while (!waiting) {
		pthread_mutex_lock(&queue->lock);
		waiting = queue->waiting;
		pthread_mutex_unlock(&queue->lock);
		sched_yield();
	}
}

/* Nothing is lost, and no more is kept than the queue has places. */
static void assert_bounded(void)
{
	assert_in_range(atomic_load(&yielded), items_most, items_most + ITEM_QUEUE_MOST);
}

static void a_slow_client_blocks_the_yield(void **state)
{
	struct invocation *invocation;

	(void)state;
	run_with(stream);
	items_most = 5;
	invocation = begin(0);
	run_until(items == items_most);
	await_blocked(invocation);
	round_now();
	assert_int_equal(items, items_most);
	assert_bounded();
	items_most = 100;
	library_runner.resume(invocation);
	run_until(items == items_most);
	await_blocked(invocation);
	assert_bounded();
	items_most = 0;
	library_runner.resume(invocation);
	run_until(over == 1);
	assert_int_equal(items, STREAMED);
}

static void large_items_block_the_yield_sooner(void **state)
{
	struct invocation *invocation;

	(void)state;
	run_with(stream_large);
	items_most = 1;
	invocation = begin(0);
	run_until(items == 1);
	while (atomic_load(&yielded) < 2) {
		sched_yield(); /* it may still be blocked by the first, which was taken */
	}
	await_blocked(invocation);
	assert_int_equal(atomic_load(&yielded), 2);
	items_most = 0;
	library_runner.resume(invocation);
	run_until(over == 1);
	assert_int_equal(items, 4);
}

static void a_cancellation_wakes_a_yield(void **state)
{
	struct invocation *invocation;

	(void)state;
	run_with(stream);
	items_most = 1;
	invocation = begin(0);
	run_until(items == 1);
	await_blocked(invocation);
	curfew_context_cancel_for(invocation->context, CURFEW_CLIENT_GONE, NULL);
	library_runner.cancel(invocation);
	run_until(over == 1);
	assert_int_equal(items, atomic_load(&yielded)); /* what was yielded is given */
	assert_non_null(strstr(story, "cancelled "));
}

static void a_cancelled_call_yields_nothing(void **state)
{
	(void)state;
	run_with(stream);
	curfew_context_cancel_for(contexts, CURFEW_COMPLETED, NULL);
	(void)begin(0);
	run_until(over == 1);
	assert_int_equal(items, 0);
	assert_string_equal(story, "cancelled ");
}

static void a_precheck_says_little(void **state)
{
	struct invocation *invocation = &invocations[0];

	(void)state;
	run_with(stream);
	library->function.precheck = check;
	library->precheck_uses.usage = true;
	*invocation = (struct invocation){
		.serve = &serve,
		.function = &serve.function,
		.kind = INVOCATION_PRECHECK,
		.context = curfew_context_new(contexts, CURFEW_NEVER),
	};
	assert_int_equal(library_runner.begin(invocation), 0);
	run_until(over == 1);
	assert_string_equal(story, "done ");
}

static void nothing_begins_behind_the_stop(void **state)
{
	struct invocation *invocation = &invocations[0];

	(void)state;
	run_with(answer);
	library_runner.stop(&serve);
	*invocation = (struct invocation){
		.serve = &serve,
		.function = &serve.function,
		.context = curfew_context_new(contexts, CURFEW_NEVER),
	};
	assert_int_equal(library_runner.begin(invocation), -ESHUTDOWN);
	assert_int_equal(over, 0);
}

static void many_calls_are_all_answered(void **state)
{
	int begun = 0;

	(void)state;
	run_with(answer);
	while (begun < 2000) {
		int slot = begun % INVOCATIONS;
		int before = over;

		if (begun >= INVOCATIONS) {
			run_until(invocations[slot].state == INVOCATION_OVER);
			curfew_context_free(invocations[slot].context);
		}
		assert_true(over >= before);
		story[0] = '\0';
		(void)begin(slot);
		begun++;
	}
	run_until(over == begun);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_call_goes_to_a_thread_and_back),
		test(calls_run_beside_each_other),
		test(a_cancellation_is_seen_by_the_function),
		test(a_result_behind_a_cancellation_is_one),
		test(items_come_in_order_and_before_the_end),
		test(a_slow_client_blocks_the_yield),
		test(large_items_block_the_yield_sooner),
		test(a_cancellation_wakes_a_yield),
		test(a_cancelled_call_yields_nothing),
		test(a_precheck_says_little),
		test(nothing_begins_behind_the_stop),
		test(many_calls_are_all_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
