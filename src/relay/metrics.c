/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE_ROWS 6 /* of the table below, which the reference has as well */

static const char *const outcomes[] = {
#define WORD(name, word) word,
	RELAY_OUTCOMES(WORD)
#undef WORD
};

static const char *const failures[] = {
#define WORD(name, word, code) word,
	RELAY_FAILURES(WORD)
#undef WORD
};

/* In the order of enum member_role, of enum relay_direction. */
static const char *const roles[] = {"server", "client"};
static const char *const directions[] = {"to_server", "to_client"};

/* The sum of a count over all lanes; at: where it is in the counts. */
static uint64_t sum(const struct relay *relay, size_t at)
{
	uint64_t all = 0;

	for (int i = 0; i < relay->lane_count; i++) {
		const char *counts = (const char *)&relay->lanes[i].counts;

		all += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(counts + at),
			memory_order_relaxed);
	}
	return all;
}

#define AT(field) offsetof(struct relay_counts, field)

#define ONE(field)                                                                                 \
	static void read_##field(struct metric_scrape *scrape, void *arg)                          \
	{                                                                                          \
		metric_value(scrape, NULL, NULL, sum(arg, AT(field)));                             \
	}

ONE(servers)
ONE(clients)
ONE(grace_expiries)
ONE(takeovers)
ONE(dropped)
ONE(gathered)

#define EACH(field, label, words, count)                                                           \
	static void read_##field(struct metric_scrape *scrape, void *arg)                          \
	{                                                                                          \
		for (size_t i = 0; i < (count); i++) {                                             \
			metric_value(scrape, label, (words)[i],                                    \
				sum(arg, AT(field) + i * sizeof(uint64_t)));                       \
		}                                                                                  \
	}

EACH(failures, "kind", failures, RELAY_FAILURES_COUNT)
EACH(frames, "direction", directions, RELAY_DIRECTIONS)
EACH(bytes, "direction", directions, RELAY_DIRECTIONS)

static void read_upgrades(struct metric_scrape *scrape, void *arg)
{
	for (size_t role = 0; role < 2; role++) {
		for (size_t i = 0; i < RELAY_OUTCOMES_COUNT; i++) {
			const size_t at = role * RELAY_OUTCOMES_COUNT + i;
			const struct metric_label labels[] = {
				{"endpoint", roles[role]}, {"outcome", outcomes[i]}};

			metric_pair(scrape, labels, sum(arg, AT(upgrades) + at * sizeof(uint64_t)));
		}
	}
}

static void read_latency(struct metric_scrape *scrape, void *arg)
{
	uint64_t buckets[METRIC_BUCKET_COUNT + 1];

	for (size_t i = 0; i <= METRIC_BUCKET_COUNT; i++) {
		buckets[i] = sum(arg, AT(latency) + i * sizeof(uint64_t));
	}
	metric_histogram(scrape, buckets, sum(arg, AT(latency_ns)));
}

static void read_closed(struct metric_scrape *scrape, void *arg)
{
	metric_value(scrape, "how", "clean", sum(arg, AT(closed_clean)));
	metric_value(scrape, "how", "forced", sum(arg, AT(closed_forced)));
}

/* Of HTTP as well, while it is still that: whatever waits for a peer that does not take it. */
static void read_outboxes(struct metric_scrape *scrape, void *arg)
{
	const struct relay *relay = arg;
	uint64_t all = 0;

	for (int i = 0; i < relay->lane_count; i++) {
		all += atomic_load_explicit(&relay->lanes[i].worker->backlog, memory_order_relaxed);
	}
	metric_value(scrape, NULL, NULL, all);
}

static void read_members(struct metric_scrape *scrape, void *arg)
{
	const struct relay *relay = arg;

	metric_value(scrape, NULL, NULL, (uint64_t)atomic_load(&relay->connections));
}

/* Those of the reference first. */
static const struct metric rows[] = {
	{"curfew_relay_connected_binaries", METRIC_GAUGE, "Servers that are registered.",
		read_servers},
	{"curfew_relay_connected_phones", METRIC_GAUGE, "Clients that are registered.",
		read_clients},
	{"curfew_relay_ws_upgrade_attempts_total", METRIC_COUNTER,
		"Requests for a connection, by what was asked for and how it went.", read_upgrades},
	{"curfew_relay_register_failures_total", METRIC_COUNTER,
		"Connections that were opened and got no place, by the reason.", read_failures},
	{"curfew_relay_frames_forwarded_total", METRIC_COUNTER,
		"Messages that were passed on, by their direction.", read_frames},
	{"curfew_relay_grace_expiries_total", METRIC_COUNTER,
		"Ids whose server dropped and did not come back in time.", read_grace_expiries},
	{"curfew_relay_connections", METRIC_GAUGE,
		"Servers and clients, those included that have no place yet, or no longer.",
		read_members},
	{"curfew_relay_outbox_bytes", METRIC_GAUGE,
		"Bytes that wait for receivers that do not take them.", read_outboxes},
	{"curfew_relay_gathered_bytes", METRIC_GAUGE, "Bytes of messages that are not whole yet.",
		read_gathered},
	{"curfew_relay_bytes_forwarded_total", METRIC_COUNTER,
		"Bytes of the messages that were passed on, without envelopes.", read_bytes},
	{"curfew_relay_messages_dropped_total", METRIC_COUNTER,
		"Messages of servers that went nowhere.", read_dropped},
	{"curfew_relay_takeovers_total", METRIC_COUNTER, "Ids that another server has taken over.",
		read_takeovers},
	{"curfew_relay_forward_duration_seconds", METRIC_HISTOGRAM,
		"From the first piece of a message to its place in the queue of its receiver; 0 "
		"for one that was there whole.",
		read_latency},
	{"curfew_relay_drained_connections_total", METRIC_COUNTER,
		"Servers and clients that the end has closed, by how it went.", read_closed},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Makes the reference's rows, with their names behind them in the same memory. */
static struct metric *name_anew(const char *prefix)
{
	size_t most = strlen(prefix);
	struct metric *named;
	char *name;

	for (size_t i = 0; i < REFERENCE_ROWS; i++) {
		most = most > strlen(rows[i].name) ? most : strlen(rows[i].name);
	}
	most += strlen(prefix) + 1;
	named = calloc(REFERENCE_ROWS, sizeof(*named) + most);
	for (size_t i = 0; named && i < REFERENCE_ROWS; i++) {
		name = (char *)&named[REFERENCE_ROWS] + i * most;
		(void)snprintf(
			name, most, "%s%s", prefix, rows[i].name + sizeof(METRICS_PREFIX) - 1);
		named[i] = rows[i];
		named[i].name = name;
	}
	return named;
}

int relay_metrics_add(struct relay *relay)
{
	const char *prefix = relay->config->metrics_prefix;

	relay->metrics = (struct metric_table){.rows = rows, .count = ROWS, .arg = relay};
	metrics_add_table(&relay->service.metrics, &relay->metrics);
	if (!prefix) {
		return 0;
	}
	relay->reference = (struct metric_table){
		.rows = name_anew(prefix),
		.count = REFERENCE_ROWS,
		.arg = relay,
	};
	if (!relay->reference.rows) {
		return -ENOMEM;
	}
	metrics_add_table(&relay->service.metrics, &relay->reference);
	return 0;
}

void relay_metrics_free(struct relay *relay)
{
	free((void *)relay->reference.rows);
}
