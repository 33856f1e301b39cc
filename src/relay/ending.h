/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end, in the order that loses nothing: clients first. Each client is closed with 1001, at once
 * or at a moment drawn at random (--spread); a server when all clients of its id have ended, and
 * their notices are queued for it. Each close has its bound (ws_limits.close_ms), the whole that of
 * the work.
 */
#ifndef RELAY_ENDING_H
#define RELAY_ENDING_H

#include "relay/member.h"

#define ENDING_REASON "shutting down"

/* The drain asks a member to finish. */
void ending_finish(struct member *member);

/* Somebody of this slot has ended: its server's turn may have come. */
void ending_look(struct slot *slot);

#endif
