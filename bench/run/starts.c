/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	starts ROUNDS LEAF CONTENDER... (see contender.h)
 *
 * Starts every contender around `LEAF stamp` ROUNDS times, in turn, each round beginning with
 * another one, and writes a line for each start: the contender's number, the nanoseconds from our
 * start to the leaf's main, and those from the leaf's end to the contender's. The first rounds are
 * for warming up and are not written.
 */
#include "contender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP 5
#define LEAF_MS "3" /* so that the contender has long been waiting when its child exits */

/* Nobody wakes us in between: the leaf's stamps wait in the pipe until the contender is gone. */
static int start(const struct contender *contender, const int out[2], int64_t *begin, int64_t *end)
{
	int64_t stamps[2], t0 = now_ns(), t1;
	pid_t pid = contender_start(contender, out[1]);

	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
	t1 = now_ns();
	if (read(out[0], stamps, sizeof(stamps)) != sizeof(stamps)) {
		return -1;
	}
	*begin = stamps[0] - t0;
	*end = t1 - stamps[1];
	return 0;
}

int main(int argc, char **argv)
{
	static struct contender list[CONTENDERS];
	char *child[4];
	int rounds, n, out[2];

	if (argc < 4 || pipe2(out, O_CLOEXEC | O_NONBLOCK)) {
		return 2;
	}
	child[0] = argv[2];
	child[1] = (char[]){"stamp"};
	child[2] = (char[]){LEAF_MS};
	child[3] = NULL;
	rounds = atoi(argv[1]);
	n = contender_read(list, argv + 3, child);
	for (int round = -WARM_UP; round < rounds; round++) {
		for (int i = 0; i < n; i++) {
			int number = (round + WARM_UP + i) % n;
			int64_t begin, end;

			if (start(&list[number], out, &begin, &end)) {
				fprintf(stderr, "bench: %s did not run its child\n",
					list[number].argv[0]);
				return 1;
			}
			if (round >= 0) {
				printf("%d %lld %lld\n", number, (long long)begin, (long long)end);
			}
		}
	}
	return 0;
}
