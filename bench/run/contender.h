/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contenders: programs that start a child for us, each given as the words that stand before the
 * child's own. On a command line each list of words ends with a lone comma: `tini -s -- ,`; a comma
 * alone is the bare child.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdint.h>
#include <sys/types.h>

#define CONTENDERS 8
#define CONTENDER_WORDS 32

struct contender {
	char *argv[CONTENDER_WORDS]; /* with the child's words, and NULL */
};

/* Returns now, in nanoseconds of CLOCK_MONOTONIC. */
int64_t now_ns(void);

/*
 * Reads contenders from words, which end with NULL, and appends the child's words to each. Returns
 * how many; exits with 2 on bad input.
 */
int contender_read(struct contender *list, char **words, char *const *child);

/*
 * Starts a contender with an empty signal mask, default dispositions, and out as its output.
 * Returns its pid, in the parent as soon as the exec has happened; exits with 1 where that fails.
 */
pid_t contender_start(const struct contender *contender, int out);

#endif
