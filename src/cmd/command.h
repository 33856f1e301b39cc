/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands as a table. A command is a row here and a file of its own; help, completion and the
 * manual's test derive from the rows.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stdbool.h>

#include "cmd/grace.h"
#include "cmd/option.h"

/* What stands behind a command's options: for completion. */
enum command_operands {
	OPERANDS_NONE,
	OPERANDS_PROGRAM, /* another program and its arguments */
	OPERANDS_TOPIC,   /* a command of ours, or another topic of the help */
	OPERANDS_SHELL,   /* one that completion knows */
	OPERANDS_URLS     /* several, between the options, too */
};

struct command {
	const char *name;
	const char *summary;  /* one sentence without its full stop */
	const char *operands; /* for the usage line; NULL: none */
	enum command_operands takes;
	const struct option *options; /* the table, its end included; never NULL */
	/*
	 * Gets the arguments behind the command's name. Returns the exit code. NULL for a command
	 * that serves, which only curfew-net has (cmd/network.c).
	 */
	int (*run)(const struct command *command, char **arguments);
	/*
	 * Of a command that serves: reads the arguments into its config, which is zeroed and of so
	 * many bytes. Returns whether the command should go on; if not, *exit_code is set.
	 */
	bool (*configure)(
		const struct command *command, char **arguments, void *config, int *exit_code);
	size_t config_bytes;
	struct grace (*grace_preset)(void); /* its own default of --grace; NULL: that of all */
	bool is_never_announced;            /* in Kubernetes neither, unless that is asked for */
};

extern const struct command command_run;
extern const struct command command_gate;
extern const struct command command_mcp;
extern const struct command command_relay;
extern const struct command command_serve;
extern const struct command command_load;
extern const struct command command_ready;
extern const struct command command_help;
extern const struct command command_completion;
extern const struct command command_version;

/* All of them, in the order of the help; ends with NULL. */
extern const struct command *const commands[];

/* Returns the command of that name, or NULL. */
const struct command *command_find(const char *name);

/*
 * Reads a command's options into config, on top of what is there, and moves *arguments to its
 * operands. Returns whether the command should go on; if not, *exit_code is set: help was asked for
 * and printed, or the arguments were refused on standard error.
 */
bool command_read(const struct command *command, char ***arguments, void *config, int *exit_code);

/*
 * Refuses superfluous operands. Returns whether there are none; if not, says so on standard error.
 */
bool command_takes_no_more(const struct command *command, char *const *operands);

/*
 * The program: finds the command and runs it; serve does so for a command that serves. Returns the
 * exit code.
 */
int command_main(int argc, char **argv, int (*serve)(const struct command *command, char **argv));

#endif
