/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a serving command counts, as Prometheus reads it (text format 0.0.4). Names, types, help and
 * where the values come from are rows of tables: ours, which every command has, and the command's
 * own (curfew_gate_...). No label comes from a peer: a label value is a word of the program, or of
 * the user who started it.
 *
 * Requests are counted by each worker in memory of its own, without a lock or an atomic addition,
 * and summed when somebody reads.
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <curfew/lifecycle.h>
#include <curfew/link.h>

#include "base/buffer.h"

/* Upper bounds of the durations' buckets: seconds as they are written, and nanoseconds. */
#define METRIC_BUCKETS(X)                                                                          \
	X("0.0005", 500000)                                                                        \
	X("0.001", 1000000)                                                                        \
	X("0.0025", 2500000)                                                                       \
	X("0.005", 5000000)                                                                        \
	X("0.01", 10000000)                                                                        \
	X("0.025", 25000000)                                                                       \
	X("0.05", 50000000)                                                                        \
	X("0.1", 100000000)                                                                        \
	X("0.25", 250000000)                                                                       \
	X("0.5", 500000000)                                                                        \
	X("1", 1000000000)                                                                         \
	X("2.5", 2500000000)                                                                       \
	X("5", 5000000000)                                                                         \
	X("10", 10000000000)                                                                       \
	X("30", 30000000000)                                                                       \
	X("60", 60000000000)

#define METRIC_BUCKET(text, ns) +1
#define METRIC_BUCKET_COUNT (0 METRIC_BUCKETS(METRIC_BUCKET)) /* and one for all above */

#define METRIC_STATUS_LEAST 100
#define METRIC_STATUSES 500 /* up to 599; one more row for all others, no answer among them */

/* One for each worker, zeroed; only its thread counts, any thread may read. */
struct request_metrics {
	struct curfew_link link; /* of metrics.requests */
	_Atomic uint64_t begun;
	_Atomic uint64_t ended;
	_Atomic uint64_t duration_ns; /* of all that ended */
	_Atomic uint64_t buckets[METRIC_BUCKET_COUNT + 1];
	_Atomic uint64_t statuses[METRIC_STATUSES + 1];
};

/* A request has come. Each begin has one end. */
void request_metrics_begin(struct request_metrics *requests);

/* It is over; status: of its answer, 0 where there was none (code="none"). */
void request_metrics_end(struct request_metrics *requests, unsigned status, int64_t duration_ns);

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct metric_scrape;

/* A row; all of it is static. */
struct metric {
	const char *name; /* "curfew_gate_retries_total": seconds, bytes, _total for counters */
	enum metric_type type;
	const char *help; /* one sentence */
	/* Tells the values that there are, each by one of the functions below. */
	void (*read)(struct metric_scrape *scrape, void *arg);
};

/* A command's rows. */
struct metric_table {
	struct curfew_link link;
	const struct metric *rows;
	size_t count;
	void *arg; /* of their read functions */
};

/* Label values of one metric differ; label NULL: none, and one value. */
void metric_value(
	struct metric_scrape *scrape, const char *label, const char *value, uint64_t number);
void metric_seconds(struct metric_scrape *scrape, const char *label, const char *value, int64_t ns);

/* With two labels. */
struct metric_label {
	const char *name;
	const char *value;
};
void metric_pair(
	struct metric_scrape *scrape, const struct metric_label labels[2], uint64_t number);

/* With any number of them; in values, which may be the user's own, what is no UTF-8 is replaced. */
void metric_labels(struct metric_scrape *scrape, const struct metric_label *labels, size_t count,
	uint64_t number);

/* Returns the bucket of a duration, METRIC_BUCKET_COUNT for one above all bounds. */
size_t metric_bucket(int64_t duration_ns);

/* A histogram: how many durations each bucket has, and the sum of all. */
void metric_histogram(struct metric_scrape *scrape, const uint64_t buckets[METRIC_BUCKET_COUNT + 1],
	uint64_t sum_ns);

/* All that one process tells. Tables and requests are added before anybody reads. */
struct metrics {
	struct curfew_lifecycle *life;
	struct curfew_link requests;
	struct curfew_link tables;
};

void metrics_init(struct metrics *metrics, struct curfew_lifecycle *life);

/* Both are borrowed until the metrics are read no more. */
void metrics_add_requests(struct metrics *metrics, struct request_metrics *requests);
void metrics_add_table(struct metrics *metrics, struct metric_table *table);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Appends the whole exposition; lists the holds, which locks each drain for a moment. Any thread.
 */
void metrics_write(const struct metrics *metrics, struct buffer *out);

/* Requests that have begun and not ended, of all workers. */
uint64_t metrics_in_flight(const struct metrics *metrics);

/* Requests that have ended. */
uint64_t metrics_ended(const struct metrics *metrics);

#endif
