/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/replica_peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"
#include "mcp/replica.h"

#define URL_MOST 512

const char *replica_peer_address(const char *peer_url, const char *name, struct address *address)
{
	const char *mark = strstr(peer_url, REPLICA_MARK);
	char url[URL_MOST];

	if (!mark) {
		return "does not say where the replica's name goes, " REPLICA_MARK;
	}
	if (strstr(mark + 1, REPLICA_MARK)) {
		return "has " REPLICA_MARK " twice";
	}
	if (snprintf(url, sizeof(url), "%.*s%s%s", (int)(mark - peer_url), peer_url, name,
		    mark + strlen(REPLICA_MARK)) >= URL_MOST) {
		return "is too long";
	}
	return address_parse_url(url, address);
}

void replica_peer_free(struct replica_peer *peer)
{
	assert(!peer->uses);
	link_remove(&peer->link);
	peer->mcp->peer_count--;
	deadline_fini(&peer->idle);
	http_pool_fini(&peer->pool);
	free(peer);
}

static void idle(struct deadline *deadline)
{
	struct replica_peer *peer = container_of(deadline, struct replica_peer, idle);

	if (!peer->uses && !peer->pool.count) {
		replica_peer_free(peer);
	} else if (!peer->uses) {
		deadline_set(&peer->idle, curfew_after_ms(REPLICA_PEER_IDLE_MS));
	}
}

static struct replica_peer *find(const struct mcp *mcp, const char *name)
{
	list_each(link, &mcp->peers) {
		struct replica_peer *peer = container_of(link, struct replica_peer, link);

		if (!strcmp(peer->name, name)) {
			return peer;
		}
	}
	return NULL;
}

static struct replica_peer *make(struct mcp *mcp, const char *name)
{
	struct address address;
	struct replica_peer *peer;
	int error;

	if (replica_peer_address(mcp->config->peer_url, name, &address)) {
		errno = EINVAL; /* such as a port that is none */
		return NULL;
	}
	if (mcp->peer_count == REPLICA_PEERS_MOST) {
		errno = EMFILE;
		return NULL;
	}
	peer = calloc(1, sizeof(*peer));
	if (!peer) {
		return NULL;
	}
	error = http_pool_init(&peer->pool, mcp->worker, &address);
	if (error < 0) {
		free(peer);
		errno = -error;
		return NULL;
	}
	peer->mcp = mcp;
	memcpy(peer->name, name, strlen(name));
	deadline_init(&peer->idle, &mcp->worker->loop->agenda, idle);
	list_append(&mcp->peers, &peer->link);
	mcp->peer_count++;
	return peer;
}

struct replica_peer *replica_peer_use(struct mcp *mcp, const char *name, size_t length)
{
	char text[SESSION_REPLICA_MOST + 1] = {0};
	struct replica_peer *peer;

	memcpy(text, name, length < sizeof(text) ? length : 0);
	if (!session_replica_valid(text)) {
		errno = EINVAL;
		return NULL;
	}
	peer = find(mcp, text);
	peer = peer ? peer : make(mcp, text);
	if (peer) {
		peer->uses++;
		deadline_set(&peer->idle, CURFEW_NEVER);
	}
	return peer;
}

void replica_peer_leave(struct replica_peer *peer)
{
	assert(peer->uses);
	if (!--peer->uses) {
		deadline_set(&peer->idle, curfew_after_ms(REPLICA_PEER_IDLE_MS));
	}
}
