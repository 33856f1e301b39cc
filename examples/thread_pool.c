/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that take jobs from one counter, and look at their token at every step of a job. Try:
 *
 *	./thread_pool 100; echo $?
 *	./thread_pool 1000000 & sleep 1; kill %1; wait %1; echo $?
 *
 * On SIGTERM no job is begun any more, and those that were begun are given up at once; the exit
 * code is 0.
 */
#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <curfew.h>

#define WORKERS 4
#define NUMBERS 20000 /* in a job, of which it counts the primes */

static struct curfew_lifecycle *life;
static atomic_long next_job, finished, primes;
static atomic_int working = WORKERS;
static long jobs;

static const struct curfew_hold_ops worker_ops = {
	.kind = "worker"}; /* the token asks it to finish */

static bool is_prime(long number)
{
	for (long divisor = 2; divisor * divisor <= number; divisor++) {
		if (number % divisor == 0) {
			return false;
		}
	}
	return number > 1;
}

/* Returns whether the job was finished. */
static bool do_job(struct curfew_token *token, long job)
{
	long found = 0;

	for (long number = job * NUMBERS; number < (job + 1) * NUMBERS; number++) {
		if (curfew_token_cancelled(token)) {
			return false;
		}
		found += is_prime(number);
	}
	atomic_fetch_add(&primes, found);
	atomic_fetch_add(&finished, 1);
	return true;
}

static int work(struct curfew_token *token, void *hold)
{
	long job;

	do {
		job = atomic_fetch_add(&next_job, 1);
	} while (job < jobs && do_job(token, job));
	if (atomic_fetch_sub(&working, 1) == 1) {
		curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, "all jobs are done");
	}
	curfew_hold_release(hold);
	return curfew_token_cancelled(token) ? -ECANCELED : 0;
}

int main(int argc, char **argv)
{
	static struct curfew_hold holds[WORKERS];
	struct curfew_group *group;
	int code;

	jobs = argc > 1 ? atol(argv[1]) : 100;
	life = curfew_lifecycle_new(NULL);
	group = curfew_group_new(curfew_lifecycle_context(life), CURFEW_NEVER);
	for (int i = 0; i < WORKERS; i++) {
		curfew_drain_hold(
			curfew_lifecycle_stage(life, CURFEW_WORK), &holds[i], &worker_ops, NULL);
		if (curfew_group_main(group, NULL, work, &holds[i])) {
			errx(1, "cannot start a thread");
		}
	}
	curfew_lifecycle_ready(life);
	puts("running");
	fflush(stdout);
	code = curfew_lifecycle_wait(life); /* it ends when no worker holds it any more */
	curfew_group_wait(group, NULL);
	printf("%ld of %ld jobs finished, %ld primes\n", (long)finished, jobs, (long)primes);
	curfew_group_free(group);
	curfew_lifecycle_free(life);
	return code;
}
