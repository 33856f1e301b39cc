/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as tables. Everything about an option is in its row: parsing, the environment's form,
 * defaults, help, completion and the manual's test derive from it.
 *
 * Every --foo-bar is also CURFEW_FOO_BAR, unless it is internal; the command line wins, and an
 * empty variable counts as none. Other CURFEW_* variables are ignored. No option may be called
 * port: Kubernetes injects CURFEW_PORT=tcp://... for a Service named curfew.
 */
#ifndef CMD_OPTION_H
#define CMD_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/words.h"

/* Each with the type of the field that it fills. */
enum option_kind {
	OPTION_FLAG,       /* bool: alone, or with =yes or =no */
	OPTION_DURATION,   /* int64_t: milliseconds, CURFEW_NEVER for inf */
	OPTION_SIZE,       /* uint64_t: bytes */
	OPTION_RATE,       /* int64_t: milliseconds from one to the next, 0 for no limit */
	OPTION_NUMBER,     /* int: from least to most */
	OPTION_STRING,     /* const char *: not empty */
	OPTION_CHOICE,     /* unsigned: an index in choices */
	OPTION_SIGNAL,     /* int */
	OPTION_CATCHABLE,  /* int: a signal that is not KILL or STOP */
	OPTION_SIGNALS,    /* sigset_t: such signals, between commas */
	OPTION_SIGNAL_MAP, /* struct signal_map: HUP:TERM,USR1:0; adds up */
	OPTION_WORDS       /* struct words: strings, one for each time it is given */
};

struct option {
	const char *name; /* without dashes; NULL ends a table */
	char letter;      /* -v; flags only; 0 for none */
	bool internal;    /* between our own programs: not in the environment, not completed */
	enum option_kind kind;
	size_t offset;       /* of the field in the command's config */
	const char *metavar; /* NULL for flags */
	const char *preset;  /* the default, as one would write it; NULL: the field stays zero */
	const char *preset_text;    /* the default for people, where the preset does not tell it */
	const char *help;           /* one sentence without its full stop */
	const char *const *choices; /* CHOICE; ends with NULL */
	int least, most;            /* NUMBER */
	/* STRING: returns NULL, or why it refuses the text, as base/text.h does; NULL: takes any */
	const char *(*check)(const char *text);
};

/* --help, which every command has besides its table. */
extern const struct option option_help;

/* Returns the table's option at an index, then option_help, then NULL. */
const struct option *option_at(const struct option *table, size_t index);

#define OPTION_VARIABLE_BYTES 64

/* Writes CURFEW_FOO_BAR for an option, and returns it; NULL if it has no such form. */
const char *option_variable(const struct option *option, char name[OPTION_VARIABLE_BYTES]);

/* Sets all fields that have a preset. */
void option_preset(const struct option *table, void *config);

struct option_reading {
	const struct option *table;
	char **arguments;         /* behind the command's name; moved to the first operand */
	char *const *environment; /* ends with NULL; or NULL */
	void *config;             /* strings in it point into arguments and environment */
	bool is_mixed;            /* operands may stand between the options */
	struct buffer refusal;    /* why nothing came of it: one line without its newline */
};

#define OPTION_WANTS_HELP 1

/*
 * Reads arguments up to the first that is no option, or up to and with "--", then the environment;
 * mixed, all up to "--", and gathers the operands where the arguments began.
 * Returns 0; OPTION_WANTS_HELP if --help was met, after which nothing else is read; or -EINVAL with
 * a refusal.
 */
int option_read(struct option_reading *reading);

/*
 * Takes the variables of the table's options out of an environment, in its place: for children,
 * whom they are not meant for. The strings stay where they are; a config may refer to them.
 */
void option_strip(const struct option *table, char **environment);

#endif
