/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/metrics.h"

#include "mcp/host.h"

static void read_sessions(struct metric_scrape *scrape, void *arg)
{
	const struct mcp *mcp = arg;

	metric_value(scrape, NULL, NULL, (uint64_t)mcp->session_count);
}

static void read_starting(struct metric_scrape *scrape, void *arg)
{
	const struct mcp *mcp = arg;

	metric_value(scrape, NULL, NULL, (uint64_t)mcp->starting);
}

static void read_in_flight(struct metric_scrape *scrape, void *arg)
{
	const struct mcp *mcp = arg;

	metric_value(scrape, NULL, NULL, mcp->in_flight);
}

static void read_calls(struct metric_scrape *scrape, void *arg)
{
	const struct mcp_counts *counts = &((const struct mcp *)arg)->counts;

	metric_value(scrape, "outcome", "answered", counts->calls_answered);
	metric_value(scrape, "outcome", "failed", counts->calls_failed);
	metric_value(scrape, "outcome", "forced", counts->calls_forced);
}

#define COUNTER(field)                                                                             \
	static void read_##field(struct metric_scrape *scrape, void *arg)                          \
	{                                                                                          \
		const struct mcp *mcp = arg;                                                       \
                                                                                                   \
		metric_value(scrape, NULL, NULL, mcp->counts.field);                               \
	}

COUNTER(sessions_opened)
COUNTER(noise_lines)
COUNTER(messages_dropped)
COUNTER(passed_on)

const struct metric mcp_metrics[] = {
	{"curfew_mcp_sessions", METRIC_GAUGE, "Sessions that are open.", read_sessions},
	{"curfew_mcp_sessions_total", METRIC_COUNTER, "Sessions that were opened.",
		read_sessions_opened},
	{"curfew_mcp_children_starting", METRIC_GAUGE,
		"Children that have not answered initialize yet.", read_starting},
	{"curfew_mcp_calls_in_flight", METRIC_GAUGE, "Calls that wait for their answer.",
		read_in_flight},
	{"curfew_mcp_calls_total", METRIC_COUNTER,
		"Calls that are over: answered by the child, failed, or forced at the end.",
		read_calls},
	{"curfew_mcp_noise_lines_total", METRIC_COUNTER,
		"Lines of the children's standard output that are no JSON-RPC message.",
		read_noise_lines},
	{"curfew_mcp_messages_dropped_total", METRIC_COUNTER,
		"Messages of the children that no stream has taken in time.",
		read_messages_dropped},
	{"curfew_mcp_passed_on_total", METRIC_COUNTER,
		"Requests that were passed on to the replica that has the session.",
		read_passed_on},
};

const size_t mcp_metric_count = sizeof(mcp_metrics) / sizeof(mcp_metrics[0]);
