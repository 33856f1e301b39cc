/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server or a client: a WebSocket connection in the lane of its id, from its 101 on. It is asked
 * for in another thread (member_open), arrives in its own (registry_join), says messages, which are
 * gathered until they are whole and checked (route.h), and ends.
 *
 *	opened()   registry_join: it gets its place in the slot of its id, or a close frame
 *	data()     route_from_client, route_from_server, for each whole message
 *	finish()   ending_finish
 *	ended()    registry_ended: its last message has been routed
 *	closed()   its memory goes
 *
 * Whoever closes one calls member_close: that takes it out of the registry, so that it is counted
 * no more and its place is free when its close frame is queued. What it says before its own close
 * frame is still routed, unless it is muted.
 */
#ifndef RELAY_MEMBER_H
#define RELAY_MEMBER_H

#include "base/buffer.h"
#include "relay/envelope.h"
#include "relay/telling.h"
#include "ws/connection.h"

#define MEMBER_ID_MOST 256 /* bytes of a server-id */

struct http_connection;
struct lane;
struct relay;
struct slot;

enum member_role { MEMBER_SERVER, MEMBER_CLIENT };

struct member {
	struct ws_connection ws;
	struct lane *lane;
	/*
	 * Of its id, from when it gets its place there, or waits for it, until ended(). NULL: none,
	 * or it is not its own any more; then it is muted.
	 */
	struct slot *slot;
	struct curfew_link link; /* of slot->clients, slot->leaving, slot->claims */
	struct buffer gathered;  /* of a message that is not whole; no memory between messages */
	int64_t since;           /* when its first piece came */
	int64_t asked;           /* when it was asked for */
	struct telling telling;  /* of its messages that go nowhere */
	uint8_t role;            /* enum member_role */
	bool registered; /* it is the slot's server, or one of its clients, and is counted */
	bool muted;      /* what it says is dropped: nobody is there for it any more */
	bool unmissed;   /* no notice of its end: the server asked for it, or is gone */
	bool waits;      /* it is one of slot->claims */
	bool due;        /* a server: the end may close it when its clients have gone */
	uint32_t turn;   /* of the end: its place in line, and 1; 0: none */
	uint16_t remote_at;
	uint16_t escaped_at, escaped_length;
	/*
	 * The name "client-ID-1234abcd", the hold's and the log's, and the peer's address; both end
	 * with NUL. Then the name as it stands in envelopes, if that is not the same.
	 */
	char text[];
};

/* A connection that is asked for: from its request's head. */
struct member_asked {
	enum member_role role;
	const char *id; /* UTF-8 without control characters, 1 to MEMBER_ID_MOST bytes */
	size_t id_length;
	const char *remote; /* its address, as the limiter and the log know it */
};

/*
 * Makes it, answers 101, and sends it to the lane of its id. The thread of the HTTP connection.
 * Returns 0, or -ESHUTDOWN or -ENOMEM: then nothing was answered. The caller has counted it in
 * relay->connections, and has a limiter's place (limiter_enter with the same remote) and the
 * front's: from 0 on all three are the member's, who gives them back when it is gone.
 */
int member_open(
	struct relay *relay, struct http_connection *from, const struct member_asked *asked);

/* "client-ID-1234abcd" */
static inline const char *member_name(const struct member *member)
{
	return member->text;
}

static inline const char *member_remote(const struct member *member)
{
	return member->text + member->remote_at;
}

/* Its id, as bytes within the name; sets the length. */
const char *member_id(const struct member *member, size_t *length);

/* Draws another number for its name, of which nobody has heard yet. Its lane's thread. */
void member_rename(struct member *member);

/*
 * Closes it in order, behind what is queued for it, and takes it out of the registry; nothing
 * happens if it is closing already. One that has no place in the registry is muted.
 */
void member_close(struct member *member, unsigned code, const char *reason);

#endif
