/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in flight: a call that waits for its answer, or something else that clients must be able
 * to finish before the process may end. It is a hold on the lifecycle's work stage; those that need
 * new connections to be finished keep the listeners open, too (lifecycle_prolong): a session's
 * calls, since its client may have to answer the server's questions by requests of their own.
 *
 * The stage's holds are cut before the connections on it, so that a call can be answered still.
 */
#ifndef MCP_FLIGHT_H
#define MCP_FLIGHT_H

#include <curfew/drain.h>

struct mcp;

/* Embedded in what is in flight; zeroed before. */
struct flight {
	struct curfew_hold hold;
	struct mcp *mcp; /* NULL: it is not in flight */
	bool prolongs;
	/* The work's deadline is over: answer now, and end. */
	void (*cut)(struct flight *flight);
};

/*
 * Begins. name: for listings, such as the method; NULL: "call". prolongs: the listeners are to stay
 * open for it. Where the work stage is closed it begins without a hold: then only its connection is
 * waited for.
 */
void flight_begin(struct flight *flight, struct mcp *mcp, const char *name, bool prolongs,
	void (*cut)(struct flight *flight));

/* Ends, in cut() too. Again: does nothing. */
void flight_end(struct flight *flight);

#endif
