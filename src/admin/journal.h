/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a serving command: one line an event, on standard error.
 *
 *	time=2026-11-21T13:55:01.042Z level=info cmd=gate event=ready after_ms=12
 *	{"time":"2026-11-21T13:55:01.042Z","level":"info","cmd":"gate","event":"ready",...}
 *
 * Events are rows of tables (admin/event.h has those that all commands share), and their fields
 * stand there too. A value of text is quoted where it needs it, and what is in it can neither end
 * the line nor reach a terminal.
 *
 * Nobody waits for the reader. What it does not take is kept; from JOURNAL_BULK_MOST bytes on
 * events that come with each request or connection are dropped and counted, others never. The log
 * stage of the lifecycle is held until all is written.
 */
#ifndef ADMIN_JOURNAL_H
#define ADMIN_JOURNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <curfew/lifecycle.h>
#include <curfew/log.h>

#include "base/buffer.h"
#include "core/agenda.h"
#include "loop/writer.h"

#define JOURNAL_BULK_MOST (1 << 20) /* bytes that are pending: from there on bulk is dropped */

enum journal_format { JOURNAL_TEXT, JOURNAL_JSON };

/* A row; all of it is static. */
struct journal_event {
	const char *name;
	enum curfew_level level;
	bool is_bulk;       /* comes with each request or connection */
	const char *fields; /* names, with a space between them; at least one */
};

/* What a field has; NULL text, and no number: the field is left out. */
struct journal_value {
	const char *text;
	size_t length;
	int64_t number; /* where text is NULL and is_number */
	bool is_number; /* a text is one as it stands, too */
};

static inline struct journal_value journal_bytes(const char *bytes, size_t length)
{
	return (struct journal_value){.text = bytes, .length = length};
}

static inline struct journal_value journal_text(const char *text)
{
	return journal_bytes(text, text ? strlen(text) : 0);
}

static inline struct journal_value journal_number(int64_t number)
{
	return (struct journal_value){.number = number, .is_number = true};
}

/* A number with a fraction, in digits as JSON has them. */
static inline struct journal_value journal_decimal(const char *digits)
{
	return (struct journal_value){.text = digits, .length = strlen(digits), .is_number = true};
}

struct journal {
	const char *command;
	enum curfew_level level; /* the least urgent that is written */
	enum journal_format format;
	struct agenda *agenda;
	struct writer writer;
	struct task hand_over; /* what waits goes to the writer */
	/* Before that, in its thread: for who draws on the same terminal. NULL: nobody */
	void (*before)(void *arg);
	void *before_arg;

	pthread_mutex_t lock;   /* of what any thread may write: */
	struct buffer waiting;  /* whole lines */
	size_t written_pending; /* bytes that the writer has */
	uint64_t dropped;       /* lines since the last event that told it */
	int64_t second;         /* for which the text below is */
	char second_text[32];
};

/*
 * Writes to a descriptor, which stays the caller's. The owner of the lifecycle. Returns 0 or a
 * negative errno; then nothing else may be called but fini.
 */
int journal_init(struct journal *journal, struct curfew_lifecycle *life, int fd,
	const char *command, enum curfew_level level, enum journal_format format);

/* Writes what is left, waiting for the reader until deadline. The owner. Zeroed: does nothing. */
void journal_fini(struct journal *journal, int64_t deadline);

/* Returns whether events of this level are written. Any thread. */
static inline bool journal_wants(const struct journal *journal, enum curfew_level level)
{
	return level <= journal->level;
}

/* Writes an event with the values of its fields, all of them in their order. Any thread. */
void journal_write(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count);

/* The same whatever its level: what somebody has asked for by itself. Any thread. */
void journal_put(struct journal *journal, const struct journal_event *event,
	const struct journal_value *values, size_t count);

/* journal_tell(journal, &events[EVENT], journal_text("a"), journal_number(1)) */
#define journal_tell(journal, event, ...)                                                          \
	journal_write(journal, event, (const struct journal_value[]){__VA_ARGS__},                 \
		sizeof((const struct journal_value[]){__VA_ARGS__}) /                              \
			sizeof(struct journal_value))

#endif
