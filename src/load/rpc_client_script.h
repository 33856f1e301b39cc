/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a client of a scripted node, and calls that note how they end. */
#ifndef LOAD_RPC_CLIENT_SCRIPT_H
#define LOAD_RPC_CLIENT_SCRIPT_H

#include "load/node_script.h"
#include "load/rpc_client.h"

#define CALLS 24
#define LATER 5000 /* ms */

/* A call, and how it ended. */
struct asking {
	struct rpc_call call;
	int done; /* how often */
	enum rpc_verdict verdict;
	char said[200]; /* the result, the error's message, or the failure */
	void (*then)(struct asking *asking);
};

static struct rpc_client *client;
static struct asking asked[CALLS];

static inline void note_end(
	struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct asking *asking = container_of(call, struct asking, call);
	const struct json_value *value = NULL;

	assert_false(rpc_under_way(call));
	assert_true(!answer == !!failure);
	asking->done++;
	if (answer) {
		value = answer->verdict == RPC_RESULT ? &answer->result : &answer->message;
		asking->verdict = answer->verdict;
		(void)snprintf(asking->said, sizeof(asking->said), "%.*s", (int)value->length,
			answer->text + value->start);
	} else {
		(void)snprintf(asking->said, sizeof(asking->said), "%s", failure);
	}
	if (asking->then) {
		asking->then(asking);
	}
}

static inline void ask(struct asking *asking, int64_t within_ms)
{
	asking->call.done = note_end;
	rpc_call(client, &asking->call, curfew_after_ms(within_ms), "a_question", "%d",
		(int)(asking - asked));
	assert_int_equal(asking->done, 0); /* never before it returned */
}

static inline int setup(void **state)
{
	int error = node_setup(state);

	memset(asked, 0, sizeof(asked));
	client = rpc_client_new(worker, &node.endpoint, NULL);
	assert_non_null(client);
	return error;
}

static inline int teardown(void **state)
{
	rpc_client_close(client);
	for (int i = 0; i < CALLS; i++) {
		rpc_call_fini(&asked[i].call);
	}
	return node_teardown(state);
}

#define client_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static inline void await_end(struct asking *asking)
{
	run_until(asking->done);
	assert_int_equal(asking->done, 1);
}

static inline void expect(struct asking *asking, const char *said)
{
	await_end(asking);
	assert_string_equal(asking->said, said);
	asking->done = 0;
}

/* The question of this call, once it has come to the node. */
static inline struct node_question *question_of(const struct asking *asking)
{
	struct node_question *found = NULL;
	char params[16];

	(void)snprintf(params, sizeof(params), "[%d]", (int)(asking - asked));
	while (!found) {
		(void)node_await("a_question");
		list_each(link, &node.waiting) {
			struct node_question *question =
				container_of(link, struct node_question, link);

			found = strcmp(question->params, params) ? found : question;
		}
		if (!found) {
			round_wait();
			round_now();
		}
	}
	return found;
}

#endif
