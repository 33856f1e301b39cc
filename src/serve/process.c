/* SPDX-License-Identifier: Apache-2.0 */
/*
 * begin -> the process runs, and was told its request -> lines: items, or the answer -> its end,
 * from which and from what it has said the call's outcome is made.
 *
 * A call that is cancelled while its client is slow is not waited for: what the process still says
 * is dropped, and the call is cancelled whatever comes of it. What comes behind a line that is
 * wrong is dropped, too.
 */
#include "serve/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "serve/dialogue.h"

#define MORE_THAN_ONE "[output] it wrote more than one line, and is no stream"
#define NO_LINE "[output] it ended without a line"
#define FAILURE_LEAST 400

struct process {
	struct dialogue dialogue;
	struct invocation *invocation;
	struct envelope item;
	struct envelope answer; /* the one line; the failure of a stream */
	int lines;
	bool streams;
	bool is_complete; /* a line said that it was the last */
	bool has_failed;  /* a stream: the answer is its failure */
	bool is_refused;  /* what it said was wrong: the answer says how */
	bool cancelled;   /* it was asked to end */
	bool is_dropped;  /* something that it said was dropped because of that */
};

static struct process *process_of(struct dialogue *dialogue)
{
	return container_of(dialogue, struct process, dialogue);
}

/* What it says. */

static void refuse(struct process *process, const char *text)
{
	if (!process->is_refused) {
		process->is_refused = true;
		envelope_fail(&process->answer, 500, text, strlen(text));
		dialogue_ignore(&process->dialogue);
		dialogue_stop(&process->dialogue);
	}
}

static void refuse_line(struct process *process, int error, const struct buffer *refusal)
{
	struct buffer text = {0};

	buffer_appendf(&text, "[output] %s",
		error == -ENOMEM ? "there is no memory for it" : buffer_text(refusal));
	refuse(process, text.failed ? "[output]" : buffer_text(&text));
	buffer_fini(&text);
}

/* Returns whether the line could be read into the envelope. */
static bool read_line(
	struct process *process, struct envelope *envelope, const char *line, size_t length)
{
	struct buffer refusal = {0};
	bool ended = false;
	int error;

	envelope_reset(envelope);
	error = envelope_read(envelope, line, length, &ended, &refusal);
	if (error < 0) {
		refuse_line(process, error, &refusal);
	}
	buffer_fini(&refusal);
	process->is_complete = process->is_complete || (!error && ended);
	return !error;
}

static void drop(struct process *process)
{
	process->is_dropped = true;
	dialogue_ignore(&process->dialogue);
}

static void pass_item(struct process *process)
{
	if (invocation_item(process->invocation, &process->item)) {
		return;
	}
	if (process->cancelled) {
		drop(process);
	} else {
		dialogue_pause(&process->dialogue);
	}
}

static void take_item(struct process *process, const char *line, size_t length)
{
	if (process->has_failed || !read_line(process, &process->item, line, length)) {
		return;
	}
	if (process->item.status_code >= FAILURE_LEAST) {
		struct envelope empty = process->answer;

		process->has_failed = true;
		process->answer = process->item;
		process->item = empty;
	} else if (process->item.touched || !process->is_complete) {
		pass_item(process);
	}
}

static void take_line(struct dialogue *dialogue, const char *line, size_t length)
{
	struct process *process = process_of(dialogue);

	if (process->streams) {
		take_item(process, line, length);
	} else if (process->lines) {
		refuse(process, MORE_THAN_ONE);
	} else {
		(void)read_line(process, &process->answer, line, length);
	}
	process->lines++;
}

static void lose_line(struct dialogue *dialogue, const char *reason)
{
	struct buffer text = {0};

	buffer_append_text(&text, reason);
	refuse_line(process_of(dialogue), 0, &text);
	buffer_fini(&text);
}

/* Its end. */

/* It has ended because it was asked to, and what it has said is not all. */
static bool is_cut_short(const struct process *process, const struct curfew_child_exit *exit)
{
	bool is_whole = process->streams ? process->is_complete : process->lines > 0;

	if (process->is_dropped) {
		return true;
	}
	if (!process->cancelled || exit->rung < CURFEW_RUNG_TERM) {
		return false;
	}
	return exit->signal ? exit->by_us : exit->code || !is_whole;
}

static enum invocation_outcome judge(struct process *process, const struct curfew_child_exit *exit)
{
	struct envelope *answer = &process->answer;
	bool owes_line = !process->streams && process->invocation->kind == INVOCATION_CALL;

	if (process->is_refused) {
		return INVOCATION_DONE;
	}
	if (is_cut_short(process, exit)) {
		return INVOCATION_CANCELLED;
	}
	if (exit->signal) {
		dialogue_tell_end(&process->dialogue, exit, 502, answer);
		return INVOCATION_CRASHED;
	}
	if (exit->code) {
		dialogue_tell_end(&process->dialogue, exit, 500, answer);
	} else if (owes_line && !process->lines) {
		envelope_fail(answer, 500, NO_LINE, strlen(NO_LINE));
	}
	return INVOCATION_DONE;
}

static void ended(struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	struct process *process = process_of(dialogue);
	struct invocation *invocation = process->invocation;
	enum invocation_outcome outcome = judge(process, exit);
	struct envelope answer = process->answer;

	envelope_fini(&process->item);
	free(process);
	invocation->run = NULL;
	invocation_end(invocation, outcome, &answer);
}

/* One that closes its output may have more to do: its exit tells whether that went well. */
static const struct dialogue_ops dialogue_ops = {
	.line = take_line,
	.lost = lose_line,
	.ended = ended,
};

/* What is asked of it. */

static int begin(struct invocation *invocation)
{
	bool is_call = invocation->kind == INVOCATION_CALL;
	const struct buffer *text = &invocation->arguments.text;
	struct process *process = calloc(1, sizeof(*process));
	int error;

	if (!process) {
		return -ENOMEM;
	}
	process->invocation = invocation;
	process->streams = is_call && invocation->function->streams;
	error = dialogue_start(&process->dialogue, invocation->serve, &dialogue_ops,
		is_call ? NULL : "--precheck");
	if (error < 0) {
		free(process);
		return error;
	}
	invocation->run = process;
	dialogue_say(&process->dialogue, buffer_text(text), is_call ? text->length : 0, true);
	return 0;
}

static void cancel(struct invocation *invocation)
{
	struct process *process = invocation->run;

	process->cancelled = true;
	if (process->dialogue.paused) {
		drop(process);
	}
	dialogue_stop(&process->dialogue);
}

static void resume(struct invocation *invocation)
{
	struct process *process = invocation->run;

	dialogue_resume(&process->dialogue);
}

static void cut(struct invocation *invocation)
{
	struct process *process = invocation->run;

	process->cancelled = true;
	process->is_dropped = true;
	dialogue_kill(&process->dialogue);
}

const struct runner_ops process_runner = {
	.begin = begin,
	.cancel = cancel,
	.resume = resume,
	.cut = cut,
};
