/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialogue_start -> dialogue_say: written at the end of the round, and further when the pipe has
 * room -> read() gives out lines -> child_exited(): what was held, and the last line -> ended().
 *
 * A last line without its newline counts only if the process exited with 0: one that was cut short
 * is no line.
 */
#include "serve/dialogue.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/signal_name.h"
#include "child/child.h"
#include "serve/dialogue_input.h"
#include "serve/event.h"

#define WORD_TOO_LONG "a line is longer than --max-line"
#define WORD_NO_MEMORY "there is no memory for what the process says"

/* What it says. */

static void drop_output(struct dialogue *dialogue)
{
	worker_flush_forget(&dialogue->again);
	buffer_fini(&dialogue->line);
	buffer_fini(&dialogue->held);
}

static void lose(struct dialogue *dialogue, const char *reason)
{
	dialogue_ignore(dialogue);
	dialogue->ops->lost(dialogue, reason);
}

static void keep(struct dialogue *dialogue, const char *bytes, size_t length)
{
	if (length > dialogue->line_most - dialogue->line.length) {
		lose(dialogue, WORD_TOO_LONG);
		return;
	}
	buffer_append(&dialogue->line, bytes, length);
	if (dialogue->line.failed) {
		lose(dialogue, WORD_NO_MEMORY);
	}
}

/* The bytes before a newline. */
static void end_line(struct dialogue *dialogue, const char *bytes, size_t length)
{
	struct buffer line;

	if (!dialogue->line.length && length <= dialogue->line_most) {
		dialogue->ops->line(dialogue, bytes, length);
		return;
	}
	keep(dialogue, bytes, length);
	if (dialogue->deaf) {
		return;
	}
	line = dialogue->line;
	buffer_init(&dialogue->line);
	dialogue->ops->line(dialogue, line.data, line.length);
	buffer_fini(&line);
}

/* What a callback makes of the dialogue is looked at after each line. */
static void take(struct dialogue *dialogue, const char *bytes, size_t length)
{
	while (length && !dialogue->deaf) {
		const char *end;

		if (dialogue->paused) {
			buffer_append(&dialogue->held, bytes, length);
			if (dialogue->held.failed) {
				lose(dialogue, WORD_NO_MEMORY);
			}
			return;
		}
		end = memchr(bytes, '\n', length);
		if (!end) {
			keep(dialogue, bytes, length);
			return;
		}
		end_line(dialogue, bytes, (size_t)(end - bytes));
		length -= (size_t)(end + 1 - bytes);
		bytes = end + 1;
	}
}

static void read_output(struct curfew_child *child, const char *bytes, size_t length, void *arg)
{
	struct dialogue *dialogue = arg;

	(void)child;
	assert(dialogue->deaf || !dialogue->held.length); /* it is paused until that is taken */
	take(dialogue, bytes, length);
}

static void take_held(struct dialogue *dialogue)
{
	struct buffer held = dialogue->held;

	buffer_init(&dialogue->held);
	take(dialogue, held.data, held.length);
	buffer_fini(&held);
}

static void note_silence(struct curfew_child *child, void *arg)
{
	struct dialogue *dialogue = arg;

	(void)child;
	dialogue->ops->silent(dialogue);
}

static bool is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
			return false;
		}
	}
	return true;
}

static void error_line(struct curfew_child *child, const char *line, size_t length, void *arg)
{
	struct dialogue *dialogue = arg;

	(void)child;
	journal_tell(&dialogue->serve->service.journal, &serve_events[SERVE_CHILD_SAID],
		journal_number(dialogue->pid), journal_bytes(line, length));
	if (!is_blank(line, length)) {
		(void)snprintf(dialogue->complaint, sizeof(dialogue->complaint), "%.*s",
			(int)length, line);
	}
}

/* Its end. */

static void count_end(const struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	if (exit->signal && !exit->by_us) {
		dialogue->serve->counts.processes_died++;
	}
}

/* The last of it; frees the child. */
static void end(struct dialogue *dialogue)
{
	const struct curfew_child_exit exit = curfew_child_exit(dialogue->child);
	bool is_whole = !exit.signal && !exit.code;

	if (is_whole && !dialogue->deaf && dialogue->line.length) {
		end_line(dialogue, "", 0);
	}
	count_end(dialogue, &exit);
	dialogue_end_saying(dialogue, false);
	drop_output(dialogue);
	curfew_child_free(dialogue->child);
	dialogue->child = NULL;
	dialogue->ops->ended(dialogue, &exit);
}

static void go_on(struct worker_flush *flush)
{
	struct dialogue *dialogue = container_of(flush, struct dialogue, again);

	if (!dialogue->paused) {
		take_held(dialogue);
	}
	if (dialogue->paused) {
		return;
	}
	if (dialogue->exited) {
		end(dialogue);
	} else {
		curfew_child_resume(dialogue->child);
	}
}

static void child_exited(struct curfew_child *child, void *arg)
{
	struct dialogue *dialogue = arg;

	dialogue->exited = true;
	if (curfew_child_rung(child) == CURFEW_RUNG_KILL) {
		dialogue->paused = false; /* nobody may be left to resume it */
	}
	go_on(&dialogue->again);
}

/* What its owner does to it. */

void dialogue_pause(struct dialogue *dialogue)
{
	if (!dialogue->paused && !dialogue->deaf) {
		dialogue->paused = true;
		if (!dialogue->exited) {
			curfew_child_pause(dialogue->child);
		}
	}
}

/* At the end of the round: whoever resumes is not called before this has returned. */
void dialogue_resume(struct dialogue *dialogue)
{
	if (dialogue->paused) {
		dialogue->paused = false;
		worker_flush_later(dialogue->serve->worker, &dialogue->again);
	}
}

void dialogue_ignore(struct dialogue *dialogue)
{
	dialogue->deaf = true;
	drop_output(dialogue);
	dialogue_resume(dialogue);
}

void dialogue_stop(struct dialogue *dialogue)
{
	dialogue_end_saying(dialogue, true);
	curfew_child_stop(dialogue->child, NULL);
}

void dialogue_kill(struct dialogue *dialogue)
{
	dialogue_ignore(dialogue);
	curfew_child_kill(dialogue->child);
}

void dialogue_finish(struct dialogue *dialogue)
{
	dialogue_end_saying(dialogue, false);
	curfew_child_stop(dialogue->child, NULL);
}

void dialogue_tell_end(const struct dialogue *dialogue, const struct curfew_child_exit *exit,
	int status, struct envelope *envelope)
{
	char text[DIALOGUE_COMPLAINT + 32];
	char signal[SIGNAL_NAME_BYTES];

	if (exit->signal) {
		(void)snprintf(
			text, sizeof(text), "[signal %s]", signal_name(exit->signal, signal));
	} else {
		(void)snprintf(text, sizeof(text), "[exit %d]%s%s", exit->code,
			dialogue->complaint[0] ? " " : "", dialogue->complaint);
	}
	envelope_fail(envelope, status, text, strlen(text));
}

/* Its start. */

/* Returns a vector to be freed, with a word more; NULL: no memory. */
static const char **list_words(const char *const *words, size_t count, const char *more)
{
	const char **list = calloc(count + 2, sizeof(*list));

	if (list) {
		memcpy(list, words, count * sizeof(*list));
		list[count] = more;
	}
	return list;
}

static const char **make_command(char *const *command, const char *word)
{
	size_t count = 0;

	while (command[count]) {
		count++;
	}
	return list_words((const char *const *)command, count, word);
}

static int start_child(
	struct dialogue *dialogue, const char *const *argv, const char *const *environment)
{
	const struct serve_config *config = dialogue->serve->config;
	struct curfew_child_config child;

	curfew_child_defaults(&child);
	child.argv = argv;
	child.environment = environment;
	child.cwd = config->cwd;
	child.in = child.out = child.err = CURFEW_STDIO_PIPE;
	child.tree = CURFEW_TREE_KEEPER;
	child.keeper = config->keeper;
	child.eof_wait_ms = config->eof_wait_ms;
	child.term_wait_ms = config->term_wait_ms;
	child.on_output = read_output;
	child.on_error_line = error_line;
	child.on_exit = child_exited;
	child.arg = dialogue;
	dialogue->child = curfew_child_start(dialogue->serve->service.life, NULL, &child);
	if (!dialogue->child) {
		return -errno;
	}
	if (dialogue->ops->silent) {
		child_on_silence(dialogue->child, note_silence);
	}
	dialogue->pid = curfew_child_pid(dialogue->child);
	dialogue->serve->counts.processes_started++;
	return 0;
}

int dialogue_start(struct dialogue *dialogue, struct serve *serve, const struct dialogue_ops *ops,
	const char *word)
{
	const struct words *variables = &serve->config->environment;
	const char **argv = make_command(serve->config->command, word);
	const char **environment = list_words(variables->word, variables->count, NULL);
	int error = -ENOMEM;

	*dialogue = (struct dialogue){
		.serve = serve,
		.ops = ops,
		.line_most = serve->config->max_line,
		.flush = {.run = dialogue_flush},
		.writable = {.fd = -1, .ready = dialogue_writable},
		.again = {.run = go_on},
	};
	if (argv && environment) {
		error = start_child(dialogue, argv, environment);
	}
	free(argv);
	free(environment);
	return error;
}
