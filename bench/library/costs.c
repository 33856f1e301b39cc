/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	costs [--quick]
 *
 * What the library's calls cost, in one table with what they may cost. Each figure is the median of
 * ROUNDS rounds. Uses the public headers only.
 */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curfew.h>

#define ROUNDS 7
#define DESCENDANTS 1000
#define CYCLES 1000
#define THREADS 2

static long scale = 1000000; /* operations in a round of the small ones */

typedef double measure_fn(void);

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void *must(void *object, const char *what)
{
	if (!object) {
		give_up(what);
	}
	return object;
}

static double since_ns(int64_t began)
{
	return (double)(curfew_now() - began);
}

static struct curfew_lifecycle *new_lifecycle(void)
{
	struct curfew_lifecycle_options options;

	curfew_lifecycle_defaults(&options);
	options.signals = CURFEW_SIGNALS_NONE;
	return must(curfew_lifecycle_new(&options), "curfew_lifecycle_new");
}

static void end_lifecycle(struct curfew_lifecycle *life)
{
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	(void)curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
}

static double token_check(void)
{
	struct curfew_context *context =
		must(curfew_context_new(NULL, CURFEW_NEVER), "curfew_context_new");
	struct curfew_token *token = curfew_context_token(context);
	int64_t began = curfew_now();
	double took;
	long cancelled = 0;

	for (long i = 0; i < 10 * scale; i++) {
		cancelled += curfew_token_cancelled(token);
	}
	took = since_ns(began) / (double)(10 * scale);
	if (cancelled) {
		give_up("a token that nobody cancelled");
	}
	curfew_context_free(context);
	return took;
}

static double context_life(void)
{
	struct curfew_context *parent =
		must(curfew_context_new(NULL, CURFEW_NEVER), "curfew_context_new");
	int64_t began = curfew_now();
	double took;

	for (long i = 0; i < scale / 10; i++) {
		curfew_context_free(
			must(curfew_context_new(parent, CURFEW_NEVER), "curfew_context_new"));
	}
	took = since_ns(began) / (double)(scale / 10);
	curfew_context_free(parent);
	return took;
}

/* Cancels a tree of which each context has so many children: DESCENDANTS is flat, 1 is a chain. */
static double cancel_tree(int children)
{
	struct curfew_context *all[DESCENDANTS + 1];
	double took;
	int64_t began;

	all[0] = must(curfew_context_new(NULL, CURFEW_NEVER), "curfew_context_new");
	for (int i = 1; i <= DESCENDANTS; i++) {
		all[i] = must(curfew_context_new(all[(i - 1) / children], CURFEW_NEVER),
			"curfew_context_new");
	}
	began = curfew_now();
	curfew_context_cancel_for(all[0], CURFEW_COMPLETED, NULL);
	took = since_ns(began) / 1000;
	for (int i = DESCENDANTS; i >= 0; i--) {
		if (!curfew_token_cancelled(curfew_context_token(all[i]))) {
			give_up("a descendant that was not cancelled");
		}
		curfew_context_free(all[i]);
	}
	return took;
}

static double cancel_flat(void)
{
	return cancel_tree(DESCENDANTS);
}

static double cancel_wide(void)
{
	return cancel_tree(10);
}

static double cancel_chain(void)
{
	return cancel_tree(1);
}

static const struct curfew_hold_ops ops = {.kind = "request"};

static void *hold_and_release(void *arg)
{
	struct curfew_drain *drain = arg;
	struct curfew_hold hold;

	memset(&hold, 0, sizeof(hold));
	for (long i = 0; i < scale; i++) {
		if (curfew_drain_hold(drain, &hold, &ops, NULL)) {
			give_up("curfew_drain_hold");
		}
		curfew_hold_release(&hold);
	}
	return NULL;
}

/* Returns pairs a second, of all threads together: on one drain, or on one for each thread. */
static double hold_pairs(int threads, bool shared)
{
	struct curfew_lifecycle *life = new_lifecycle();
	struct curfew_drain *work = curfew_lifecycle_stage(life, CURFEW_WORK), *drains[THREADS];
	pthread_t ids[THREADS];
	int64_t began;
	double took;

	for (int i = 0; i < threads; i++) {
		drains[i] = shared
			? work
			: must(curfew_drain_new(work, "thread", NULL), "curfew_drain_new");
	}
	began = curfew_now();
	for (int i = 1; i < threads; i++) {
		if (pthread_create(&ids[i], NULL, hold_and_release, drains[i])) {
			give_up("pthread_create");
		}
	}
	hold_and_release(drains[0]);
	for (int i = 1; i < threads; i++) {
		pthread_join(ids[i], NULL);
	}
	took = since_ns(began);
	for (int i = 0; i < threads && !shared; i++) {
		curfew_drain_free(drains[i]);
	}
	end_lifecycle(life);
	return 1e9 * (double)threads * (double)scale / took;
}

static double hold_one(void)
{
	return hold_pairs(1, true);
}

static double hold_shared(void)
{
	return hold_pairs(THREADS, true);
}

static double hold_own(void)
{
	return hold_pairs(THREADS, false);
}

static void cycle(void)
{
	struct curfew_lifecycle *life = new_lifecycle();
	struct curfew_hold hold;

	memset(&hold, 0, sizeof(hold));
	(void)curfew_lifecycle_ready(life);
	if (curfew_drain_hold(curfew_lifecycle_stage(life, CURFEW_WORK), &hold, &ops, NULL)) {
		give_up("curfew_drain_hold");
	}
	curfew_lifecycle_stop_for(life, CURFEW_COMPLETED, NULL);
	curfew_lifecycle_dispatch(life);
	curfew_hold_release(&hold);
	(void)curfew_lifecycle_wait(life);
	curfew_lifecycle_free(life);
}

static double cycle_time(void)
{
	int64_t began = curfew_now();

	for (int i = 0; i < CYCLES / 10; i++) {
		cycle();
	}
	return since_ns(began) / 1000 / (CYCLES / 10);
}

static double cycle_memory(void)
{
	size_t before;

	cycle();
	before = mallinfo2().uordblks;
	for (int i = 0; i < CYCLES; i++) {
		cycle();
	}
	return (double)mallinfo2().uordblks - (double)before;
}

static int descriptors(void)
{
	DIR *dir = must(opendir("/proc/self/fd"), "/proc/self/fd");
	int count = 0;

	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

static double cycle_descriptors(void)
{
	int before = descriptors();

	for (int i = 0; i < CYCLES / 10; i++) {
		cycle();
	}
	return descriptors() - before;
}

enum bound { NONE, AT_MOST, AT_LEAST };

static const struct row {
	const char *name;
	measure_fn *measure;
	const char *unit;
	enum bound bound;
	double target;
} rows[] = {
	{"check of a token", token_check, "ns", AT_MOST, 5},
	{"context, new and free", context_life, "ns", NONE, 0},
	{"cancel of 1000 children", cancel_flat, "us", AT_MOST, 1000},
	{"cancel of 1000 descendants, 10 each", cancel_wide, "us", AT_MOST, 1000},
	{"cancel of a chain of 1000", cancel_chain, "us", AT_MOST, 1000},
	{"hold and release, 1 thread", hold_one, "pairs/s", AT_LEAST, 1e6},
	{"hold and release, 2 threads, one drain", hold_shared, "pairs/s", AT_LEAST, 1e6},
	{"hold and release, 2 threads, a drain each", hold_own, "pairs/s", AT_LEAST, 1e6},
	{"lifecycle, start to drained", cycle_time, "us", AT_MOST, 1000},
	{"memory kept by 1000 such cycles", cycle_memory, "bytes", AT_MOST, 0},
	{"descriptors kept by 100 such cycles", cycle_descriptors, "", AT_MOST, 0},
};

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void print_row(const struct row *row)
{
	double samples[ROUNDS], value;
	char target[64] = "", verdict[8] = "";

	for (int i = 0; i < ROUNDS; i++) {
		samples[i] = row->measure();
	}
	qsort(samples, ROUNDS, sizeof(samples[0]), compare);
	value = samples[ROUNDS / 2];
	if (row->bound != NONE) {
		bool met = row->bound == AT_MOST ? value <= row->target : value >= row->target;

		snprintf(target, sizeof(target), "%s %.0f",
			row->bound == AT_MOST ? "<=" : ">=", row->target);
		snprintf(verdict, sizeof(verdict), "%s", met ? "yes" : "NO");
	}
	printf("%-42s %12.*f %-8s %12s  %s\n", row->name, value < 100 && value > 0 ? 1 : 0, value,
		row->unit, target, verdict);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--quick")) {
		scale /= 10;
	} else if (argc != 1) {
		fprintf(stderr, "usage: costs [--quick]\n");
		return 2;
	}
	printf("%-42s %12s %-8s %12s  %s\n", "", "measured", "", "target", "met");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_row(&rows[i]);
	}
	return 0;
}
