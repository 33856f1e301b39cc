/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "serve/kept_state.h"

void place_enter(struct place *place, enum place_state state)
{
	static const unsigned edges[] = {
		[PLACE_AWAY] = 1u << PLACE_IDLE,
		[PLACE_IDLE] = 1u << PLACE_BUSY | 1u << PLACE_ENDING | 1u << PLACE_AWAY,
		[PLACE_BUSY] = 1u << PLACE_IDLE | 1u << PLACE_ENDING | 1u << PLACE_AWAY,
		[PLACE_ENDING] = 1u << PLACE_AWAY,
	};

	assert(edges[place->state] & 1u << state);
	place->state = state;
}

static struct call *call_at(struct curfew_link *link)
{
	return container_of(link, struct call, link);
}

void kept_call_end(struct call *call, enum invocation_outcome outcome)
{
	struct invocation *invocation = call->invocation;
	struct envelope answer = call->answer;

	if (call->place) {
		call->place->call = NULL;
	}
	link_remove(&call->link);
	agenda_unpost(kept_agenda(call->kept), &call->end);
	envelope_fini(&call->item);
	free(call);
	invocation->run = NULL;
	invocation_end(invocation, outcome, &answer);
}

void kept_call_fail(struct call *call, int status, const char *text)
{
	envelope_fail(&call->answer, status, text, strlen(text));
	kept_call_end(call, INVOCATION_DONE);
}

void kept_call_end_cancelled(struct task *task)
{
	kept_call_end(container_of(task, struct call, end), INVOCATION_CANCELLED);
}

static void give(struct place *place, struct call *call)
{
	const struct buffer *text = &call->invocation->arguments.text;

	link_remove(&call->link);
	call->place = place;
	place->call = call;
	place_enter(place, PLACE_BUSY);
	dialogue_say(&place->dialogue, buffer_text(text), text->length, false);
}

void kept_call_put_back(struct call *call)
{
	call->place->call = NULL;
	call->place = NULL;
	call->is_second = true;
	list_append(call->kept->waiting.next, &call->link); /* before the first */
	kept_serve_waiting(call->kept);
}

/* The first that waits and is wanted. */
static struct call *next_call(const struct kept *kept)
{
	list_each(link, &kept->waiting) {
		if (!call_at(link)->cancelled) {
			return call_at(link);
		}
	}
	return NULL;
}

void kept_serve_waiting(struct kept *kept)
{
	for (int i = 0; i < kept->count; i++) {
		struct call *call = next_call(kept);

		if (!call) {
			return;
		}
		if (kept->places[i].state == PLACE_IDLE) {
			give(&kept->places[i], call);
		}
	}
}

void kept_fail_waiting(struct kept *kept, const char *text)
{
	list_each_safe(link, &kept->waiting) {
		if (!call_at(link)->cancelled) {
			kept_call_fail(call_at(link), 502, text);
		}
	}
}
