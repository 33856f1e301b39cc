/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit codes for people: help prints them, the manual is tested against them. core/outcome.h
 * computes them.
 */
#ifndef CMD_EXIT_CODE_H
#define CMD_EXIT_CODE_H

struct exit_code {
	const char *code; /* "2", "128+n"; NULL ends the table */
	const char *text; /* one sentence without its full stop */
};

extern const struct exit_code exit_codes[];

#endif
