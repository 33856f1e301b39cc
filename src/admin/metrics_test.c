/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/metrics.h"

#include <regex.h>
#include <stdlib.h>

#include "core/lifecycle_script.h"
#include "tests/allocation.h"

static struct metrics metrics;
static struct buffer text;

static int setup_metrics(void **state)
{
	(void)setup(state);
	options.version = "1.2.3";
	begin_running();
	metrics_init(&metrics, &life);
	return 0;
}

static int teardown_metrics(void **state)
{
	buffer_fini(&text);
	if (!curfew_lifecycle_done(&life)) {
		stop_by(SIGTERM);
	}
	assert_true(lifecycle_fini(&life));
	return timeline_teardown(state);
}

static const char *scrape(void)
{
	buffer_fini(&text);
	metrics_write(&metrics, &text);
	assert_false(text.failed);
	return buffer_text(&text);
}

static bool says(const char *line)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	return strstr(buffer_text(&text), whole) != NULL;
}

static void assert_says(const char *line)
{
	if (!says(line)) {
		fail_msg("no line \"%s\" in:\n%s", line, buffer_text(&text));
	}
}

static int occurrences(const char *word)
{
	int count = 0;

	for (const char *at = buffer_text(&text); (at = strstr(at, word)); at++) {
		count++;
	}
	return count;
}

/* Takes the lines apart, and checks them by the grammar of the text format. */

static bool matches(const char *pattern, const char *line)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

#define NAME "[a-z][a-z0-9_]*"
#define PAIR "[a-z_]+=\"([^\"\\]|\\\\[\\\"n])*\""
#define LABEL "\\{" PAIR "(," PAIR ")?\\}"

/* Whether a sample is of the family that # TYPE named last. */
static bool is_of(const char *family, const char *sample)
{
	size_t length = strlen(family);

	return strncmp(sample, family, length) == 0 &&
		(strchr("{ ", sample[length]) ||
			matches("^_(bucket|sum|count)[{ ]", sample + length));
}

static void assert_exposition(void)
{
	char *copy = strdup(scrape());
	char *rest = copy;
	char *line;
	char family[128] = "";

	assert_int_equal(copy[strlen(copy) - 1], '\n');
	while ((line = strsep(&rest, "\n")) && rest) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			assert_true(matches("^# HELP curfew_" NAME " [A-Z0-9].*\\.$", line));
			(void)sscanf(line, "# HELP %127s", family);
			assert_int_equal(strncmp(rest, "# TYPE ", 7), 0);
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_true(matches("^# TYPE " NAME " (gauge|counter|histogram)$", line));
			assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
			assert_int_equal(matches("_total ", line), matches(" counter$", line));
		} else if (!matches("^" NAME "(" LABEL ")? -?[0-9]+(\\.[0-9]+)?$", line) ||
			!is_of(family, line)) {
			fail_msg("\"%s\" is not of %s", line, family);
		}
	}
	free(copy);
}

static void tells_what_every_command_has(void **state)
{
	(void)state;
	assert_exposition();
	assert_says("curfew_build_info{version=\"1.2.3\"} 1");
	assert_says("curfew_phase{phase=\"running\"} 1");
	assert_says("curfew_phase{phase=\"draining\"} 0");
	assert_says("curfew_requests_in_flight 0");
	assert_says("curfew_request_duration_seconds_sum 0.000000000");
	assert_says("curfew_request_duration_seconds_bucket{le=\"+Inf\"} 0");
	assert_says("curfew_drained_total{kind=\"request\"} 0");
	assert_says("curfew_forced_total{kind=\"request\"} 0");
}

static void sums_the_requests_of_workers(void **state)
{
	static struct request_metrics workers[2];

	(void)state;
	memset(workers, 0, sizeof(workers));
	metrics_add_requests(&metrics, &workers[0]);
	metrics_add_requests(&metrics, &workers[1]);
	for (int i = 0; i < 5; i++) {
		request_metrics_begin(&workers[i % 2]);
	}
	request_metrics_end(&workers[0], 200, 400000);
	request_metrics_end(&workers[1], 200, 500000);
	request_metrics_end(&workers[1], 599, 500001);
	request_metrics_end(&workers[0], 0, INT64_C(61000000000));
	assert_int_equal(metrics_in_flight(&metrics), 1);
	assert_int_equal(metrics_ended(&metrics), 4);
	assert_exposition();
	assert_says("curfew_requests_total{code=\"200\"} 2");
	assert_says("curfew_requests_total{code=\"599\"} 1");
	assert_says("curfew_requests_total{code=\"none\"} 1");
	assert_says("curfew_requests_in_flight 1");
	assert_says("curfew_request_duration_seconds_bucket{le=\"0.0005\"} 2");
	assert_says("curfew_request_duration_seconds_bucket{le=\"0.001\"} 3");
	assert_says("curfew_request_duration_seconds_bucket{le=\"60\"} 3");
	assert_says("curfew_request_duration_seconds_bucket{le=\"+Inf\"} 4");
	assert_says("curfew_request_duration_seconds_sum 61.001400001");
	assert_says("curfew_request_duration_seconds_count 4");
}

#define ROUNDS 20000

static void *count_requests(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		request_metrics_begin(arg);
		request_metrics_end(arg, 200, 1);
	}
	return NULL;
}

static void may_be_read_while_others_count(void **state)
{
	static struct request_metrics workers[2];
	pthread_t threads[2];

	(void)state;
	memset(workers, 0, sizeof(workers));
	for (int i = 0; i < 2; i++) {
		metrics_add_requests(&metrics, &workers[i]);
		assert_int_equal(pthread_create(&threads[i], NULL, count_requests, &workers[i]), 0);
	}
	while (metrics_ended(&metrics) < ROUNDS) {
		assert_true(metrics_in_flight(&metrics) <= 2 * ROUNDS);
		assert_exposition();
	}
	for (int i = 0; i < 2; i++) {
		(void)pthread_join(threads[i], NULL);
	}
	assert_exposition();
	assert_says("curfew_requests_total{code=\"200\"} 40000");
	assert_says("curfew_requests_in_flight 0");
}

static void every_status_has_a_row_and_the_rest_have_one(void **state)
{
	static struct request_metrics worker;
	char line[64];

	(void)state;
	memset(&worker, 0, sizeof(worker));
	metrics_add_requests(&metrics, &worker);
	for (unsigned status = 0; status < 1200; status++) {
		request_metrics_begin(&worker);
		request_metrics_end(&worker, status, -1);
	}
	assert_exposition();
	for (unsigned status = 100; status < 600; status++) {
		(void)snprintf(line, sizeof(line), "curfew_requests_total{code=\"%u\"} 1", status);
		assert_says(line);
	}
	assert_says("curfew_requests_total{code=\"none\"} 700");
	assert_says("curfew_request_duration_seconds_sum 0.000000000");
}

static void counts_what_is_held_and_what_was_forced(void **state)
{
	struct thing one, two;

	(void)state;
	hold(CURFEW_WORK, &one, "one");
	hold(CURFEW_CHILDREN, &two, "two");
	two.takes_ms = 1;
	assert_exposition();
	assert_says("curfew_holds{kind=\"thing\"} 2");
	curfew_lifecycle_count(&life, CURFEW_REQUESTS_DRAINED, 3);
	curfew_lifecycle_count(&life, CURFEW_CHILDREN_EOF, 1);
	curfew_lifecycle_count(&life, CURFEW_CHILDREN_TERM, 1);
	curfew_lifecycle_count(&life, CURFEW_CHILDREN_KILL, 4);
	stop_by(SIGTERM);
	timeline_advance_ms(8000);
	assert_exposition();
	assert_false(says("curfew_holds{kind=\"thing\"} 2"));
	assert_says("curfew_phase{phase=\"done\"} 1");
	assert_says("curfew_forced_total{kind=\"thing\"} 1");
	assert_says("curfew_drained_total{kind=\"request\"} 3");
	assert_says("curfew_drained_total{kind=\"child\"} 2");
	assert_says("curfew_forced_total{kind=\"child\"} 4");
}

static void a_child_that_was_cut_is_counted_once(void **state)
{
	static const struct curfew_hold_ops child_ops = {.kind = "child", .cut = cut_thing};
	static const struct curfew_hold_ops request_ops = {.kind = "request", .cut = cut_thing};
	struct thing child = {.name = "child"};
	struct thing request = {.name = "request"};

	(void)state;
	assert_int_equal(curfew_drain_hold(curfew_lifecycle_stage(&life, CURFEW_CHILDREN),
				 &child.hold, &child_ops, NULL),
		0);
	assert_int_equal(curfew_drain_hold(curfew_lifecycle_stage(&life, CURFEW_WORK),
				 &request.hold, &request_ops, NULL),
		0);
	curfew_lifecycle_count(&life, CURFEW_CHILDREN_KILL, 1);
	stop_by(SIGTERM);
	timeline_advance_ms(9000);
	(void)scrape();
	assert_says("curfew_forced_total{kind=\"request\"} 1\n"
		    "curfew_forced_total{kind=\"child\"} 1");
	assert_int_equal(occurrences("curfew_forced_total{"), 2);
}

static void read_retries(struct metric_scrape *scrape_of, void *arg)
{
	const uint64_t *retries = arg;

	metric_value(scrape_of, "why", "a \"b\" \\ c\nd", *retries);
}

static void read_age(struct metric_scrape *scrape_of, void *arg)
{
	(void)arg;
	metric_seconds(scrape_of, NULL, NULL, -1500000000);
}

static void a_command_adds_rows(void **state)
{
	static const struct metric rows[] = {
		{"curfew_test_retries_total", METRIC_COUNTER, "Tried again.", read_retries},
		{"curfew_test_age_seconds", METRIC_GAUGE, "How old.", read_age},
	};
	uint64_t retries = UINT64_MAX;
	struct metric_table table = {.rows = rows, .count = 2, .arg = &retries};

	(void)state;
	metrics_add_table(&metrics, &table);
	assert_exposition();
	assert_says("# HELP curfew_test_retries_total Tried again.");
	assert_says("# TYPE curfew_test_retries_total counter");
	assert_says("curfew_test_retries_total{why=\"a \\\"b\\\" \\\\ c\\nd\"} "
		    "18446744073709551615");
	assert_says("curfew_test_age_seconds -1.500000000");
}

static void read_attempts(struct metric_scrape *scrape_of, void *arg)
{
	const struct metric_label labels[] = {{"endpoint", "server"}, {"outcome", "a \"b\""}};

	(void)arg;
	metric_pair(scrape_of, labels, 7);
}

static void read_durations(struct metric_scrape *scrape_of, void *arg)
{
	uint64_t buckets[METRIC_BUCKET_COUNT + 1] = {0};

	(void)arg;
	buckets[metric_bucket(0)]++;
	buckets[metric_bucket(500000)]++;
	buckets[metric_bucket(500001)]++;
	buckets[metric_bucket(INT64_C(60000000000))]++;
	buckets[metric_bucket(INT64_C(60000000001))]++;
	metric_histogram(scrape_of, buckets, 1500000000);
}

static void rows_may_have_two_labels_or_be_histograms(void **state)
{
	static const struct metric rows[] = {
		{"curfew_test_attempts_total", METRIC_COUNTER, "Attempts.", read_attempts},
		{"curfew_test_duration_seconds", METRIC_HISTOGRAM, "How long.", read_durations},
	};
	struct metric_table table = {.rows = rows, .count = 2};

	(void)state;
	metrics_add_table(&metrics, &table);
	assert_exposition();
	assert_says("curfew_test_attempts_total{endpoint=\"server\",outcome=\"a \\\"b\\\"\"} 7");
	assert_says("# TYPE curfew_test_duration_seconds histogram");
	assert_says("curfew_test_duration_seconds_bucket{le=\"0.0005\"} 2");
	assert_says("curfew_test_duration_seconds_bucket{le=\"0.001\"} 3");
	assert_says("curfew_test_duration_seconds_bucket{le=\"30\"} 3");
	assert_says("curfew_test_duration_seconds_bucket{le=\"60\"} 4");
	assert_says("curfew_test_duration_seconds_bucket{le=\"+Inf\"} 5");
	assert_says("curfew_test_duration_seconds_sum 1.500000000");
	assert_says("curfew_test_duration_seconds_count 5");
}

static void a_failed_allocation_shows_in_the_buffer(void **state)
{
	(void)state;
	allocation_fail(3);
	metrics_write(&metrics, &text);
	assert_true(allocation_failed());
	assert_true(text.failed);
}

#define metrics_test(test) cmocka_unit_test_setup_teardown(test, setup_metrics, teardown_metrics)

int main(void)
{
	const struct CMUnitTest tests[] = {
		metrics_test(tells_what_every_command_has),
		metrics_test(sums_the_requests_of_workers),
		metrics_test(may_be_read_while_others_count),
		metrics_test(every_status_has_a_row_and_the_rest_have_one),
		metrics_test(counts_what_is_held_and_what_was_forced),
		metrics_test(a_child_that_was_cut_is_counted_once),
		metrics_test(a_command_adds_rows),
		metrics_test(rows_may_have_two_labels_or_be_histograms),
		metrics_test(a_failed_allocation_shows_in_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
