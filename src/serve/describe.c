/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_describe -> the process runs, and what it prints is gathered -> its end, for which the
 * worker's rounds are run here -> the document is read. At --start-timeout, and when it prints too
 * much, it is stopped by the ladder; at a signal the lifecycle does the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/signal_name.h"
#include "serve/description.h"
#include "serve/dialogue.h"
#include "serve/kept_process.h"
#include "serve/process.h"
#include "serve/program.h"

struct description {
	struct dialogue dialogue;
	struct timer patience;
	struct buffer text;
	struct curfew_child_exit exit;
	const char *lost; /* static */
	bool is_late;
	bool is_over;
};

static struct description *description_of(struct dialogue *dialogue)
{
	return container_of(dialogue, struct description, dialogue);
}

/* The process. */

static void give_up(struct description *description, const char *reason)
{
	description->lost = reason;
	dialogue_ignore(&description->dialogue);
	dialogue_stop(&description->dialogue);
}

static void take_line(struct dialogue *dialogue, const char *line, size_t length)
{
	struct description *description = description_of(dialogue);

	if (length >= SCHEMA_BYTES_MOST - description->text.length) {
		give_up(description, "it is longer than 1 MB");
		return;
	}
	buffer_append(&description->text, line, length);
	buffer_append_char(&description->text, '\n');
}

static void lose_line(struct dialogue *dialogue, const char *reason)
{
	(void)reason;
	give_up(description_of(dialogue), "it is longer than 1 MB");
}

static void ended(struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	struct description *description = description_of(dialogue);

	description->exit = *exit;
	description->is_over = true;
}

static const struct dialogue_ops dialogue_ops = {
	.line = take_line,
	.lost = lose_line,
	.ended = ended,
};

static void patience_over(struct timer *timer)
{
	struct description *description = container_of(timer, struct description, patience);

	description->is_late = true;
	dialogue_stop(&description->dialogue);
}

static int run(struct description *description, struct serve *serve)
{
	struct agenda *agenda = &serve->worker->loop->agenda;
	int64_t patience_ms = serve->config->start_timeout_ms;
	int error = dialogue_start(&description->dialogue, serve, &dialogue_ops, DESCRIPTION_WORD);

	if (error < 0) {
		return error;
	}
	description->dialogue.line_most = SCHEMA_BYTES_MOST;
	description->patience.fired = patience_over;
	if (patience_ms != CURFEW_NEVER) {
		agenda_start(agenda, &description->patience, curfew_after_ms(patience_ms));
	}
	dialogue_say(&description->dialogue, "", 0, true);
	while (!description->is_over) {
		worker_round(serve->worker, true);
	}
	agenda_stop(agenda, &description->patience);
	return 0;
}

/* What is wrong. Each returns -1. */

static int refuse_start(struct serve *serve, struct buffer *refusal, int *error)
{
	static const int ours[] = {ENOMEM, EAGAIN, EMFILE, ENFILE, ECHILD, ETIMEDOUT, ENOBUFS};
	const char *verb = "executed";

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (*error == ours[i]) {
			verb = "started";
		}
	}
	buffer_appendf(refusal, "'%.200s' cannot be %s: %s", serve->config->command[0], verb,
		strerror(*error));
	if (!strcmp(verb, "started")) {
		*error = 0;
	}
	return -1;
}

static int refuse_end(
	struct serve *serve, const struct description *description, struct buffer *refusal)
{
	const char *complaint = description->dialogue.complaint;
	char signal[SIGNAL_NAME_BYTES];

	(void)description_refuse(serve, refusal, "");
	if (description->is_late) {
		buffer_appendf(refusal, "was not done within %lld ms (--start-timeout)",
			(long long)serve->config->start_timeout_ms);
	} else if (description->exit.signal) {
		buffer_appendf(refusal, "was killed by SIG%s",
			signal_name(description->exit.signal, signal));
	} else {
		buffer_appendf(refusal, "exited with code %d", description->exit.code);
	}
	if (complaint[0]) {
		buffer_appendf(refusal, ": %s", complaint);
	}
	return -1;
}

static int judge(struct serve *serve, const struct description *description, struct buffer *refusal)
{
	if (service_is_ending(&serve->service)) {
		return 1;
	}
	if (description->lost) {
		(void)description_refuse(serve, refusal, "printed no document: ");
		buffer_append_text(refusal, description->lost);
		return -1;
	}
	if (description->is_late || description->exit.signal || description->exit.code) {
		return refuse_end(serve, description, refusal);
	}
	if (description->text.failed) {
		return description_refuse(serve, refusal, "needs memory");
	}
	return description_read(
		serve, buffer_text(&description->text), description->text.length, refusal);
}

int program_describe(struct serve *serve, struct buffer *refusal, int *error)
{
	struct description description = {0};
	int result = run(&description, serve);

	*error = 0;
	if (result == -ESHUTDOWN) {
		return 1;
	}
	if (result < 0) {
		*error = -result;
		return refuse_start(serve, refusal, error);
	}
	result = judge(serve, &description, refusal);
	buffer_fini(&description.text);
	description_make_plain(refusal);
	if (!result) {
		serve->function.runner =
			serve->config->workers > 0 ? &kept_process_runner : &process_runner;
	}
	return result;
}
