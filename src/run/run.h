/* SPDX-License-Identifier: Apache-2.0 */
/* curfew run: one command, and everything that it started, ended in order. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/signal_map.h"

enum run_stdin { RUN_STDIN_INHERIT, RUN_STDIN_NULL, RUN_STDIN_PIPE };

/* Who gets the stop signal: all at once, or the main process, and the rest when it is gone. */
enum run_kill_mode { RUN_KILL_TREE, RUN_KILL_MAIN };

/* What the command's death of the stop signal that we sent counts as. */
enum run_signal_exit { RUN_SIGNAL_EXIT_ZERO, RUN_SIGNAL_EXIT_KEEP, RUN_SIGNAL_EXIT_RERAISE };

/* When a second stop signal forces the end. */
enum run_insist { RUN_INSIST_NOW, RUN_INSIST_NEVER };

enum run_log_format { RUN_LOG_TEXT, RUN_LOG_JSON };

/*
 * Durations are in milliseconds, CURFEW_NEVER for none. Strings are borrowed. Enums are unsigned
 * for the options.
 */
struct run_config {
	char *const *command; /* ends with NULL; at least one word */
	int64_t grace_ms;
	int64_t duration_ms;   /* the command is stopped after it */
	int64_t eof_wait_ms;   /* after end of input, where its stdin is our pipe */
	int64_t term_wait_ms;  /* after the stop signal; CURFEW_NEVER: the rest of the grace */
	sigset_t stop_on;      /* signals that begin the end */
	struct signal_map map; /* what the others become before they are passed on */
	int dump_signal;       /* has our state dumped instead of being passed on; 0: none */
	int stop_signal;       /* 0: the one that came, SIGTERM where none came */
	unsigned stdin_mode;   /* enum run_stdin */
	unsigned kill_mode;    /* enum run_kill_mode */
	unsigned signal_exit;  /* enum run_signal_exit */
	unsigned insist;       /* enum run_insist */
	unsigned log_format;   /* enum run_log_format; of captured lines */
	int forced_exit;       /* exit code where something was forced after a clean end */
	const char *pre_stop;  /* command line for /bin/sh -c, run before the ladder; NULL: none */
	int64_t pre_stop_wait_ms;
	bool capture; /* its output and errors are read by lines and logged on stderr */
	bool verbose;
	const char *report; /* file, "-" for stderr; NULL: none */
	int keeper;         /* descriptor of the control pipe; -1: we are no keeper */
};

/*
 * Runs the command to its end. Returns the exit code, or dies of the signal where --signal-exit
 * reraise asks for it.
 */
int run_main(const struct run_config *config);

#endif
