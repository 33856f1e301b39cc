/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An id that two servers want. The holder is pinged: one whose connection is half open, since its
 * machine has gone away, does not answer, and the one that claims is most likely the same server
 * come back. Several that claim share one ping and its time.
 *
 * A holder that is busy may not come to the ping in time: it goes behind all that waits for it, if
 * there is room for it at all. So it is no silence either if the holder has said something in that
 * time, or has taken some of what waits for it.
 *
 *	claim_wait	HELD -> CONTESTED, the holder is pinged
 *	claims_refuse	a pong, or another sign of life: all get 4409; HELD
 *	claim_first	silence, or the holder is gone: the first takes over; HELD
 *	claim_gone	the one that waits is gone; when none is left: HELD
 *	claims_end	the end has begun: all get 1001; HELD
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <curfew/time.h>

#include "base/list.h"
#include "relay/registry_state.h"

#define LATE_MS 100
#define SILENT_REASON "heartbeat timeout"

static void add(struct slot *slot, struct member *claim)
{
	claim->slot = slot;
	claim->waits = true;
	list_append(&slot->claims, &claim->link);
	slot->claim_count++;
}

static void take_off(struct member *claim)
{
	claim->slot->claim_count--;
	claim->slot = NULL;
	claim->waits = false;
	link_remove(&claim->link);
}

static struct member *first(struct slot *slot)
{
	return list_empty(&slot->claims) ? NULL
					 : container_of(slot->claims.next, struct member, link);
}

/*
 * How much of what it was sent the holder's machine has taken: what the kernel has, but for what it
 * still keeps. There is room in that machine for so much only, until the holder reads.
 */
static int64_t taken_by(const struct stream *holder)
{
	int kept = 0;

	(void)ioctl(holder->fd, SIOCOUTQ, &kept);
	return (int64_t)holder->bytes_out - kept;
}

/* What the holder has done up to now. Of one for whom nothing waits, the ping alone tells. */
static void note_signs(struct slot *slot)
{
	const struct stream *holder = &slot->server->ws.stream;

	slot->heard = holder->bytes_in;
	slot->taken = holder->backlog ? taken_by(holder) : INT64_MAX;
}

static bool shows_life(const struct slot *slot)
{
	const struct stream *holder = &slot->server->ws.stream;

	return holder->bytes_in > slot->heard || taken_by(holder) > slot->taken;
}

void claim_wait(struct slot *slot, struct member *claim)
{
	if (slot->claim_count == CLAIMS_MOST) {
		registry_refuse(claim, RELAY_FAILURE_ID_TAKEN);
		return;
	}
	add(slot, claim);
	if (slot->state == SLOT_HELD) {
		slot_enter(
			slot, SLOT_CONTESTED, curfew_after_ms(slot->lane->relay->config->claim_ms));
		note_signs(slot);
		ws_connection_ping(&slot->server->ws);
	}
}

static void refuse_all(struct slot *slot)
{
	struct member *claim;

	while ((claim = first(slot))) {
		take_off(claim);
		registry_refuse(claim, RELAY_FAILURE_ID_TAKEN);
	}
}

void claims_refuse(struct slot *slot)
{
	slot_enter(slot, SLOT_HELD, CURFEW_NEVER);
	refuse_all(slot);
}

void claims_end(struct slot *slot)
{
	struct member *claim;

	slot_enter(slot, SLOT_HELD, CURFEW_NEVER);
	while ((claim = first(slot))) {
		take_off(claim);
		slot_dismiss(claim, WS_CLOSE_GOING_AWAY, ENDING_REASON);
	}
}

void claim_gone(struct member *claim)
{
	struct slot *slot = claim->slot;

	take_off(claim);
	if (!slot->claim_count) {
		slot_enter(slot, SLOT_HELD, CURFEW_NEVER);
	}
}

void claim_take_over(struct slot *slot, struct member *claim)
{
	struct member *holder = slot->server;

	relay_count(&slot->lane->counts.takeovers, 1);
	journal_tell(&slot->lane->relay->service.journal, &relay_events[RELAY_EVENT_TAKEN_OVER],
		journal_bytes(slot->id, slot->id_length), journal_text(member_name(claim)),
		journal_number(slot->client_count));
	slot_enter(slot, SLOT_HELD, CURFEW_NEVER);
	if (holder) {
		slot_dismiss(holder, WS_CLOSE_FAILED, SILENT_REASON);
	}
	slot_dismiss_clients(slot, EVICTED_CODE, "another server has the id now");
	slot_register(slot, claim);
}

void claim_first(struct slot *slot)
{
	struct member *claim = first(slot);

	take_off(claim);
	claim_take_over(slot, claim);
	refuse_all(slot);
	ws_connection_resume(&claim->ws);
}

/* What came in time, and was not read for lack of time, may be the pong. */
static bool has_input(const struct slot *slot)
{
	int waiting = 0;

	(void)ioctl(slot->server->ws.stream.fd, FIONREAD, &waiting);
	return waiting > 0;
}

void claim_silence(struct slot *slot)
{
	if (!slot->late && has_input(slot)) {
		slot->late = true;
		deadline_set(&slot->deadline, curfew_after_ms(LATE_MS));
	} else if (shows_life(slot)) {
		claims_refuse(slot);
	} else {
		claim_first(slot);
	}
}
