/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is told of a run, by summary, JSON, HTML and metrics: filled by the director, at the end
 * or in between. Strings are borrowed.
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
	X(RAMP, "ramp", "the ramp came to its end")                                                \
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

/* Of a ramp. */
struct result_step {
	unsigned number;          /* from 1 on; 0: none goes on */
	double rate;              /* requests a second */
	int64_t begin_ns, end_ns; /* since the run's begin */
};

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
	int signal; /* 0: none */
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
	int runs; /* 1; more: so many were merged */

	struct result_step step; /* that goes on now; not of a result that is written */

	struct field_block *blocks; /* private: strings and sections of what was read */
};

/* tally_init, one run, and zeros. Returns 0 or -ENOMEM; fini is to be called anyway. */
int result_init(struct result *result, size_t scenarios);
/* Its tally, and all of one that was read; else sections are their owners'. */
void result_fini(struct result *result);

/* Latencies that are judged: intended in an open loop, actual in a closed one. */
const struct histogram *result_latency(const struct result *result);

/* Requests that were OK, a second of ran_ns; and of all that ended. */
double result_rate(const struct result *result);
double result_ended_rate(const struct result *result);

/*
 * The lag gate, to be called once the tally is whole: whether it was us who could not keep the
 * schedule (lag p99 above RESULT_LAG_MOST_US). Sets client_limited and adds a note.
 */
#define RESULT_LAG_MOST_US 10000
void result_judge_lag(struct result *result);

/* Adds a note; not one that is there, nor more than there is room for. */
__attribute__((format(printf, 2, 3))) void result_note(
	struct result *result, const char *format, ...);

/*
 * As JSON, one object and a newline: the format of --json (curfew-load(1), RESULT).
 *
 *	{"curfew_load":1,                       the version of the format
 *	 "target":"http://...","run_id":null,"labels":["NAME=VALUE",...],
 *	 "is_open":true,"connections":50,"threads":2,"seed":1,"plan":"1000/s for 30 s",
 *	 "expects_restart":false,
 *	 "began_ms":..,"ran_ns":..,"planned_ns":null,"ended_ns":..,"cpu_ns":..,
 *	 "ending":"duration","signal":0,        a word of RESULT_ENDINGS
 *	 "client_limited":false,"exit_code":0,"runs":1,"notes":[...],
 *	 "verdicts":[{"text":"p99>50ms","broken":true,"found":"p99 is 61.2 ms"},...],
 *	 "summary":{                            what follows from the rest; not read again
 *	   "succeeded":..,"failed":..,"rate":..,"ended_rate":..,
 *	   "intended":{"count":..,"mean_us":..,"p50_us":..,"p90_us":..,"p99_us":..,"p99.9_us":..,
 *	     "max_us":..},"actual":{..},"failures":{..},"lag":{..},"connect":{..},  intended and
 *	                                        lag are empty in a closed loop
 *	   "absences":[{"begin_ns":..,"end_ns":..,"outcomes":{..}},...]},   end_ns null: for good
 *	 "tally":{...},                         tally_write
 *	 "scenarios":["read","write"],          [] where there is one only
 *	 "sections":[{"name":"evm","rows":[{"name":"blocks","text":"1 000","value":1000},...],
 *	   "latency_name":"inclusion","latency":{...}},...]}                 both null: none
 *
 * planned_ns is null where it was without end, a value of a section where it is no number. Whole
 * numbers are exact: up to 64 bits.
 */
void result_write(struct buffer *out, const struct result *result);

/*
 * Makes a result of such a text; all that it has is its own. Strict: what is missing, unknown, of
 * another kind or contradicts itself is refused. Returns 0, -ENOMEM, or -EINVAL with one sentence;
 * fini is to be called anyway.
 */
int result_read(struct result *result, const char *text, size_t length, struct buffer *refusal);

/*
 * Adds another run to one that was read: what would have been told if one had made both. Counts,
 * histograms, connections, threads and CPU time are sums; times are the longest. What does not add
 * up is told where all have it: target and plan are listed, run_id and labels stay if they are of
 * all, the rows of sections that differ are listed. Verdicts do not speak for the whole: those that
 * were broken become notes. The ending is the worst; the exit code is 1 where one was not 0.
 *
 * Timelines are laid over each other from their own begins; or, if together, by the calendar's
 * clock, so that an absence is one also where the runs began a little apart. Then `from` must not
 * have begun before `into`.
 *
 * Refused where they cannot be one: open and closed, other scenarios, more than fits. Returns 0,
 * -ENOMEM, or -EINVAL with one sentence; then `into` is as it was, but for -ENOMEM.
 */
int result_merge(
	struct result *into, const struct result *from, bool together, struct buffer *refusal);

#endif
