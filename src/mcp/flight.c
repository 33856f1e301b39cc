/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/flight.h"

#include <assert.h>

#include "base/list.h"
#include "core/lifecycle.h"
#include "mcp/host.h"

static void flight_cut(struct curfew_hold *hold)
{
	struct flight *flight = container_of(hold, struct flight, hold);

	flight->cut(flight);
}

static const struct curfew_hold_ops flight_ops = {.kind = "call", .cut = flight_cut};

static void count_prolonging(struct mcp *mcp, int change)
{
	bool before = mcp->prolonging > 0;

	mcp->prolonging += change;
	assert(mcp->prolonging >= 0);
	if (before != (mcp->prolonging > 0)) {
		lifecycle_prolong(mcp->worker->life, mcp->prolonging > 0);
	}
}

void flight_begin(struct flight *flight, struct mcp *mcp, const char *name, bool prolongs,
	void (*cut)(struct flight *flight))
{
	assert(!flight->mcp);
	flight->mcp = mcp;
	flight->cut = cut;
	flight->prolongs = prolongs;
	mcp->in_flight++;
	(void)curfew_drain_hold(curfew_lifecycle_stage(mcp->worker->life, CURFEW_WORK),
		&flight->hold, &flight_ops, name);
	if (prolongs) {
		count_prolonging(mcp, 1);
	}
}

void flight_end(struct flight *flight)
{
	struct mcp *mcp = flight->mcp;

	if (!mcp) {
		return;
	}
	flight->mcp = NULL;
	mcp->in_flight--;
	if (flight->prolongs) {
		count_prolonging(mcp, -1);
	}
	curfew_hold_release(&flight->hold);
}
