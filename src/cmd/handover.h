/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that serve are in curfew-net, which needs libuv and OpenSSL; curfew, which needs
 * nothing, executes it in its own place: beside itself, or in the libexec folder.
 *
 * All signals are blocked by then, and stay so while curfew-net is loaded, which takes its time:
 * what comes meanwhile is pending, and curfew-net reads it. What it cannot see any more is the mask
 * that was before, which children are to be given. That is handed on in a variable with our pid in
 * it, CURFEW_HANDOVER=PID:MASK:PROGRAM, which is taken out of the environment first of all; one
 * that is not of this very process is nobody's.
 */
#ifndef CMD_HANDOVER_H
#define CMD_HANDOVER_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct command;

struct handover {
	sigset_t mask;          /* before all signals were blocked */
	char program[PATH_MAX]; /* the path of curfew; "": not known */
};

/* Reads what was handed over to the process of this pid. Returns false if it is not well-formed. */
bool handover_parse(const char *text, pid_t pid, struct handover *handover);

/* Executes curfew-net with the same arguments. Returns, with the exit code, only if that fails. */
int handover_exec(const struct command *command, char **argv);

/* Takes what was handed over. In curfew-net, after signals_block. */
void handover_take(void);

/*
 * Returns the program for keepers: curfew, as it was handed over, or beside us; or else ourselves,
 * who can do it as well, with more memory. Static.
 */
const char *handover_keeper(void);

#endif
