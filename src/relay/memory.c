/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/memory.h"

#include "relay/host.h"

static uint64_t all_that_waits(const struct relay *relay)
{
	uint64_t all = 0;

	for (int i = 0; i < relay->lane_count; i++) {
		const struct lane *lane = &relay->lanes[i];

		all += atomic_load_explicit(&lane->worker->backlog, memory_order_relaxed) +
			atomic_load_explicit(&lane->counts.gathered, memory_order_relaxed);
	}
	return all;
}

bool memory_is_short(const struct relay *relay, size_t own)
{
	uint64_t most = relay->config->max_memory;
	int members = atomic_load_explicit(&relay->connections, memory_order_relaxed);

	return own > MEMORY_ANYBODYS && own > most / (uint64_t)(members > 0 ? members : 1) &&
		all_that_waits(relay) > most;
}
