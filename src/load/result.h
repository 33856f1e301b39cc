/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is told of a run, by summary, JSON, HTML and metrics: filled by load.c, at the end or in
 * between. Strings are borrowed.
 */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/words.h"
#include "load/tally.h"

/* Why no more requests were begun. X(name, word, text for people) */
#define RESULT_ENDINGS(X)                                                                          \
	X(RUNNING, "running", "it goes on")                                                        \
	X(DURATION, "duration", "its time was over")                                               \
	X(REQUESTS, "requests", "all requests were made")                                          \
	X(SIGNAL, "signal", "it was asked to end by a signal")                                     \
	X(INSISTED, "insisted", "a second signal ended it at once")                                \
	X(FAILED, "failed", "it could not go on")

enum result_ending {
#define RESULT_ENDING(name, word, text) RESULT_##name,
	RESULT_ENDINGS(RESULT_ENDING)
#undef RESULT_ENDING
		RESULT_ENDING_COUNT
};

#define RESULT_SECTION_ROWS 32

/* What a kind of load tells besides (blocks, inclusion): a table, and perhaps durations. */
struct result_row {
	char name[48]; /* a word of the program: "blocks", "gas_per_second" */
	char text[64]; /* its value for people: "1 000", "12.3 M" */
	double value;  /* the same for programs */
};

struct result_section {
	char name[32]; /* "evm" */
	struct result_row rows[RESULT_SECTION_ROWS];
	size_t row_count;
	const char *latency_name; /* "inclusion"; NULL: none */
	struct histogram latency;
	struct result_section *next;
};

/* A --fail-on that was judged. */
struct result_verdict {
	const char *text; /* as it was given */
	bool broken;
	char found[64]; /* "p99 is 61.2 ms" */
};

#define RESULT_VERDICTS_MOST WORDS_MOST
#define RESULT_NOTES_MOST 8

struct result {
	/* What was asked for. */
	const char *target; /* the URLs, or the profile's name */
	const char *run_id; /* NULL: none */
	const struct words *labels;
	bool is_open;    /* with a schedule; else as fast as it goes */
	int connections; /* closed: of all threads; open: the most in flight */
	int threads;
	uint64_t seed;
	char plan[160]; /* for people: "1000/s for 30 s", "50 connections for 10 s" */
	bool expects_restart;
	const char *const *scenarios; /* names, tally.scenario_count of them */

	/* What came of it. */
	int64_t began_ms;   /* of the calendar's clock: the begin of the run */
	int64_t ran_ns;     /* from the begin until no more were begun, or now */
	int64_t planned_ns; /* what ran_ns was to be; INT64_MAX: not known */
	int64_t ended_ns;   /* until the last one was over, or now */
	int64_t cpu_ns;     /* of ours, in that time */
	enum result_ending ending;
	int signal;
	struct tally tally;
	struct result_section *sections; /* NULL: none */
	struct result_verdict verdicts[RESULT_VERDICTS_MOST];
	size_t verdict_count;
	/*
	 * What a reader has to know to believe the rest: "this machine was too slow: ...". One
	 * sentence each.
	 */
	char notes[RESULT_NOTES_MOST][200];
	size_t note_count;
	bool client_limited; /* the schedule could not be kept by us: the lag gate */
	int exit_code;
};

/* tally_init, and zeros. Returns 0 or -ENOMEM; fini is to be called anyway. */
int result_init(struct result *result, size_t scenarios);
void result_fini(struct result *result); /* its tally; sections are their owners' */

/* Latencies that are judged: intended in an open loop, actual in a closed one. */
const struct histogram *result_latency(const struct result *result);

/* Requests that were OK, a second of ran_ns; and of all that ended. */
double result_rate(const struct result *result);
double result_ended_rate(const struct result *result);

/*
 * The lag gate, to be called once the tally is whole: whether it was us who could not keep the
 * schedule (lag p99 above RESULT_LAG_MOST_US, or dropped ones while we lagged). Sets client_limited
 * and adds a note.
 */
#define RESULT_LAG_MOST_US 10000
void result_judge_lag(struct result *result);
__attribute__((format(printf, 2, 3))) void result_note(
	struct result *result, const char *format, ...);

/* As JSON, one object and a newline: the format of --json (curfew-load(1), RESULT). */
void result_write(struct buffer *out, const struct result *result);

/*
 * Adds what such a text has to one that result_init made: curfew load merge. Refused where it is no
 * result, or one of another kind (is_open, scenarios). Returns 0, or -EINVAL with one sentence.
 */
int result_read(struct result *result, const char *text, size_t length, struct buffer *refusal);

#endif
