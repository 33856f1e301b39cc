/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/metrics.h"

#include <string.h>

#include "admin/census.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/utf8.h"
#include "core/lifecycle.h"

struct metric_scrape {
	const struct metrics *metrics;
	const struct metric *metric;
	struct buffer *out;
};

static const struct {
	const char *le;
	int64_t ns;
} bounds[] = {
#define BOUND(text, limit) {text, limit},
	METRIC_BUCKETS(BOUND)
#undef BOUND
};

/* The writer is alone: a load and a store, where an addition would lock the bus. */
static void add(_Atomic uint64_t *count, uint64_t n)
{
	atomic_store_explicit(
		count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

void request_metrics_begin(struct request_metrics *requests)
{
	add(&requests->begun, 1);
}

size_t metric_bucket(int64_t duration_ns)
{
	size_t bucket = 0;

	while (bucket < METRIC_BUCKET_COUNT && duration_ns > bounds[bucket].ns) {
		bucket++;
	}
	return bucket;
}

void request_metrics_end(struct request_metrics *requests, unsigned status, int64_t duration_ns)
{
	size_t row = (size_t)status - METRIC_STATUS_LEAST;

	add(&requests->buckets[metric_bucket(duration_ns)], 1);
	add(&requests->duration_ns, duration_ns > 0 ? (uint64_t)duration_ns : 0);
	add(&requests->statuses[row < METRIC_STATUSES ? row : METRIC_STATUSES], 1);
	add(&requests->ended, 1);
}

/* Writing. */

/* Returns the length of the sequence at text, and appends it: U+FFFD for what is no UTF-8. */
static size_t append_sequence(struct buffer *out, const char *text)
{
	bool whole = false;
	size_t length = utf8_sequence(text, strlen(text), &whole);

	buffer_append(out, whole ? text : "\xef\xbf\xbd", whole ? length : 3);
	return length;
}

static void append_escaped(struct buffer *out, const char *text, bool quotes)
{
	while (*text) {
		if ((unsigned char)*text > 0x7f) {
			text += append_sequence(out, text);
			continue;
		}
		if (*text == '\n') {
			buffer_append_text(out, "\\n");
		} else {
			buffer_append_text(
				out, *text == '\\' || (quotes && *text == '"') ? "\\" : "");
			buffer_append_char(out, *text);
		}
		text++;
	}
}

/* "curfew_holds{kind="request"} " */
static void append_name(
	struct metric_scrape *scrape, const char *suffix, const char *label, const char *value)
{
	buffer_appendf(scrape->out, "%s%s", scrape->metric->name, suffix);
	if (label) {
		buffer_appendf(scrape->out, "{%s=\"", label);
		append_escaped(scrape->out, value, true);
		buffer_append_text(scrape->out, "\"}");
	}
	buffer_append_char(scrape->out, ' ');
}

static void append_number(struct metric_scrape *scrape, const char *suffix, const char *label,
	const char *value, uint64_t number)
{
	append_name(scrape, suffix, label, value);
	buffer_appendf(scrape->out, "%llu\n", (unsigned long long)number);
}

static void append_seconds(struct metric_scrape *scrape, const char *suffix, const char *label,
	const char *value, int64_t ns)
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	append_name(scrape, suffix, label, value);
	buffer_appendf(scrape->out, "%s%llu.%09llu\n", ns < 0 ? "-" : "",
		(unsigned long long)(size / NS_PER_S), (unsigned long long)(size % NS_PER_S));
}

void metric_value(
	struct metric_scrape *scrape, const char *label, const char *value, uint64_t number)
{
	append_number(scrape, "", label, value, number);
}

void metric_seconds(struct metric_scrape *scrape, const char *label, const char *value, int64_t ns)
{
	append_seconds(scrape, "", label, value, ns);
}

void metric_labels(struct metric_scrape *scrape, const struct metric_label *labels, size_t count,
	uint64_t number)
{
	buffer_appendf(scrape->out, "%s", scrape->metric->name);
	for (size_t i = 0; i < count; i++) {
		buffer_appendf(scrape->out, "%c%s=\"", i ? ',' : '{', labels[i].name);
		append_escaped(scrape->out, labels[i].value, true);
		buffer_append_char(scrape->out, '"');
	}
	buffer_appendf(scrape->out, "%s %llu\n", count ? "}" : "", (unsigned long long)number);
}

void metric_pair(struct metric_scrape *scrape, const struct metric_label labels[2], uint64_t number)
{
	metric_labels(scrape, labels, 2, number);
}

void metric_histogram(struct metric_scrape *scrape, const uint64_t buckets[METRIC_BUCKET_COUNT + 1],
	uint64_t sum_ns)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= METRIC_BUCKET_COUNT; i++) {
		count += buckets[i];
		append_number(scrape, "_bucket", "le",
			i < METRIC_BUCKET_COUNT ? bounds[i].le : "+Inf", count);
	}
	append_seconds(scrape, "_sum", NULL, NULL, (int64_t)sum_ns);
	append_number(scrape, "_count", NULL, NULL, count);
}

/* Our own rows. */

static void read_build_info(struct metric_scrape *scrape, void *arg)
{
	const char *version = scrape->metrics->life->options.version;

	(void)arg;
	metric_value(scrape, "version", version ? version : "", 1);
}

static void read_phase(struct metric_scrape *scrape, void *arg)
{
	int now = (int)curfew_lifecycle_phase(scrape->metrics->life);

	(void)arg;
	for (int phase = 0; phase < PHASES; phase++) {
		metric_value(
			scrape, "phase", curfew_phase_name((enum curfew_phase)phase), phase == now);
	}
}

static void read_holds(struct metric_scrape *scrape, void *arg)
{
	struct census census;

	(void)arg;
	census_take(&census, scrape->metrics->life);
	for (size_t i = 0; i < census.kind_count; i++) {
		metric_value(scrape, "kind", census.kinds[i].kind, census.kinds[i].held);
	}
}

static void add_requests(struct request_metrics *sum, const struct request_metrics *requests)
{
	for (size_t i = 0; i <= METRIC_BUCKET_COUNT; i++) {
		add(&sum->buckets[i], get(&requests->buckets[i]));
	}
	for (size_t i = 0; i <= METRIC_STATUSES; i++) {
		add(&sum->statuses[i], get(&requests->statuses[i]));
	}
	add(&sum->duration_ns, get(&requests->duration_ns));
}

static void sum_requests(const struct metrics *metrics, struct request_metrics *sum)
{
	*sum = (struct request_metrics){0};
	list_each(link, &metrics->requests) {
		add_requests(sum, container_of(link, struct request_metrics, link));
	}
}

static void read_requests(struct metric_scrape *scrape, void *arg)
{
	struct request_metrics sum;

	(void)arg;
	sum_requests(scrape->metrics, &sum);
	for (unsigned row = 0; row <= METRIC_STATUSES; row++) {
		const char digits[] = {(char)('1' + row / 100), (char)('0' + row / 10 % 10),
			(char)('0' + row % 10), '\0'};

		if (get(&sum.statuses[row])) {
			metric_value(scrape, "code", row < METRIC_STATUSES ? digits : "none",
				get(&sum.statuses[row]));
		}
	}
}

static void read_request_duration(struct metric_scrape *scrape, void *arg)
{
	uint64_t buckets[METRIC_BUCKET_COUNT + 1];
	struct request_metrics sum;

	(void)arg;
	sum_requests(scrape->metrics, &sum);
	for (size_t i = 0; i <= METRIC_BUCKET_COUNT; i++) {
		buckets[i] = get(&sum.buckets[i]);
	}
	metric_histogram(scrape, buckets, get(&sum.duration_ns));
}

static void read_requests_in_flight(struct metric_scrape *scrape, void *arg)
{
	(void)arg;
	metric_value(scrape, NULL, NULL, metrics_in_flight(scrape->metrics));
}

static uint64_t counted(struct metric_scrape *scrape, enum curfew_count count)
{
	return atomic_load(&scrape->metrics->life->counts[count]);
}

static void read_drained(struct metric_scrape *scrape, void *arg)
{
	(void)arg;
	metric_value(scrape, "kind", "request", counted(scrape, CURFEW_REQUESTS_DRAINED));
	metric_value(scrape, "kind", "websocket", counted(scrape, CURFEW_WEBSOCKETS_CLOSED));
	metric_value(scrape, "kind", "child",
		counted(scrape, CURFEW_CHILDREN_EOF) + counted(scrape, CURFEW_CHILDREN_TERM));
}

/* Of the holds that were cut; children are also killed when the ladder has taken its time. */
static void read_forced(struct metric_scrape *scrape, void *arg)
{
	struct forced_kind kinds[FORCED_KINDS];
	size_t count = lifecycle_forced_kinds(scrape->metrics->life, kinds);
	uint64_t requests = 0;

	(void)arg;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(kinds[i].kind, "request") == 0) {
			requests = kinds[i].count;
		} else if (strcmp(kinds[i].kind, "child") != 0) {
			metric_value(scrape, "kind", kinds[i].kind, kinds[i].count);
		}
	}
	metric_value(scrape, "kind", "request", requests);
	metric_value(scrape, "kind", "child", counted(scrape, CURFEW_CHILDREN_KILL));
}

#define METRICS(X)                                                                                 \
	X(build_info, GAUGE, "curfew_build_info", "The version that runs; the value is 1.")        \
	X(phase, GAUGE, "curfew_phase", "1 for the phase of the life cycle, 0 for the others.")    \
	X(holds, GAUGE, "curfew_holds", "What the end of the process would wait for, by kind.")    \
	X(requests, COUNTER, "curfew_requests_total",                                              \
		"Requests that are over, by the status of the answer; none: without an answer.")   \
	X(request_duration, HISTOGRAM, "curfew_request_duration_seconds",                          \
		"From a request's head to the end of its answer.")                                 \
	X(requests_in_flight, GAUGE, "curfew_requests_in_flight",                                  \
		"Requests that have begun and are not over.")                                      \
	X(drained, COUNTER, "curfew_drained_total", "What ended in order after the signal.")       \
	X(forced, COUNTER, "curfew_forced_total", "What had to be cut, by kind.")

static const struct metric own_rows[] = {
#define ROW(id, form, text, help_text)                                                             \
	{.name = text, .type = METRIC_##form, .help = help_text, .read = read_##id},
	METRICS(ROW)
#undef ROW
};

static void write_row(
	const struct metrics *metrics, struct buffer *out, const struct metric *row, void *arg)
{
	static const char *const types[] = {"gauge", "counter", "histogram"};
	struct metric_scrape scrape = {.metrics = metrics, .metric = row, .out = out};

	buffer_appendf(out, "# HELP %s ", row->name);
	append_escaped(out, row->help, false);
	buffer_appendf(out, "\n# TYPE %s %s\n", row->name, types[row->type]);
	row->read(&scrape, arg);
}

void metrics_write(const struct metrics *metrics, struct buffer *out)
{
	for (size_t i = 0; i < sizeof(own_rows) / sizeof(own_rows[0]); i++) {
		write_row(metrics, out, &own_rows[i], NULL);
	}
	list_each(link, &metrics->tables) {
		const struct metric_table *table = container_of(link, struct metric_table, link);

		for (size_t i = 0; i < table->count; i++) {
			write_row(metrics, out, &table->rows[i], table->arg);
		}
	}
}

uint64_t metrics_ended(const struct metrics *metrics)
{
	uint64_t ended = 0;

	list_each(link, &metrics->requests) {
		ended += get(&container_of(link, struct request_metrics, link)->ended);
	}
	return ended;
}

/* Ends are read before begins, so that there are never more of them. */
uint64_t metrics_in_flight(const struct metrics *metrics)
{
	uint64_t ended = metrics_ended(metrics);
	uint64_t begun = 0;

	list_each(link, &metrics->requests) {
		begun += get(&container_of(link, struct request_metrics, link)->begun);
	}
	return begun > ended ? begun - ended : 0;
}

void metrics_init(struct metrics *metrics, struct curfew_lifecycle *life)
{
	*metrics = (struct metrics){.life = life};
	list_init(&metrics->requests);
	list_init(&metrics->tables);
}

void metrics_add_requests(struct metrics *metrics, struct request_metrics *requests)
{
	list_append(&metrics->requests, &requests->link);
}

void metrics_add_table(struct metrics *metrics, struct metric_table *table)
{
	list_append(&metrics->tables, &table->link);
}
