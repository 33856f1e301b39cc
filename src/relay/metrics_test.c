/* SPDX-License-Identifier: Apache-2.0 */
/* Each count of the lanes shows under its own name and labels, summed. */
#include "relay/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/lifecycle_script.h"
#include "tests/allocation.h"

static struct relay_config config;
static struct relay relay;
static struct worker workers[2];
static struct lane lanes[2];
static struct buffer text;

static int setup_relay(void **state)
{
	(void)setup(state);
	begin_running();
	config = (struct relay_config){.burst = 1};
	memset(lanes, 0, sizeof(lanes));
	memset(workers, 0, sizeof(workers));
	lanes[0].worker = &workers[0];
	lanes[1].worker = &workers[1];
	relay = (struct relay){.config = &config, .lanes = lanes, .lane_count = 2};
	metrics_init(&relay.service.metrics, &life);
	return 0;
}

static int teardown_relay(void **state)
{
	buffer_fini(&text);
	relay_metrics_free(&relay);
	stop_by(SIGTERM);
	assert_true(lifecycle_fini(&life));
	return timeline_teardown(state);
}

static void assert_says(const char *line)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(buffer_text(&text), whole)) {
		fail_msg("no line \"%s\" in:\n%s", line, buffer_text(&text));
	}
}

static void read_all(void)
{
	buffer_fini(&text);
	metrics_write(&relay.service.metrics, &text);
	assert_false(text.failed);
}

/* Counts to a sum of n: n - 1 in one lane, and 1 in the other. */
#define COUNT(field, n)                                                                            \
	do {                                                                                       \
		relay_count(&lanes[0].counts.field, (n)-1);                                        \
		relay_count(&lanes[1].counts.field, 1);                                            \
	} while (0)

static void each_count_has_its_name(void **state)
{
	(void)state;
	assert_int_equal(relay_metrics_add(&relay), 0);
	COUNT(servers, 2);
	COUNT(clients, 3);
	COUNT(grace_expiries, 4);
	COUNT(takeovers, 5);
	COUNT(dropped, 6);
	COUNT(gathered, 17);
	atomic_store(&relay.connections, 15);
	atomic_store(&workers[0].backlog, 1000);
	atomic_store(&workers[1].backlog, 16);
	read_all();
	assert_says("curfew_relay_connected_binaries 2");
	assert_says("curfew_relay_connected_phones 3");
	assert_says("curfew_relay_grace_expiries_total 4");
	assert_says("curfew_relay_takeovers_total 5");
	assert_says("curfew_relay_messages_dropped_total 6");
	assert_says("curfew_relay_connections 15");
	assert_says("curfew_relay_outbox_bytes 1016");
	assert_says("curfew_relay_gathered_bytes 17");
}

static void counts_of_a_kind_have_labels(void **state)
{
	(void)state;
	assert_int_equal(relay_metrics_add(&relay), 0);
	COUNT(failures[RELAY_FAILURE_ID_TAKEN], 7);
	COUNT(frames[RELAY_TO_SERVER], 8);
	COUNT(bytes[RELAY_TO_CLIENT], 10);
	COUNT(upgrades[MEMBER_SERVER][RELAY_FAILED], 11);
	COUNT(upgrades[MEMBER_CLIENT][RELAY_OPENED], 12);
	COUNT(closed_clean, 13);
	COUNT(closed_forced, 14);
	read_all();
	assert_says("curfew_relay_register_failures_total{kind=\"no_server\"} 0");
	assert_says("curfew_relay_register_failures_total{kind=\"id_taken\"} 7");
	assert_says("curfew_relay_frames_forwarded_total{direction=\"to_server\"} 8");
	assert_says("curfew_relay_frames_forwarded_total{direction=\"to_client\"} 0");
	assert_says("curfew_relay_bytes_forwarded_total{direction=\"to_server\"} 0");
	assert_says("curfew_relay_bytes_forwarded_total{direction=\"to_client\"} 10");
	assert_says(
		"curfew_relay_ws_upgrade_attempts_total{endpoint=\"server\",outcome=\"failed\"} "
		"11");
	assert_says(
		"curfew_relay_ws_upgrade_attempts_total{endpoint=\"client\",outcome=\"opened\"} "
		"12");
	assert_says("curfew_relay_drained_connections_total{how=\"clean\"} 13");
	assert_says("curfew_relay_drained_connections_total{how=\"forced\"} 14");
}

static void durations_are_a_histogram(void **state)
{
	(void)state;
	assert_int_equal(relay_metrics_add(&relay), 0);
	COUNT(latency[0], 2);
	COUNT(latency[METRIC_BUCKET_COUNT], 3);
	COUNT(latency_ns, 1500000000);
	read_all();
	assert_says("curfew_relay_forward_duration_seconds_bucket{le=\"0.0005\"} 2");
	assert_says("curfew_relay_forward_duration_seconds_bucket{le=\"60\"} 2");
	assert_says("curfew_relay_forward_duration_seconds_bucket{le=\"+Inf\"} 5");
	assert_says("curfew_relay_forward_duration_seconds_sum 1.500000000");
}

static void those_of_the_reference_have_its_names_too(void **state)
{
	(void)state;
	config.metrics_prefix = "pyrycode_relay";
	assert_int_equal(relay_metrics_add(&relay), 0);
	COUNT(servers, 2);
	COUNT(grace_expiries, 4);
	read_all();
	assert_says("curfew_relay_connected_binaries 2");
	assert_says("pyrycode_relay_connected_binaries 2");
	assert_says("pyrycode_relay_connected_phones 0");
	assert_says("pyrycode_relay_ws_upgrade_attempts_total{endpoint=\"server\","
		    "outcome=\"opened\"} 0");
	assert_says("pyrycode_relay_register_failures_total{kind=\"no_server\"} 0");
	assert_says("pyrycode_relay_frames_forwarded_total{direction=\"to_server\"} 0");
	assert_says("pyrycode_relay_grace_expiries_total 4");
	assert_null(strstr(buffer_text(&text), "pyrycode_relay_takeovers"));
}

static void a_short_or_a_long_prefix_fits(void **state)
{
	static const char longest[] =
		"a234567890123456789012345678901234567890123456789012345678901234";
	char line[128];

	(void)state;
	assert_int_equal(strlen(longest), METRICS_PREFIX_MOST);
	config.metrics_prefix = "p";
	assert_int_equal(relay_metrics_add(&relay), 0);
	read_all();
	assert_says("p_connected_binaries 0");
	relay_metrics_free(&relay);
	metrics_init(&relay.service.metrics, &life);
	config.metrics_prefix = longest;
	assert_int_equal(relay_metrics_add(&relay), 0);
	read_all();
	(void)snprintf(line, sizeof(line), "%s_grace_expiries_total 0", longest);
	assert_says(line);
}

static void without_memory_there_is_no_second_set(void **state)
{
	(void)state;
	config.metrics_prefix = "pyrycode_relay";
	allocation_fail(1);
	assert_int_not_equal(relay_metrics_add(&relay), 0);
	assert_true(allocation_failed());
}

#define relay_test(test) cmocka_unit_test_setup_teardown(test, setup_relay, teardown_relay)

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(each_count_has_its_name),
		relay_test(counts_of_a_kind_have_labels),
		relay_test(durations_are_a_histogram),
		relay_test(those_of_the_reference_have_its_names_too),
		relay_test(a_short_or_a_long_prefix_fits),
		relay_test(without_memory_there_is_no_second_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
