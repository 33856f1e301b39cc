/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of one `curfew run`, which all refer to it. */
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include "child/child.h"
#include "loop/host.h"
#include "loop/writer.h"
#include "run/run.h"

/* Our stdin, passed on to a command whose stdin is a pipe of ours. */
struct feed {
	struct source source; /* our stdin */
	struct source input;  /* the command's, while it is full */
	struct buffer pending;
};

/* The command's output and errors as log lines. */
struct capture {
	struct writer writer;
	struct line_splitter lines; /* of its output; its errors come as lines */
};

/* --pre-stop: a command that runs before the ladder. */
struct pre_stop {
	struct curfew_hold hold; /* on the work stage */
	struct curfew_drain drain;
	struct curfew_child *child;
	struct timer bound;
};

struct runner {
	const struct run_config *config;
	struct curfew_lifecycle *life;
	struct loop *loop;
	struct curfew_child *child;
	bool main_ended;
	struct timer duration;
	int terminal;        /* whose foreground the command has; -1: none */
	struct source owner; /* keeper: the socket to the owner; -1 */
	struct timer owner_gone;
	int report_fd;
	struct feed feed;
	struct capture capture;
	struct pre_stop pre_stop;
};

/* signals.c: what comes to us; and whether a stop signal has come that was not taken yet. */
void signals_received(const siginfo_t *info, void *arg);
bool signals_stop_pending(const struct runner *runner);

/* ending.c: says what was forced, and writes the report. */
void ending_tell(const struct runner *runner);
/*
 * Returns the stop signal of which the command died, or exited as if, where we are to do so; or 0.
 */
int ending_signal(const struct runner *runner);
/* Dies of a signal; returns where that is not possible, as for PID 1. */
void ending_reraise(int number);

/* terminal.c: where the command stands in the job control of a shell. */
enum placement {
	PLACEMENT_OWN_GROUP,  /* no terminal, or in its background */
	PLACEMENT_FOREGROUND, /* own group, which the terminal's foreground is handed over to */
	PLACEMENT_SHARED      /* the foreground is shared with others, a pipeline: stay in it */
};
enum placement terminal_placement(void);
/* Takes note of a command that was stopped from the terminal: stops us too. */
void terminal_child_changed(struct runner *runner);
/* We were continued: the command is too, in the foreground if we are. */
void terminal_continued(struct runner *runner);
/* Takes the foreground back. */
void terminal_restore(struct runner *runner);

/* feed.c. Returns 0 or a negative errno. */
int feed_start(struct runner *runner);
void feed_stop(struct runner *runner);

/* capture.c. Returns 0 or a negative errno. */
int capture_init(struct runner *runner);
void capture_fini(struct runner *runner);
void capture_output(struct curfew_child *child, const char *bytes, size_t length, void *arg);
void capture_error_line(struct curfew_child *child, const char *line, size_t length, void *arg);
/* The command has ended: a last line without a newline is written. */
void capture_finish(struct runner *runner);

/* pre_stop.c */
void pre_stop_init(struct runner *runner);
void pre_stop_fini(struct runner *runner);

/* owner.c: what a keeper hears from its owner, and tells it. */
int owner_watch(struct runner *runner);
void owner_tell_pid(const struct runner *runner);
void owner_tell_error(const struct run_config *config, int error);
/* The command has ended; nothing where all of its tree has, which owner_tell_exit tells. */
void owner_tell_ended(const struct runner *runner);
void owner_tell_exit(const struct runner *runner);

#endif
