/* SPDX-License-Identifier: Apache-2.0 */
#include "load/account_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"

#define QUESTION_MS 5000
#define FIRST_QUESTION_MS 30000
#define AGAIN_MS 100 /* after an answer that is none */

static void ask_on(struct account_pool *pool);

static struct account *account_of(struct curfew_link *link)
{
	return container_of(link, struct account, link);
}

static uint64_t epoch_now(const struct account_pool *pool)
{
	return atomic_load_explicit(&pool->evm->epoch, memory_order_relaxed);
}

/* The first questions. */

static void tell_loaded(struct account_pool *pool, const char *failure)
{
	void (*loaded)(void *, const char *) = pool->loaded;

	pool->loaded = NULL;
	if (failure) {
		account_pool_stop(pool);
	}
	loaded(pool->arg, failure);
}

/* What is missing, of the first one; how many there are is known in the end. */
static void note_poor(struct account_pool *pool, const struct ethereum_account *keys,
	const struct wei *balance, const struct wei *cost)
{
	if (pool->poor++) {
		return;
	}
	ethereum_hex(&pool->poorest, keys->address, ETHEREUM_ADDRESS);
	buffer_append_text(&pool->poorest, " lacks money (it has ");
	wei_write(&pool->poorest, balance);
	buffer_append_text(&pool->poorest, " wei, and a transfer may cost ");
	wei_write(&pool->poorest, cost);
	buffer_append_text(&pool->poorest, ")");
}

static const char *describe_poor(struct account_pool *pool)
{
	char others[64] = "";

	if (!pool->poor) {
		return NULL;
	}
	if (pool->poor > 1) {
		(void)snprintf(others, sizeof(others), ", as do %zu more", pool->poor - 1);
	}
	(void)snprintf(pool->failure, sizeof(pool->failure),
		"%s%s: fund %s, or say who does (\"fund_from\")", buffer_text(&pool->poorest),
		others, pool->poor > 1 ? "them" : "it");
	return pool->failure;
}

/* In their order, whichever was answered first: so that a seed gives the same transactions. */
static void line_up(struct account_pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		link_remove(&pool->accounts[i].link);
		list_append(&pool->free, &pool->accounts[i].link);
	}
}

static void know(struct account_pool *pool, struct account *account)
{
	account->is_known = true;
	pool->unknown--;
	if (!pool->unknown) {
		line_up(pool);
		tell_loaded(pool, describe_poor(pool));
	}
}

static void loaded_none(struct task *task)
{
	tell_loaded(container_of(task, struct account_pool, tell), NULL);
}

/* Questions. */

/* It was not answered. Before the run that is a failure; in it, it is asked again. */
static void unanswered(struct account_question *question, const char *failure)
{
	struct account_pool *pool = question->pool;
	struct account *account = question->account;

	question->account = NULL;
	list_append(&pool->stale, &account->link);
	if (pool->loaded) {
		(void)snprintf(pool->failure, sizeof(pool->failure), "the node %s", failure);
		tell_loaded(pool, pool->failure);
	} else {
		deadline_set(&pool->again, curfew_after_ms(AGAIN_MS));
	}
}

static void ask_balance(struct account_question *question)
{
	struct buffer address = {0};

	question->of_balance = true;
	ethereum_hex(&address, question->account->keys->address, ETHEREUM_ADDRESS);
	rpc_call(question->pool->client, &question->call, curfew_after_ms(FIRST_QUESTION_MS),
		"eth_getBalance", "\"%s\",\"latest\"", buffer_text(&address));
	buffer_fini(&address);
}

static bool take_balance(struct account_question *question, const struct rpc_answer *answer)
{
	const struct json_value *result = &answer->result;
	struct wei cost = evm_cost(question->pool->evm), balance;

	if (result->kind != JSON_STRING ||
		!wei_read(answer->text + result->start + 1, result->length - 2, &balance)) {
		return false;
	}
	if (wei_compare(&balance, &cost) < 0) {
		note_poor(question->pool, question->account->keys, &balance, &cost);
	}
	return true;
}

static bool take_nonce(struct account_question *question, const struct rpc_answer *answer)
{
	struct account *account = question->account;

	if (!rpc_quantity(answer->text, &answer->result, &account->nonce)) {
		return false;
	}
	account->epoch = question->epoch;
	return true;
}

static void answered(struct rpc_call *call, const struct rpc_answer *answer, const char *failure)
{
	struct account_question *question = container_of(call, struct account_question, call);
	struct account_pool *pool = question->pool;
	struct account *account = question->account;
	bool fine = answer && answer->verdict == RPC_RESULT &&
		(question->of_balance ? take_balance(question, answer)
				      : take_nonce(question, answer));

	pool->away = answer ? 0 : call->error;
	if (!answer && !pool->loaded) {
		(void)atomic_fetch_add(&pool->evm->epoch, 1); /* the node was away */
	}
	if (!fine) {
		unanswered(question,
			failure ? failure : "has no answer to a question for nonce and balance");
		return;
	}
	if (!account->is_known && !question->of_balance) {
		ask_balance(question);
		return;
	}
	question->account = NULL;
	list_append(&pool->free, &account->link);
	ask_on(pool);
	if (!account->is_known) {
		know(pool, account);
	}
}

static void ask(struct account_question *question, struct account *account)
{
	struct account_pool *pool = question->pool;
	struct buffer address = {0};

	link_remove(&account->link);
	question->account = account;
	question->of_balance = false;
	question->epoch = epoch_now(pool);
	ethereum_hex(&address, account->keys->address, ETHEREUM_ADDRESS);
	rpc_call(pool->client, &question->call,
		curfew_after_ms(pool->loaded ? FIRST_QUESTION_MS : QUESTION_MS),
		"eth_getTransactionCount", "\"%s\",\"pending\"", buffer_text(&address));
	buffer_fini(&address);
}

/* As many of those that are stale as may be asked about at a time. */
static void ask_on(struct account_pool *pool)
{
	for (int i = 0; i < ACCOUNT_POOL_QUESTIONS && !list_empty(&pool->stale); i++) {
		if (!pool->questions[i].account && pool->client) {
			ask(&pool->questions[i], account_of(pool->stale.next));
		}
	}
}

static void again(struct deadline *deadline)
{
	ask_on(container_of(deadline, struct account_pool, again));
}

static void doubt(struct account_pool *pool, struct account *account)
{
	(void)atomic_fetch_add(&pool->evm->resyncs, 1);
	list_append(&pool->stale, &account->link);
	if (pool->again.due == CURFEW_NEVER) {
		ask_on(pool);
	}
}

struct account *account_pool_take(struct account_pool *pool)
{
	uint64_t epoch = epoch_now(pool);

	while (!list_empty(&pool->free)) {
		struct account *account = account_of(list_take(&pool->free));

		if (account->epoch == epoch) {
			return account;
		}
		doubt(pool, account);
	}
	return NULL;
}

void account_pool_give(struct account_pool *pool, struct account *account, enum account_end end)
{
	if (end == ACCOUNT_DOUBTED) {
		doubt(pool, account);
		return;
	}
	account->nonce += end == ACCOUNT_USED;
	list_append(&pool->free, &account->link);
}

void account_pool_load(struct account_pool *pool, struct rpc_client *client,
	void (*loaded)(void *arg, const char *failure), void *arg)
{
	pool->client = client;
	pool->loaded = loaded;
	pool->arg = arg;
	pool->unknown = pool->count;
	if (pool->count) {
		ask_on(pool);
	} else {
		agenda_post(pool->again.agenda, &pool->tell);
	}
}

void account_pool_stop(struct account_pool *pool)
{
	pool->loaded = NULL;
	pool->client = NULL;
	deadline_set(&pool->again, CURFEW_NEVER);
	agenda_unpost(pool->again.agenda, &pool->tell);
	for (int i = 0; i < ACCOUNT_POOL_QUESTIONS; i++) {
		rpc_cancel(&pool->questions[i].call);
	}
}

int account_pool_init(
	struct account_pool *pool, struct evm *evm, struct worker *worker, int thread, int threads)
{
	size_t first = (size_t)thread, step = (size_t)threads;

	*pool = (struct account_pool){.evm = evm, .tell.run = loaded_none};
	list_init(&pool->free);
	list_init(&pool->stale);
	deadline_init(&pool->again, &worker->loop->agenda, again);
	for (int i = 0; i < ACCOUNT_POOL_QUESTIONS; i++) {
		pool->questions[i].pool = pool;
		pool->questions[i].call.done = answered;
	}
	pool->count = evm->account_count > first ? (evm->account_count - first - 1) / step + 1 : 0;
	pool->accounts = calloc(pool->count + 1, sizeof(*pool->accounts));
	if (!pool->accounts) {
		pool->count = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < pool->count; i++) {
		pool->accounts[i].keys = &evm->accounts[first + i * step];
		list_append(&pool->stale, &pool->accounts[i].link);
	}
	return 0;
}

void account_pool_fini(struct account_pool *pool)
{
	account_pool_stop(pool);
	for (int i = 0; i < ACCOUNT_POOL_QUESTIONS; i++) {
		rpc_call_fini(&pool->questions[i].call);
	}
	deadline_fini(&pool->again);
	buffer_fini(&pool->poorest);
	free(pool->accounts);
}
