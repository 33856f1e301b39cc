/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a collector of the chain of a scripted node, which begins with 6 blocks, 0 to 5. */
#ifndef LOAD_COLLECTOR_SCRIPT_H
#define LOAD_COLLECTOR_SCRIPT_H

#include "load/chain_script.h"
#include "load/collector.h"

#define POLL_MS 250
#define FIRST 5 /* the newest block at first */

static struct rpc_client *client;
static struct collector *collector;
static struct inclusion inclusion;
static struct chain chain;
static struct collector_counts counts;
static struct collector_config config;
static int started, reorganized;
static char why_not[100]; /* it could not start */
static bool frees_itself; /* where it could not */

static inline void note_started(void *arg, const char *why)
{
	assert_ptr_equal(arg, &config);
	started++;
	(void)snprintf(why_not, sizeof(why_not), "%s", why ? why : "");
	if (why && frees_itself) {
		collector_free(collector);
		collector = NULL;
	}
}

static inline void note_reorganized(void *arg)
{
	assert_ptr_equal(arg, &config);
	reorganized++;
}

static inline void collect(const struct endpoint *websocket)
{
	started = 0;
	config.websocket = websocket;
	collector = collector_new(&config);
	assert_non_null(collector);
	assert_int_equal(started, 0);
}

static inline void await_started(void)
{
	run_until(started);
	assert_string_equal(why_not, "");
	node_settle();
	assert_int_equal(started, 1);
}

/* One that is quiet, and what it has asked is forgotten. */
static inline void collect_started(const struct endpoint *websocket)
{
	collect(websocket);
	await_started();
	if (websocket) {
		run_until(node_ws() && collector_is_quiet(collector));
		node_settle();
	}
	buffer_consume(&node.asked, node.asked.length);
}

/* The time for a poll comes, and it is quiet again. */
static inline void poll_now(void)
{
	pass_ms(POLL_MS);
	run_until(collector_is_quiet(collector));
	node_settle();
}

/* A transaction of ours is sent now, and accepted. */
static inline void send_one(int number)
{
	inclusion_sent(&inclusion, chain_hash((uint64_t)number), curfew_now());
	inclusion_answered(&inclusion, chain_hash((uint64_t)number), INCLUSION_ACCEPTED);
}

static inline struct inclusion_counts counted(void)
{
	struct inclusion_counts now;

	inclusion_counts_now(&inclusion, &now);
	return now;
}

/* What was held is answered, and nothing is held any more. */
static inline void release(void)
{
	node_chain.holds = NULL;
	while (node_first()) {
		assert_true(chain_answer(node_first()));
	}
}

static inline int node_await_asked(const char *method, int count)
{
	run_until(node_count_asked(method) >= count);
	return count;
}

static inline int collector_setup(void **state)
{
	int error = node_setup(state);

	chain_setup(FIRST);
	assert_int_equal(inclusion_init(&inclusion), 0);
	assert_int_equal(chain_init(&chain, &inclusion), 0);
	counts = (struct collector_counts){0};
	reorganized = 0;
	frees_itself = false;
	client = rpc_client_new(worker, &node.endpoint, NULL);
	config = (struct collector_config){
		.worker = worker,
		.client = client,
		.poll_ms = POLL_MS,
		.receipts = true,
		.inclusion = &inclusion,
		.chain = &chain,
		.counts = &counts,
		.started = note_started,
		.reorganized = note_reorganized,
		.arg = &config,
	};
	return error;
}

static inline int collector_teardown(void **state)
{
	collector_free(collector);
	collector = NULL;
	rpc_client_close(client);
	chain_fini(&chain);
	inclusion_fini(&inclusion);
	chain_teardown();
	return node_teardown(state);
}

#define collector_test(test)                                                                       \
	cmocka_unit_test_setup_teardown(test, collector_setup, collector_teardown)

#endif
