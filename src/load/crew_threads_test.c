/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several crews, each in its thread: which of them makes which request. Nothing here waits for a
 * time, and nothing depends on one: the server, on worker 0, answers at once whatever comes.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "load/crew.h"
#include "load/lane.h"
#include "net/worker_script.h"

#define THREADS_MOST 5
#define NUMBERS_MOST 1000
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct plan plan;
static struct crew crews[THREADS_MOST];
static size_t lane_counts[THREADS_MOST];
static int crew_count;
static struct task news;

/* The source. */

struct counting {
	struct load_source source;
	int thread;
};

static _Atomic int made_by[NUMBERS_MOST]; /* 0: by nobody; else the thread, from 1 */
static _Atomic int made, over;
static uint64_t ends_at;

static int next(struct load_source *source, struct load_request *request)
{
	int thread = container_of(source, struct counting, source)->thread;

	if (request->number >= ends_at) {
		return SOURCE_END;
	}
	assert_true(request->number < NUMBERS_MOST);
	assert_int_equal(atomic_exchange(&made_by[request->number], thread + 1), 0);
	atomic_fetch_add(&made, 1);
	request->head = "GET / HTTP/1.1\r\nHost: a\r\n";
	request->head_length = strlen(request->head);
	return 0;
}

static enum load_outcome count_over(struct load_source *source, const struct load_request *request,
	const struct load_answer *answer)
{
	(void)source;
	(void)request;
	atomic_fetch_add(&over, 1);
	return answer ? answer->outcome : LOAD_OK;
}

static void stop(struct load_source *source)
{
	(void)source;
}

static void free_source(struct load_source *source)
{
	free(container_of(source, struct counting, source));
}

static struct load_source *new_source(const struct plan *of, struct worker *on, int thread)
{
	static const struct source_ops ops = {
		.next = next, .over = count_over, .stop = stop, .free = free_source};
	struct counting *made_one = calloc(1, sizeof(*made_one));

	(void)of;
	assert_int_equal(on->index, thread);
	made_one->source.ops = &ops;
	made_one->thread = thread;
	return &made_one->source;
}

static const struct source_kind counting_kind = {.new = new_source};

/* The server. */

struct connection {
	struct source source;
	struct connection *next;
};

static struct source listening;
static struct connection *connections;

/* A request comes in one piece, and the next one after its answer. */
static void ready(struct source *source, uint32_t events)
{
	char bytes[1024];

	(void)events;
	if (recv(source->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
		(void)send(source->fd, OK, strlen(OK), MSG_NOSIGNAL);
	} else {
		loop_unwatch(worker->loop, source);
	}
}

static void accept_all(struct source *source, uint32_t events)
{
	int fd;

	(void)events;
	while ((fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct connection *connection = calloc(1, sizeof(*connection));

		connection->source = (struct source){.fd = fd, .ready = ready};
		connection->next = connections;
		connections = connection;
		assert_int_equal(loop_watch(worker->loop, &connection->source, EPOLLIN), 0);
	}
}

static void server_begin(struct address *address)
{
	struct socket_address at;

	*address = (struct address){.is_unix = true};
	(void)snprintf(address->host, sizeof(address->host), "@curfew-crews-%d", (int)getpid());
	assert_true(address_literal(address, &at));
	listening = (struct source){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		.ready = accept_all,
	};
	assert_int_equal(bind(listening.fd, (struct sockaddr *)&at.storage, at.length), 0);
	assert_int_equal(listen(listening.fd, 1024), 0);
	assert_int_equal(loop_watch(worker->loop, &listening, EPOLLIN), 0);
}

static void server_end(void)
{
	while (connections) {
		struct connection *connection = connections;

		connections = connection->next;
		loop_unwatch(worker->loop, &connection->source);
		close(connection->source.fd);
		free(connection);
	}
	loop_unwatch(worker->loop, &listening);
	close(listening.fd);
}

/* The run. */

static void no_news(struct task *task)
{
	(void)task;
}

static bool all_are(enum crew_stage stage)
{
	for (int i = 0; i < crew_count; i++) {
		if (atomic_load(&crews[i].stage) < (int)stage) {
			return false;
		}
	}
	return true;
}

static bool all_left(void)
{
	for (int i = 0; i < crew_count; i++) {
		if (crews[i].hold.drain) {
			return false;
		}
	}
	return true;
}

static void crews_begin(int threads)
{
	workers_begin(threads, 20000);
	server_begin(&plan.endpoints[0].address);
	plan.endpoint_count = plan.scenario_count = 1;
	plan.kind = &counting_kind;
	plan.timeout_ms = CURFEW_NEVER;
	plan.threads = crew_count = threads;
	memset(made_by, 0, sizeof(made_by));
	made = over = 0;
	news.run = no_news;
	for (int i = 0; i < threads; i++) {
		assert_int_equal(crew_init(&crews[i], &plan, &pool.workers[i], i, threads), 0);
		crews[i].news = &news;
		crews[i].news_agenda = &worker->loop->agenda;
		crew_prepare(&crews[i]);
	}
	run_until(all_are(CREW_PREPARED));
	for (int i = 0; i < crew_count; i++) {
		lane_counts[i] = crews[i].lane_count;
	}
}

/* Until they are quiet, and then over. */
static void crews_run(void)
{
	int64_t began = curfew_now();

	for (int i = 0; i < crew_count; i++) {
		crew_run(&crews[i], began);
	}
	run_until(all_are(CREW_QUIET));
	for (int i = 0; i < crew_count; i++) {
		crew_finish(&crews[i], CURFEW_NEVER);
	}
	run_until(all_are(CREW_OVER));
}

static void crews_end(void)
{
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	while (!curfew_lifecycle_done(life)) {
		worker_round(worker, true);
	}
	assert_true(all_left());
	assert_int_equal(made, over);
	for (int i = 0; i < crew_count; i++) {
		crew_fini(&crews[i]);
	}
	server_end();
	assert_true(workers_end());
}

/* Returns the sum of what they have counted. */
static struct tally sum_of_all(void)
{
	struct tally sum;

	assert_int_equal(tally_init(&sum, 1), 0);
	for (int i = 0; i < crew_count; i++) {
		assert_null(tally_contradiction(crews[i].tally));
		tally_merge(&sum, crews[i].tally);
	}
	assert_null(tally_contradiction(&sum));
	assert_int_equal(sum.in_flight, 0);
	return sum;
}

/* Each number up to that once, by the thread whose turn it is, and no other. */
static void assert_made(int count)
{
	for (int i = 0; i < NUMBERS_MOST; i++) {
		assert_int_equal(made_by[i], i < count ? i % crew_count + 1 : 0);
	}
}

static void assert_answered(int count)
{
	struct tally sum = sum_of_all();

	assert_int_equal(sum.scheduled, count);
	assert_int_equal(sum.dropped, 0);
	assert_int_equal(sum.outcomes[LOAD_OK], count);
	assert_made(count);
	tally_fini(&sum);
}

static void a_closed_loop_makes_so_many(void **state)
{
	(void)state;
	for (int threads = 1; threads <= THREADS_MOST; threads++) {
		plan = (struct plan){.connections = 7, .for_ns = INT64_MAX, .requests_most = 500};
		ends_at = UINT64_MAX;
		crews_begin(threads);
		crews_run();
		assert_answered(500);
		for (int i = 0; i < threads; i++) {
			assert_int_equal(lane_counts[i], 7 / threads + (i < 7 % threads));
			assert_true(atomic_load(&crews[i].exhausted));
		}
		crews_end();
	}
}

/* Some have nothing to do then, and say so. */
static void fewer_requests_than_threads(void **state)
{
	(void)state;
	plan = (struct plan){.connections = 7, .for_ns = INT64_MAX, .requests_most = 2};
	ends_at = UINT64_MAX;
	crews_begin(THREADS_MOST);
	crews_run();
	assert_answered(2);
	crews_end();
}

static void a_source_ends_in_each_of_them(void **state)
{
	(void)state;
	plan = (struct plan){.connections = 6, .for_ns = INT64_MAX, .requests_most = UINT64_MAX};
	ends_at = 101;
	crews_begin(3);
	crews_run();
	assert_answered(101);
	crews_end();
}

/* Whichever thread makes it, the request is the one whose turn it is: over all stages. */
static void an_open_loop_makes_what_is_due(void **state)
{
	static const struct schedule_stage stages[] = {
		{.rate = 10000, .for_ns = 700000},                                  /* 7 */
		{.rate = 0, .for_ns = 1000000}, {.rate = 20000, .for_ns = 1000000}, /* 20 */
		{.rate = 1000, .for_ns = 1000000},                                  /* 1 */
		{.rate = 50000, .for_ns = 1000000},                                 /* 50 */
	};

	(void)state;
	for (int threads = 1; threads <= THREADS_MOST; threads++) {
		plan = (struct plan){
			.is_open = true,
			.stages = stages,
			.stage_count = 5,
			.connections = 100 * threads,
			.for_ns = INT64_MAX,
			.requests_most = UINT64_MAX,
		};
		ends_at = UINT64_MAX;
		crews_begin(threads);
		crews_run();
		assert_answered(78);
		crews_end();
	}
}

static void an_open_loop_makes_so_many(void **state)
{
	static const struct schedule_stage stages[] = {
		{.rate = 10000, .for_ns = 500000}, /* 5 */
		{.rate = 10000, .for_ns = 500000}, /* 5 */
		{.rate = 10000, .for_ns = INT64_MAX},
	};

	(void)state;
	for (int arrival = SCHEDULE_CONSTANT; arrival <= SCHEDULE_POISSON; arrival++) {
		plan = (struct plan){
			.is_open = true,
			.stages = stages,
			.stage_count = 3,
			.arrival = (enum schedule_arrival)arrival,
			.connections = 200,
			.for_ns = INT64_MAX,
			.requests_most = 41,
		};
		ends_at = UINT64_MAX;
		crews_begin(3);
		crews_run();
		assert_answered(41);
		crews_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_loop_makes_so_many),
		cmocka_unit_test(fewer_requests_than_threads),
		cmocka_unit_test(a_source_ends_in_each_of_them),
		cmocka_unit_test(an_open_loop_makes_what_is_due),
		cmocka_unit_test(an_open_loop_makes_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
