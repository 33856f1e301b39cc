/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/access.h"

#include "base/clock.h"
#include "gate/event.h"

const struct journal_event gate_events[] = {GATE_EVENTS(JOURNAL_EVENT)};

static struct journal_value text_of(const struct http_head *head, struct http_range range)
{
	struct http_text text = http_head_text(head, range);

	return journal_bytes(text.bytes, text.length);
}

void access_log(struct lane *lane, struct http_connection *client, bool whole)
{
	const struct http_head *head = &client->parser.head;

	if (!lane->gate->config->access_log) {
		return;
	}
	journal_tell(&lane->gate->service.journal, &gate_events[GATE_ACCESS],
		journal_text(http_peer(client)), text_of(head, head->method),
		text_of(head, head->target), journal_number(client->status),
		journal_number((int64_t)client->body_sent),
		journal_number(clock_ms_between(client->began, curfew_now())),
		journal_text(whole ? "yes" : "no"));
}

static void read_state(struct metric_scrape *scrape, void *arg)
{
	const struct gate *gate = arg;
	enum upstream_state state = atomic_load(&gate->upstream.state);

	for (int i = UPSTREAM_WAITING; i <= UPSTREAM_GONE; i++) {
		metric_value(scrape, "state", upstream_state_name((enum upstream_state)i),
			(int)state == i);
	}
}

static void read_held(struct metric_scrape *scrape, void *arg)
{
	const struct gate *gate = arg;

	metric_value(scrape, NULL, NULL, atomic_load(&gate->held));
}

#define COUNTER(field)                                                                             \
	static void read_##field(struct metric_scrape *scrape, void *arg)                          \
	{                                                                                          \
		struct gate *gate = arg;                                                           \
                                                                                                   \
		metric_value(scrape, NULL, NULL, atomic_load(&gate->field));                       \
	}

COUNTER(dials)
COUNTER(unreached)
COUNTER(retries)
COUNTER(truncated)

const struct metric access_metrics[] = {
	{"curfew_gate_upstream_state", METRIC_GAUGE,
		"The state of the upstream: 1 for the one it is in.", read_state},
	{"curfew_gate_held_requests", METRIC_GAUGE,
		"Requests that wait for the upstream to be ready.", read_held},
	{"curfew_gate_upstream_connections_total", METRIC_COUNTER,
		"Connections to the upstream that were tried.", read_dials},
	{"curfew_gate_upstream_unreached_total", METRIC_COUNTER,
		"Connections to the upstream that failed.", read_unreached},
	{"curfew_gate_retries_total", METRIC_COUNTER,
		"Requests that were sent to the upstream a second time.", read_retries},
	{"curfew_gate_truncated_total", METRIC_COUNTER, "Answers that broke off within their body.",
		read_truncated},
};

const size_t access_metric_count = sizeof(access_metrics) / sizeof(access_metrics[0]);
