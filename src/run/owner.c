/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeper: a process of another command (or program) started us to keep one tree of its own, and
 * holds the other end of a socket. Its words end the tree; the socket's end, which is the owner's
 * death, does too.
 */
#include <stdio.h>

#include "base/list.h"
#include "child/keeper.h"
#include "run/runner.h"

static void stop(struct runner *runner, long term_wait_ms)
{
	if (term_wait_ms >= 0) {
		runner->child->config.term_wait_ms = term_wait_ms;
	}
	curfew_lifecycle_stop_for(runner->life, CURFEW_COMPLETED, "the owner asked for it");
}

static void obey(struct runner *runner, const struct keeper_message *message)
{
	switch (message->word) {
	case KEEPER_STOP:
		stop(runner, message->number);
		break;
	case KEEPER_KILL:
		curfew_child_kill(runner->child);
		stop(runner, -1);
		break;
	case KEEPER_SIGNAL:
		(void)curfew_child_signal(runner->child, (int)message->number);
		break;
	default:
		break;
	}
}

static void readable(struct source *source, uint32_t events)
{
	struct runner *runner = container_of(source, struct runner, owner);
	struct keeper_message message;
	int result;

	(void)events;
	while ((result = keeper_receive(source->fd, &message)) > 0) {
		obey(runner, &message);
	}
	if (result < 0) {
		loop_unwatch(runner->loop, source);
		agenda_start(&runner->loop->agenda, &runner->owner_gone,
			curfew_after_ms(runner->config->eof_wait_ms));
	}
}

/* The child has seen the end of its input when the owner died, and has had its time. */
static void owner_gone(struct timer *timer)
{
	struct runner *runner = container_of(timer, struct runner, owner_gone);

	curfew_lifecycle_stop_for(runner->life, CURFEW_CLIENT_GONE, "the owner died");
}

int owner_watch(struct runner *runner)
{
	runner->owner_gone.fired = owner_gone;
	runner->owner = (struct source){.fd = runner->config->keeper, .ready = readable};
	return runner->owner.fd < 0 ? 0 : loop_watch(runner->loop, &runner->owner, EPOLLIN);
}

void owner_tell_pid(const struct runner *runner)
{
	char text[KEEPER_MESSAGE];

	if (runner->config->keeper >= 0) {
		(void)snprintf(text, sizeof(text), "pid %d", (int)curfew_child_pid(runner->child));
		keeper_send(runner->config->keeper, text);
	}
}

void owner_tell_error(const struct run_config *config, int error)
{
	char text[KEEPER_MESSAGE];

	(void)snprintf(text, sizeof(text), "error %d", error);
	keeper_send(config->keeper, text);
}

static void tell_exit(const struct runner *runner, enum keeper_word word)
{
	struct curfew_child_exit exit = curfew_child_exit(runner->child);
	char text[KEEPER_MESSAGE];

	if (runner->config->keeper >= 0) {
		(void)keeper_format_exit(word, &exit, text);
		keeper_send(runner->config->keeper, text);
	}
}

void owner_tell_ended(const struct runner *runner)
{
	if (!runner->child->tree_ended) {
		tell_exit(runner, KEEPER_ENDED);
	}
}

void owner_tell_exit(const struct runner *runner)
{
	tell_exit(runner, KEEPER_EXIT);
}
