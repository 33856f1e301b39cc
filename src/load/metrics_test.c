/* SPDX-License-Identifier: Apache-2.0 */
#include "load/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/lifecycle.h"
#include "load/canned_run.h"
#include "load/label.h"

static const char *refusal_of(const char *a, const char *b)
{
	struct words labels = {.word = {a, b}, .count = b ? 2 : 1};
	size_t which;

	return labels_refuse(&labels, &which);
}

static void labels_have_names_that_prometheus_takes(void **state)
{
	char long_name[LABEL_NAME_MOST + 3];

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	long_name[LABEL_NAME_MOST + 1] = '=';
	long_name[LABEL_NAME_MOST + 2] = '\0';
	assert_null(refusal_of("a=b", "_9=x=y\n\""));
	assert_null(refusal_of("a=", "ab=\xc3\xa4"));
	assert_null(refusal_of(long_name + 1, NULL));
	assert_non_null(refusal_of(long_name, NULL));
	assert_non_null(refusal_of("a", NULL));
	assert_non_null(refusal_of("=a", NULL));
	assert_non_null(refusal_of("9a=b", NULL));
	assert_non_null(refusal_of("a-b=c", NULL));
	assert_non_null(refusal_of("__a=c", NULL));
	assert_non_null(refusal_of("run_id=c", NULL));
	assert_non_null(refusal_of("a=b", "a=c"));
	assert_null(refusal_of("ab=b", "a=c"));
	assert_null(refusal_of("a=b", "ab=c"));
	assert_null(refusal_of("run_id2=c", NULL));
	assert_non_null(refusal_of("a=\xff", NULL));
	assert_non_null(run_id_refuse("\xc3"));
	assert_null(run_id_refuse("x"));
}

static void assert_line(const struct buffer *text, const char *line)
{
	char whole[300];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(buffer_text(text), whole)) {
		fail_msg("no line \"%s\" in:\n%s", line, buffer_text(text));
	}
}

static void tells_all_of_a_run(void **state)
{
	static const struct words labels = {.word = {"a=b\"c\\d\ne\xff", "x="}, .count = 2};
	struct metric_table table = {.rows = load_metrics, .count = load_metric_count};
	struct curfew_lifecycle *life = curfew_lifecycle_new(NULL);
	struct result_section section;
	struct buffer text = {0};
	struct metrics metrics;
	struct result result;
	char line[100];

	(void)state;
	canned_run(&result, &section);
	table.arg = &result;
	result.labels = &labels;
	metrics_init(&metrics, life);
	metrics_add_table(&metrics, &table);
	metrics_write(&metrics, &text);
	assert_line(&text, "curfew_load_scheduled_total 30000");
	assert_line(&text, "curfew_load_dropped_total 100");
	assert_line(&text, "curfew_load_admitted_total 29900");
	assert_line(&text, "# TYPE curfew_load_in_flight gauge");
	assert_line(&text, "curfew_load_in_flight 3");
	assert_line(&text, "curfew_load_connections_total 61");
	assert_line(&text, "curfew_load_received_bytes_total 4812345");
	assert_line(&text, "curfew_load_sent_bytes_total 2345678");
	assert_line(&text, "curfew_load_requests_total{outcome=\"refused\"} 1492");
	assert_line(&text, "curfew_load_requests_total{outcome=\"local\"} 0");
	assert_line(&text, "curfew_load_responses_total{code=\"503\"} 220");
	assert_null(strstr(buffer_text(&text), "{code=\"0\"}"));
	assert_line(&text,
		"curfew_load_scenario_requests_total{scenario=\"read\",outcome=\"ok\"} 21130");
	assert_line(&text, "curfew_load_actual_latency_seconds_count 28158");
	assert_line(&text, "curfew_load_failed_latency_seconds_count 1739");
	assert_line(&text, "curfew_load_connect_seconds_count 50");
	assert_line(&text, "curfew_load_lag_seconds_count 29900");
	(void)snprintf(line, sizeof(line), "curfew_load_intended_latency_seconds_sum %.9f",
		(double)result.tally.intended.sum_us / 1e6);
	assert_line(&text, line);
	assert_line(&text, "curfew_load_lag_seconds_bucket{le=\"60\"} 29900");
	assert_line(&text, "curfew_load_elapsed_seconds 30.012000000");
	assert_line(&text,
		"target_info{run_id=\"nightly-7\",a=\"b\\\"c\\\\d\\ne\xef\xbf\xbd\",x=\"\"} 1");
	(void)snprintf(line, sizeof(line),
		"curfew_load_actual_latency_seconds_bucket{le=\"0.001\"} %llu",
		(unsigned long long)histogram_count_until(&result.tally.actual, 1000));
	assert_line(&text, line);
	canned_free(&result, &section);
	buffer_fini(&text);
	curfew_lifecycle_free(life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_have_names_that_prometheus_takes),
		cmocka_unit_test(tells_all_of_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
