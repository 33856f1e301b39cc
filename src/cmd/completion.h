/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for shells, made of the tables. */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include "base/buffer.h"
#include "cmd/option.h"

/* What may stand as an option's value, or as an operand. */
enum completion_values {
	COMPLETION_NOTHING, /* nothing that we know */
	COMPLETION_WORDS,
	COMPLETION_FILES,
	COMPLETION_PROGRAMS
};

struct command;

/* Appends the words there are, with a space between them, and returns what kind of value it is. */
enum completion_values completion_option_values(const struct option *option, struct buffer *words);
enum completion_values completion_operand_values(
	const struct command *command, struct buffer *words);

/* Returns whether the option is offered: all but internal ones, and --help. */
bool completion_offers(const struct option *option);

/*
 * Appends a text for single quotes, which all three shells read alike, with a backslash before some
 * characters.
 */
void completion_append_quoted(struct buffer *out, const char *text, const char *escaped);

/* Append the script for one shell. */
void completion_append_bash(struct buffer *out);
void completion_append_zsh(struct buffer *out);
void completion_append_fish(struct buffer *out);

#endif
