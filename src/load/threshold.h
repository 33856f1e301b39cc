/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A condition on a result: what must not be at the end (--fail-on), or what must be for a ramp to
 * go on (--ramp-while).
 *
 *	[SCENARIO:]MEASURE OPERATOR VALUE        operators: > >= < <=; blanks are allowed
 *
 *	p99>50ms  p99.9  mean  max               of the latency that is judged (result_latency)
 *	lag-p99>5ms  connect-max>1s              the same of the schedule lag, of connecting
 *	errors>0.1%  errors>0                    what failed, of all that ended, or how many
 *	reset_sent>0  5xx>1%                     one outcome by its word, the same
 *	dropped>1%                               of what was scheduled
 *	in_flight>0                              not over at the end; of what was admitted
 *	rate<900/s                               of what succeeded; also /m and /h
 *
 * Times have a unit: us, ms, s, m, h. Those of a scenario are its own: latency from the actual
 * send, rate, errors, outcomes.
 */
#ifndef LOAD_THRESHOLD_H
#define LOAD_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "load/result.h"

struct threshold_measure;

enum threshold_operator {
	THRESHOLD_ABOVE,
	THRESHOLD_ABOVE_OR_EQUAL,
	THRESHOLD_BELOW,
	THRESHOLD_BELOW_OR_EQUAL,
};

struct threshold {
	const char *text; /* borrowed */
	const struct threshold_measure *measure;
	enum load_outcome outcome; /* of the measure that is one */
	double percent;            /* of the measure that is a percentile */
	size_t scenario;           /* SIZE_MAX: of all */
	enum threshold_operator operator;
	bool is_share;
	double value; /* us, a second, percent, or how many */
};

/*
 * Reads one. scenarios: the names that there are; count 0: none. Returns 0, or -EINVAL with what is
 * wrong and what would be right, in words that fit behind "it ": "has no operator (...)".
 */
int threshold_parse(struct threshold *threshold, const char *text, const char *const *scenarios,
	size_t count, struct buffer *refusal);

/*
 * Whether it holds. found: "p99 is 61.2 ms". What cannot be told, since there was no such request,
 * is neither so nor so: then this returns -ENODATA, and found says that.
 */
#define THRESHOLD_FOUND_BYTES 64
int threshold_judge(const struct threshold *threshold, const struct result *result,
	char found[THRESHOLD_FOUND_BYTES]);

/* Judges it as a --fail-on: broken if it holds, or if it cannot be told. */
void threshold_verdict(const struct threshold *threshold, const struct result *result,
	struct result_verdict *verdict);

#endif
