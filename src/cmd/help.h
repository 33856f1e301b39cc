/* SPDX-License-Identifier: Apache-2.0 */
/* Help, made of the tables. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "base/buffer.h"
#include "cmd/command.h"

/* The topic that is no command. */
#define HELP_EXIT_CODES "exit-codes"

/* Appends what the program is and its commands; a command's usage and options; the exit codes. */
void help_append_program(struct buffer *out);
void help_append_command(struct buffer *out, const struct command *command);
void help_append_exit_codes(struct buffer *out);

/*
 * Appends a line for each option of each command: command, option, metavar, variable, with a tab
 * between them, and - for what is missing. The documentation is tested against it.
 */
void help_append_list(struct buffer *out);

/* Print to standard output. Return the exit code. */
int help_print_program(void);
int help_print_command(const struct command *command);

#endif
