/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's transactions. Prepare: the first source asks what is for all (load/evm_prepare.h); the
 * others wait for it; then each asks for the nonces of its own accounts. In the run next() signs
 * what the next free account sends, or reads it from a file; over() tells account and inclusion
 * what became of it. Finish: the first source waits until all that was accepted is in a block.
 *
 * In `room` a request has its message, and behind that the transaction's hash.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "ethereum/keccak.h"
#include "load/account_pool.h"
#include "load/evm_prepare.h"
#include "load/evm_verdict.h"
#include "load/presigned.h"
#include "load/source.h"

#define LOOK_MS 20 /* whether all is included: blocks come when they come */

struct evm_source {
	struct load_source source;
	struct evm *evm;
	struct worker *worker;
	bool is_first;
	struct rpc_client *client;
	struct account_pool pool;
	struct evm_prepare prepare; /* of the first */
	struct presigned presigned;
	struct buffer *heads; /* of requests, for each endpoint */
	struct buffer raw;    /* the transaction that is composed */
	char failure[SOURCE_FAILURE_MOST];

	/* What prepare or finish have still to call. */
	void (*prepared)(void *arg, const char *failure);
	void (*finished)(void *arg);
	void *arg;
	struct curfew_link awaiting; /* of the evm: for the first source; guarded by its lock */
	struct task ready;           /* it has prepared */
	struct task finish_now;
	struct deadline look;
	int64_t finish_until;
};

static struct evm_source *of(struct load_source *source)
{
	return container_of(source, struct evm_source, source);
}

/* Prepare. */

static void tell_prepared(struct evm_source *source, const char *failure)
{
	void (*prepared)(void *, const char *) = source->prepared;

	source->prepared = NULL;
	if (prepared) {
		prepared(source->arg, failure);
	}
}

static void loaded(void *arg, const char *failure)
{
	tell_prepared(arg, failure);
}

static void open_presigned(struct evm_source *source)
{
	const char *path = source->evm->setting.presigned;
	int error = presigned_open(&source->presigned, path);

	if (error < 0) {
		(void)snprintf(source->failure, sizeof(source->failure),
			"cannot read the transactions of '%.300s': %s (have \"presigned\" name a "
			"file "
			"that --presign wrote)",
			path, strerror(-error));
	}
	tell_prepared(source, error < 0 ? source->failure : NULL);
}

/* The first source has prepared, or has failed to. */
static void ready(struct task *task)
{
	struct evm_source *source = container_of(task, struct evm_source, ready);

	if (source->evm->failure[0]) {
		tell_prepared(source, source->evm->failure);
	} else if (source->evm->setting.presigned) {
		open_presigned(source);
	} else {
		account_pool_load(&source->pool, source->client, loaded, source);
	}
}

static void post_ready(struct evm_source *source)
{
	agenda_post(&source->worker->loop->agenda, &source->ready);
}

static void prepared_all(struct evm_prepare *prepare, const char *failure)
{
	struct evm *evm = prepare->evm;

	(void)pthread_mutex_lock(&evm->lock);
	(void)snprintf(evm->failure, sizeof(evm->failure), "%s", failure ? failure : "");
	evm->is_ready = true;
	while (!list_empty(&evm->awaiting)) {
		post_ready(container_of(list_take(&evm->awaiting), struct evm_source, awaiting));
	}
	(void)pthread_mutex_unlock(&evm->lock);
}

static void source_prepare(
	struct load_source *base, void (*done)(void *arg, const char *failure), void *arg)
{
	struct evm_source *source = of(base);
	struct evm *evm = source->evm;

	source->prepared = done;
	source->arg = arg;
	(void)pthread_mutex_lock(&evm->lock);
	if (evm->is_ready) {
		post_ready(source);
	} else {
		list_append(&evm->awaiting, &source->awaiting);
	}
	(void)pthread_mutex_unlock(&evm->lock);
	if (source->is_first) {
		source->prepare = (struct evm_prepare){
			.evm = evm,
			.worker = source->worker,
			.client = source->client,
			.done = prepared_all,
		};
		evm_prepare_start(&source->prepare);
	}
}

/* Requests. */

static uint32_t endpoint_for(const struct evm_source *source, uint64_t turn)
{
	return (uint32_t)(turn % source->evm->endpoint_count);
}

/* What is the same for all requests; their message is in the room. */
static int complete(struct evm_source *source, struct load_request *request, uint32_t endpoint)
{
	if (request->room->failed) {
		return -ENOMEM;
	}
	request->body = request->room->data;
	request->endpoint = source->evm->endpoints[endpoint];
	request->scenario = source->evm->scenario;
	request->head = source->heads[endpoint].data;
	request->head_length = source->heads[endpoint].length;
	request->keeps_answer = true;
	return 0;
}

/* Makes a request of the raw transaction. */
static int compose(struct evm_source *source, struct load_request *request, uint32_t endpoint,
	const uint8_t hash[ETHEREUM_HASH])
{
	struct buffer *room = request->room;

	buffer_appendf(room,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		",\"method\":\"eth_sendRawTransaction\",\"params\":[\"",
		request->number);
	ethereum_hex(room, source->raw.data, source->raw.length);
	buffer_append_text(room, "\"]}");
	request->body_length = room->length;
	buffer_append(room, hash, ETHEREUM_HASH);
	return complete(source, request, endpoint);
}

/* Only a connection is to be opened, so nothing is sent that the chain would keep. */
static int next_warming(struct evm_source *source, struct load_request *request)
{
	buffer_appendf(request->room,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"method\":\"eth_chainId\",\"params\":[]}",
		request->number);
	request->body_length = request->room->length;
	return complete(source, request, endpoint_for(source, request->number));
}

static void note_sent(struct evm_source *source, const uint8_t hash[ETHEREUM_HASH])
{
	(void)atomic_fetch_add(&source->evm->in_flight, 1);
	if (source->evm->collects) {
		inclusion_sent(&source->evm->inclusion, hash, curfew_now());
	}
}

/*
 * No account may send. Where that is because the node is not there to be asked for a nonce, the
 * transfer has failed as it would without that question: so it is told for how long it was away.
 */
static int find_none(const struct evm_source *source, struct load_request *request)
{
	if (!source->pool.away) {
		return SOURCE_BUSY;
	}
	request->scenario = source->evm->scenario;
	request->unmade = load_outcome_of_error(source->pool.away);
	return SOURCE_AWAY;
}

static int next_signed(struct evm_source *source, struct load_request *request)
{
	struct account *account = account_pool_take(&source->pool);
	uint8_t hash[ETHEREUM_HASH];
	uint32_t endpoint;

	if (!account) {
		return find_none(source, request);
	}
	buffer_clear(&source->raw);
	endpoint = endpoint_for(source, (uint64_t)(account->keys - source->evm->accounts));
	if (evm_sign(source->evm, account->keys, account->nonce, request->number, &source->raw,
		    hash) < 0 ||
		compose(source, request, endpoint, hash) < 0) {
		account_pool_give(&source->pool, account, ACCOUNT_UNUSED);
		return -ENOMEM;
	}
	request->mark = account;
	note_sent(source, hash);
	return 0;
}

static int next_presigned(struct evm_source *source, struct load_request *request)
{
	uint8_t hash[ETHEREUM_HASH];
	int result;

	buffer_clear(&source->raw);
	result = presigned_read(&source->presigned, request->number, &source->raw);
	if (result == -EINVAL) {
		buffer_clear(&source->raw); /* sent as it is: the node's to refuse */
	} else if (result) {
		return result > 0 ? SOURCE_END : result;
	}
	keccak256(source->raw.data, source->raw.length, hash);
	if (compose(source, request, endpoint_for(source, request->number), hash) < 0) {
		return -ENOMEM;
	}
	note_sent(source, hash);
	return 0;
}

static int source_next(struct load_source *base, struct load_request *request)
{
	struct evm_source *source = of(base);

	if (request->number >= LOAD_WARMING_FROM) {
		return next_warming(source, request);
	}
	return source->evm->setting.presigned ? next_presigned(source, request)
					      : next_signed(source, request);
}

static enum load_outcome over_sent(struct evm_source *source, const struct load_request *request,
	const struct load_answer *answer)
{
	struct evm *evm = source->evm;
	const uint8_t *hash = (const uint8_t *)request->room->data + request->body_length;
	struct evm_verdict verdict = evm_judge(request->number, hash, answer);

	if (verdict.node_is_away) {
		(void)atomic_fetch_add(&evm->epoch, 1);
	}
	if (evm->collects) {
		inclusion_answered(&evm->inclusion, hash, verdict.inclusion);
	}
	(void)atomic_fetch_add(&evm->nonce_refused, verdict.refusal == RPC_NONCE);
	(void)atomic_fetch_add(&evm->known, verdict.refusal == RPC_KNOWN);
	(void)atomic_fetch_add(&evm->funds_refused, verdict.refusal == RPC_FUNDS);
	(void)atomic_fetch_sub(&evm->in_flight, 1);
	if (request->mark) {
		account_pool_give(&source->pool, request->mark, verdict.account);
	}
	return verdict.outcome;
}

/* One that has opened a connection is counted nowhere. */
static enum load_outcome source_over(struct load_source *base, const struct load_request *request,
	const struct load_answer *answer)
{
	if (request->number >= LOAD_WARMING_FROM) {
		return answer ? answer->outcome : LOAD_LOCAL;
	}
	return over_sent(of(base), request, answer);
}

/* Finish. */

static void tell_finished(struct evm_source *source)
{
	void (*finished)(void *) = source->finished;

	source->finished = NULL;
	if (finished) {
		finished(source->arg);
	}
}

static void finish_now(struct task *task)
{
	tell_finished(container_of(task, struct evm_source, finish_now));
}

static bool is_all_included(struct evm_source *source)
{
	struct inclusion_counts counts;

	if (atomic_load(&source->evm->in_flight)) {
		return false;
	}
	inclusion_counts_now(&source->evm->inclusion, &counts);
	return !counts.waiting && collector_is_quiet(source->prepare.collector);
}

static void look(struct deadline *deadline)
{
	struct evm_source *source = container_of(deadline, struct evm_source, look);
	int64_t next = curfew_after_ms(LOOK_MS);

	if (curfew_now() >= source->finish_until || is_all_included(source)) {
		tell_finished(source);
	} else {
		deadline_set(
			&source->look, next < source->finish_until ? next : source->finish_until);
	}
}

static void source_finish(
	struct load_source *base, int64_t deadline, void (*done)(void *arg), void *arg)
{
	struct evm_source *source = of(base);

	source->finished = done;
	source->arg = arg;
	source->finish_until = deadline;
	if (source->prepare.collector) {
		collector_hurry(source->prepare.collector);
		deadline_set(&source->look, curfew_now());
	} else {
		agenda_post(&source->worker->loop->agenda, &source->finish_now);
	}
}

static void forget(struct evm_source *source)
{
	struct agenda *agenda = &source->worker->loop->agenda;

	(void)pthread_mutex_lock(&source->evm->lock);
	link_remove(&source->awaiting);
	(void)pthread_mutex_unlock(&source->evm->lock);
	agenda_unpost(agenda, &source->ready);
	agenda_unpost(agenda, &source->finish_now);
	deadline_set(&source->look, CURFEW_NEVER);
	evm_prepare_stop(&source->prepare);
}

static void source_stop(struct load_source *base)
{
	struct evm_source *source = of(base);

	forget(source);
	if (source->prepared) {
		account_pool_stop(&source->pool);
		if (source->is_first && !source->evm->is_ready) {
			prepared_all(&source->prepare, "the run was stopped"); /* for the others */
			agenda_unpost(&source->worker->loop->agenda, &source->ready);
		}
		tell_prepared(source, "the run was stopped");
	} else {
		tell_finished(source);
	}
}

/* Its begin and end. */

static void source_free(struct load_source *base)
{
	struct evm_source *source = of(base);

	forget(source);
	collector_free(source->prepare.collector);
	evm_prepare_fini(&source->prepare);
	account_pool_fini(&source->pool);
	rpc_client_close(source->client);
	presigned_close(&source->presigned);
	deadline_fini(&source->look);
	for (size_t i = 0; source->heads && i < source->evm->endpoint_count; i++) {
		buffer_fini(&source->heads[i]);
	}
	free(source->heads);
	buffer_fini(&source->raw);
	free(source);
}

static const struct source_ops ops = {
	.prepare = source_prepare,
	.next = source_next,
	.over = source_over,
	.finish = source_finish,
	.takes_long = true, /* to sign */
	.stop = source_stop,
	.free = source_free,
};

static bool write_heads(struct evm_source *source)
{
	const struct evm *evm = source->evm;
	bool failed = false;

	source->heads = calloc(evm->endpoint_count, sizeof(*source->heads));
	if (!source->heads) {
		return false;
	}
	for (size_t i = 0; i < evm->endpoint_count; i++) {
		const struct endpoint *endpoint = &evm->plan->endpoints[evm->endpoints[i]];
		bool is_http = endpoint->kind == ENDPOINT_HTTP;

		if (is_http) {
			buffer_appendf(&source->heads[i], "POST %s HTTP/1.1\r\n", endpoint->target);
		}
		buffer_appendf(&source->heads[i], "Host: %s\r\n%s", endpoint->host,
			is_http ? "Content-Type: application/json\r\n" : "");
		failed = failed || source->heads[i].failed;
	}
	return !failed;
}

struct load_source *evm_source_new(const struct plan *plan, struct worker *worker, int thread)
{
	struct evm *evm = plan->shared;
	struct evm_source *source = calloc(1, sizeof(*source));
	int error;

	if (!source) {
		errno = ENOMEM;
		return NULL;
	}
	*source = (struct evm_source){
		.source.ops = &ops,
		.evm = evm,
		.worker = worker,
		.is_first = thread == 0,
		.ready.run = ready,
		.finish_now.run = finish_now,
	};
	deadline_init(&source->look, &worker->loop->agenda, look);
	error = account_pool_init(&source->pool, evm, worker, thread, plan->threads);
	source->client = rpc_client_new(worker, &plan->endpoints[evm->rpc], plan->tls);
	if (error < 0 || !source->client || !write_heads(source)) {
		source_free(&source->source);
		errno = ENOMEM;
		return NULL;
	}
	return &source->source;
}
