/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other replicas, by name: the connections to each, which are kept as long as they are used,
 * and ten seconds more.
 */
#ifndef MCP_REPLICA_PEER_H
#define MCP_REPLICA_PEER_H

#include "http/pool.h"
#include "mcp/host.h"

#define REPLICA_PEERS_MOST 64
#define REPLICA_PEER_IDLE_MS 10000

struct replica_peer {
	struct curfew_link link; /* in mcp->peers */
	struct mcp *mcp;
	char name[SESSION_REPLICA_MOST + 1];
	struct http_pool pool;
	size_t uses; /* requests in flight */
	struct deadline idle;
};

/*
 * Finds a replica's, or makes it, and uses it. NULL with errno: EINVAL, no replica is called so;
 * EMFILE, there are too many; ENOMEM; ESHUTDOWN.
 */
struct replica_peer *replica_peer_use(struct mcp *mcp, const char *name, size_t length);
void replica_peer_leave(struct replica_peer *peer);

/* It is not used, and has no connections. */
void replica_peer_free(struct replica_peer *peer);

/* Writes --peer-url for a replica, as an address. Returns NULL, or what is wrong with it. */
const char *replica_peer_address(const char *peer_url, const char *name, struct address *address);

#endif
