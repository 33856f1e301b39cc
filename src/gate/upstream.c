/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WAITING: a connection is tried (ask), and, with --ready-path, a request is made on it; whatever
 * does not answer well is asked again after ASK_AGAIN_MS. Then READY. GONE: --wait is over, the
 * command ended, or the process is asked to end before that.
 *
 * The question is a hold on worker 0's peers while its connection is open.
 */
#include "gate/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/signal_name.h"
#include "child/child.h"
#include "core/lifecycle.h"
#include "gate/event.h"
#include "gate/lane.h"
#include "http/compose.h"

#define ASK_AGAIN_MS 50
#define ASK_ANSWER_MS 2000

static const struct http_client_handler question_handler;

const char *upstream_state_name(enum upstream_state state)
{
	static const char *const names[] = {
#define UPSTREAM_STATE(name, word) [UPSTREAM_##name] = word,
		UPSTREAM_STATES(UPSTREAM_STATE)
#undef UPSTREAM_STATE
	};

	return names[state];
}

static struct worker *worker_of(const struct upstream *upstream)
{
	return upstream->gate->lanes[0].worker;
}

static bool is_waiting(const struct upstream *upstream)
{
	return atomic_load(&upstream->state) == UPSTREAM_WAITING;
}

/* The log. */

static void tell_state(struct upstream *upstream, enum upstream_state state)
{
	char address[ADDRESS_TEXT];

	if (!upstream->gate->config->respond) {
		journal_tell(&upstream->gate->service.journal, &gate_events[GATE_UPSTREAM],
			journal_text(upstream_state_name(state)),
			journal_text(address_text(&upstream->gate->address, address)),
			journal_number(clock_ms_between(upstream->began, curfew_now())));
	}
}

static void tell_command(struct upstream *upstream)
{
	pid_t pid = curfew_child_pid(upstream->child);

	journal_tell(&upstream->gate->service.journal, &gate_events[GATE_COMMAND],
		pid ? journal_number(pid) : journal_text(NULL),
		journal_text(upstream->gate->config->command[0]));
}

static void tell_command_ended(struct upstream *upstream, const struct curfew_child_exit *exit)
{
	char name[SIGNAL_NAME_BYTES];

	journal_tell(&upstream->gate->service.journal, &gate_events[GATE_COMMAND_ENDED],
		exit->signal ? journal_text(NULL) : journal_number(exit->code),
		journal_text(exit->signal ? signal_name(exit->signal, name) : NULL));
}

static void upstream_enter(struct upstream *upstream, enum upstream_state state)
{
	assert(is_waiting(upstream) && state != UPSTREAM_WAITING);
	atomic_store(&upstream->state, state);
	tell_state(upstream, state);
	deadline_set(&upstream->wait, CURFEW_NEVER);
	deadline_set(&upstream->again, CURFEW_NEVER);
	lanes_tell(upstream->gate);
}

static void ready(struct upstream *upstream)
{
	upstream_enter(upstream, UPSTREAM_READY);
	(void)service_ready(&upstream->gate->service);
}

static void ask_again(struct upstream *upstream)
{
	if (is_waiting(upstream)) {
		deadline_set(&upstream->again, curfew_after_ms(ASK_AGAIN_MS));
	}
}

static void cut_question(struct curfew_hold *hold)
{
	struct upstream *upstream = container_of(hold, struct upstream, hold);

	http_client_reset(&upstream->client);
}

static const struct curfew_hold_ops question_ops = {
	.kind = "question", .finish = cut_question, .cut = cut_question};

static void dialled(void *arg, int fd, int error)
{
	struct upstream *upstream = arg;
	const char *path = upstream->gate->config->ready_path;
	struct buffer *out;

	upstream->dial = NULL;
	if (error < 0) {
		ask_again(upstream);
		return;
	}
	if (!path) {
		close(fd);
		ready(upstream);
		return;
	}
	if (curfew_drain_hold(&worker_of(upstream)->peers, &upstream->hold, &question_ops, path) <
			0 ||
		http_client_init(&upstream->client, worker_of(upstream), fd, NULL,
			&question_handler, upstream) < 0) {
		curfew_hold_release(&upstream->hold);
		close(fd);
		ask_again(upstream);
		return;
	}
	upstream->asking = true;
	out = http_client_request(&upstream->client, (struct http_asked){0});
	http_compose_request(
		out, (struct http_text){"GET", 3}, (struct http_text){path, strlen(path)});
	http_compose_field(out, "Host", "localhost");
	http_compose_field(out, "Connection", "close");
	http_client_head_end(&upstream->client, HTTP_FRAMING_NONE, 0);
	deadline_set(&upstream->again, curfew_after_ms(ASK_ANSWER_MS));
}

static void ask(struct upstream *upstream)
{
	upstream->dial = dial_start(&upstream->target, worker_of(upstream),
		curfew_after_ms(upstream->gate->config->connect_timeout_ms), dialled, upstream);
	if (!upstream->dial) {
		ask_again(upstream);
	}
}

static void answered(struct http_client *client)
{
	struct upstream *upstream = client->arg;
	unsigned status = client->parser.head.status;

	if (status >= 200 && status < 300 && is_waiting(upstream)) {
		ready(upstream);
	}
	http_client_reset(client);
}

static size_t drop_body(struct http_client *client, char *bytes, size_t length)
{
	(void)client;
	(void)bytes;
	return length;
}

static void unanswered(struct http_client *client, enum http_client_failure failure)
{
	(void)failure;
	http_client_reset(client);
}

static void question_closed(struct http_client *client)
{
	struct upstream *upstream = client->arg;

	upstream->asking = false;
	curfew_hold_release(&upstream->hold);
	ask_again(upstream);
}

static const struct http_client_handler question_handler = {
	.head = answered,
	.body = drop_body,
	.failed = unanswered,
	.closed = question_closed,
};

/* Time to ask again, or an answer takes too long. */
static void again(struct deadline *deadline)
{
	struct upstream *upstream = container_of(deadline, struct upstream, again);

	if (upstream->asking) {
		http_client_reset(&upstream->client);
	} else if (!upstream->dial) {
		ask(upstream);
	}
}

static void wait_over(struct deadline *deadline)
{
	struct upstream *upstream = container_of(deadline, struct upstream, wait);

	service_fail(&upstream->gate->service, "the upstream was not ready in time (--wait)");
	upstream_stop(upstream);
}

void upstream_stop(struct upstream *upstream)
{
	if (is_waiting(upstream)) {
		upstream_enter(upstream, UPSTREAM_GONE);
	}
	if (upstream->dial) {
		dial_cancel(upstream->dial);
		upstream->dial = NULL;
	}
	if (upstream->asking) {
		http_client_reset(&upstream->client);
	}
}

void upstream_ask(struct upstream *upstream)
{
	int64_t wait_ms = upstream->gate->config->wait_ms;

	if (upstream->gate->config->respond) {
		ready(upstream);
		return;
	}
	deadline_set(&upstream->wait, curfew_after_ms(wait_ms));
	ask(upstream);
}

/* The child. */

/* Told before the rest of its tree ends: what comes later, be it a signal, is no reason. */
static void child_exited(struct curfew_child *child, void *arg)
{
	struct upstream *upstream = arg;
	struct curfew_lifecycle *life = worker_of(upstream)->life;
	struct curfew_child_exit exit = curfew_child_exit(child);
	char text[CURFEW_CAUSE_TEXT];

	if (curfew_lifecycle_phase(life) > CURFEW_RUNNING) {
		return;
	}
	tell_command_ended(upstream, &exit);
	/* Its code is ours; that it ended at all is none of success. */
	life->child = (struct outcome_child){
		.ended = true,
		.code = exit.code || exit.signal ? exit.code : EXIT_CODE_FAILURE,
		.signal = exit.signal,
	};
	(void)snprintf(text, sizeof(text), "the command ended by itself with %s %d",
		exit.signal ? "signal" : "code", exit.signal ? exit.signal : exit.code);
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, text);
	upstream_stop(upstream);
}

int upstream_start(struct upstream *upstream, struct gate *gate)
{
	const struct gate_config *config = gate->config;
	struct agenda *agenda = &gate->lanes[0].worker->loop->agenda;
	struct curfew_child_config child;

	upstream->gate = gate;
	atomic_init(&upstream->state, UPSTREAM_WAITING);
	upstream->target.address = gate->address;
	upstream->began = curfew_now();
	deadline_init(&upstream->again, agenda, again);
	deadline_init(&upstream->wait, agenda, wait_over);
	if (!config->command) {
		return 0;
	}
	curfew_child_defaults(&child);
	child.argv = (const char *const *)config->command;
	child.in = CURFEW_STDIO_NULL;
	child.tree = CURFEW_TREE_KEEPER;
	child.keeper = config->keeper;
	child.term_wait_ms = config->term_wait_ms;
	child.arg = upstream;
	upstream->child = curfew_child_start(worker_of(upstream)->life, NULL, &child);
	if (upstream->child) {
		child_on_main_exit(upstream->child, child_exited);
		tell_command(upstream);
		return 0;
	}
	return service_refuse_command(&gate->service, config->command[0], errno);
}

void upstream_fini(struct upstream *upstream)
{
	deadline_fini(&upstream->again);
	deadline_fini(&upstream->wait);
	curfew_child_free(upstream->child);
	dial_target_fini(&upstream->target);
}
