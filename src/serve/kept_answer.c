/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a kept process: whose they are, and what they make of the call. */
#include <errno.h>
#include <string.h>

#include "serve/event.h"
#include "serve/kept_state.h"

#define MORE_THAN_ONE "[output] it wrote more than one answer, and is no stream"
#define NOISE_TOLD 512 /* bytes of a line that nobody had asked for */
#define FAILURE_LEAST 400

/* Nobody knows what its next lines belong to. */
static void retire(struct place *place)
{
	place_enter(place, PLACE_ENDING);
	dialogue_ignore(&place->dialogue);
	dialogue_stop(&place->dialogue);
}

static void refuse(struct place *place, const char *text)
{
	struct call *call = place->call;

	if (place->state == PLACE_BUSY) {
		retire(place);
	}
	kept_call_fail(call, 500, text);
}

static void refuse_line(struct place *place, int error, const char *refusal)
{
	struct buffer text = {0};

	buffer_appendf(
		&text, "[output] %s", error == -ENOMEM ? "there is no memory for it" : refusal);
	refuse(place, text.failed ? "[output]" : buffer_text(&text));
	buffer_fini(&text);
}

void place_drop(struct place *place)
{
	place->call->is_dropped = true;
	dialogue_ignore(&place->dialogue);
}

static void pass_item(struct place *place)
{
	if (invocation_item(place->call->invocation, &place->call->item)) {
		return;
	}
	if (place->call->cancelled) {
		place_drop(place);
	} else {
		dialogue_pause(&place->dialogue);
	}
}

/* The item becomes the answer. */
static void keep_answer(struct call *call)
{
	struct envelope empty = call->answer;

	call->answer = call->item;
	call->item = empty;
	call->has_answer = true;
}

static void note_noise(const struct dialogue *dialogue, const char *line, size_t length)
{
	journal_tell(&dialogue->serve->service.journal, &serve_events[SERVE_NOISE],
		journal_number(dialogue->pid),
		journal_bytes(line, length < NOISE_TOLD ? length : NOISE_TOLD));
}

void place_finish(struct place *place)
{
	place_enter(place, PLACE_ENDING);
	dialogue_finish(&place->dialogue);
}

/*
 * It has said all. One that has not read all of its request will take the rest for the next one,
 * and is not used again.
 */
static void end_answer(struct place *place)
{
	struct kept *kept = place->kept;
	struct call *call = place->call;

	place->delay_ms = 0;
	dialogue_resume(&place->dialogue);
	if (place->state == PLACE_BUSY) {
		if (place->dialogue.text) {
			retire(place);
		} else if (kept->stopped) {
			place_finish(place);
		} else {
			place_enter(place, PLACE_IDLE);
		}
	}
	kept_call_end(call, INVOCATION_DONE);
	kept_serve_waiting(kept);
}

static void take_answer(struct place *place, bool is_last)
{
	struct call *call = place->call;
	bool streams = call->invocation->function->streams;

	if (streams && !call->has_answer && call->item.touched) {
		if (call->item.status_code >= FAILURE_LEAST) {
			keep_answer(call);
		} else {
			pass_item(place);
		}
	} else if (!streams && (call->item.touched || !is_last)) {
		if (call->has_answer) {
			refuse(place, MORE_THAN_ONE);
			return;
		}
		keep_answer(call);
	}
	if (is_last) {
		end_answer(place);
	}
}

void place_take_line(struct dialogue *dialogue, const char *line, size_t length)
{
	struct place *place = place_of(dialogue);
	struct buffer refusal = {0};
	bool is_last = false;
	int error;

	if (!place->call || !dialogue->written) {
		note_noise(dialogue, line, length);
		return;
	}
	envelope_reset(&place->call->item);
	error = envelope_read(&place->call->item, line, length, &is_last, &refusal);
	if (error < 0) {
		refuse_line(place, error, buffer_text(&refusal));
	} else {
		take_answer(place, is_last);
	}
	buffer_fini(&refusal);
}

void place_lose_line(struct dialogue *dialogue, const char *reason)
{
	struct place *place = place_of(dialogue);

	if (place->call) {
		refuse_line(place, 0, reason);
	} else if (place->state == PLACE_IDLE) {
		retire(place);
	}
}
