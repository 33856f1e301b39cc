/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child that a contender starts where the contender itself is measured.
 *
 *	leaf stamp MS	writes when main began and, MS milliseconds later, when it ended: two
 *			int64_t, nanoseconds of CLOCK_MONOTONIC, in one write
 *	leaf wait	writes "ready" and waits for a signal, whose default action ends it
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIFE_S 120 /* a leaf that everybody forgot ends by itself */

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int stamp(int64_t began, long ms)
{
	struct timespec nap = {ms / 1000, ms % 1000 * 1000000};
	int64_t stamps[2] = {began, 0};

	nanosleep(&nap, NULL);
	stamps[1] = now();
	_exit(write(1, stamps, sizeof(stamps)) == sizeof(stamps) ? 0 : 1);
}

int main(int argc, char **argv)
{
	int64_t began = now();

	if (argc == 3 && !strcmp(argv[1], "stamp")) {
		return stamp(began, atol(argv[2]));
	}
	if (argc != 2 || strcmp(argv[1], "wait") != 0) {
		return 2;
	}
	alarm(LIFE_S);
	if (write(1, "ready\n", 6) != 6) {
		return 1;
	}
	for (;;) {
		pause();
	}
}
