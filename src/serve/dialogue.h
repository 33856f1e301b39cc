/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of the plugin's command, under a keeper, and what is said: texts to its input, a line
 * each, and the lines that it answers. What it says on its standard error is logged by lines.
 *
 * Back-pressure: while a dialogue is paused, the process's output is not read; what was read
 * before is kept, which is a chunk at most. A line is kept up to its bound (serve.h: max_line).
 *
 * It is a hold on the children stage until the whole of its tree is gone, so that our end is its
 * end too, by the ladder. All in the thread of worker 0.
 */
#ifndef SERVE_DIALOGUE_H
#define SERVE_DIALOGUE_H

#include <curfew/child.h>

#include "base/buffer.h"
#include "serve/envelope.h"
#include "serve/host.h"
#include "serve/invocation.h"

#define DIALOGUE_COMPLAINT 1024 /* bytes of the last line of its errors, the NUL included */

struct dialogue;

struct dialogue_ops {
	/* A line that it wrote, without its newline. May pause and stop it. */
	void (*line)(struct dialogue *dialogue, const char *line, size_t length);
	/* One of its lines is too long, or there is no memory for it. None come any more. */
	void (*lost)(struct dialogue *dialogue, const char *reason);
	/* It has closed its output, and goes on: no lines come any more. NULL: what of it */
	void (*silent)(struct dialogue *dialogue);
	/*
	 * The process is gone, and all of its tree; all that it said was given out. The memory is
	 * the owner's again.
	 */
	void (*ended)(struct dialogue *dialogue, const struct curfew_child_exit *exit);
};

/* Embedded in its owner, and not moved. */
struct dialogue {
	struct serve *serve;
	const struct dialogue_ops *ops;
	struct curfew_child *child; /* NULL: none */
	pid_t pid;                  /* of the process, for listings and the log */
	uint64_t line_most;
	char complaint[DIALOGUE_COMPLAINT]; /* the last line of its errors that is not blank */

	size_t written; /* bytes of what was said last; 0: it cannot have answered that */

	const char *text; /* borrowed, and not yet written whole; NULL: nothing is being said */

	/* Private. */
	size_t length;
	bool closes; /* its input ends behind that */
	struct worker_flush flush;
	struct source writable;
	struct buffer line; /* what has come of the next one */
	struct buffer held; /* read, and not looked at since it was paused */
	struct worker_flush again;
	bool paused;
	bool deaf;   /* what it says is dropped */
	bool exited; /* the process is gone; what it has said is still to be taken */
};

/*
 * Starts serve->config->command with one more word (NULL: as it is). Returns 0, or a negative
 * errno: that of execve(2), or -ESHUTDOWN, the end has come to the processes.
 */
int dialogue_start(struct dialogue *dialogue, struct serve *serve, const struct dialogue_ops *ops,
	const char *word);

/*
 * Writes a text and a newline to its input, which ends behind them if closes is set; length 0:
 * only that end. The text is borrowed until the process has answered, or ended. One at a time.
 */
void dialogue_say(struct dialogue *dialogue, const char *text, size_t length, bool closes);

/* Its output waits; goes on. */
void dialogue_pause(struct dialogue *dialogue);
void dialogue_resume(struct dialogue *dialogue);

/* From here on, what it says is dropped: it goes on, also if it was paused. Does not call back. */
void dialogue_ignore(struct dialogue *dialogue);

/*
 * Asks it to end by SIGTERM to its tree, and by the ladder from there; kills it. Any number of
 * times; neither calls back.
 */
void dialogue_stop(struct dialogue *dialogue);
void dialogue_kill(struct dialogue *dialogue);

/* Ends its input, and goes up the ladder from there: for one that has nothing to do. */
void dialogue_finish(struct dialogue *dialogue);

/*
 * Why it has ended, for people: "[signal SEGV]", or "[exit 3]" and its complaint. Fills in the
 * envelope's failure with this status.
 */
void dialogue_tell_end(const struct dialogue *dialogue, const struct curfew_child_exit *exit,
	int status, struct envelope *envelope);

#endif
