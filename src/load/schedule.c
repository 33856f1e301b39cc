/* SPDX-License-Identifier: Apache-2.0 */
#include "load/schedule.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NS_PER_S 1000000000
#define NS_PER_MS 1000000

/* A stream of its own, beside those of scenarios that may have the same seed: "arrival". */
#define ARRIVAL_STREAM (UINT64_C(0x6172726976616c) << 8)

/*
 * When a request of a stage is due, since the stage's begin, to the nearest nanosecond. Of 64 bits
 * a double would keep 53: 128 ns after 2^60.
 */
static long double due_of(const struct schedule_stage *stage, uint64_t number)
{
	return stage->rate > 0 ? (long double)number * NS_PER_S / (long double)stage->rate
			       : (long double)INT64_MAX;
}

/* How long a stage is that begins then. */
static int64_t length_of(const struct schedule_stage *stage, int64_t begin)
{
	return stage->for_ns < INT64_MAX - begin ? stage->for_ns : INT64_MAX - begin;
}

/* Returns a time as nanoseconds, at most `most`. */
static int64_t rounded(long double ns, int64_t most)
{
	return ns < (long double)most - 0.5L ? (int64_t)(ns + 0.5L) : most;
}

/* Returns how many of a stage are due before a time since its begin. */
static uint64_t due_before(const struct schedule_stage *stage, int64_t end)
{
	uint64_t count = (uint64_t)((long double)stage->rate * (long double)end / NS_PER_S);

	while (count > 0 && rounded(due_of(stage, count - 1), end) >= end) {
		count--;
	}
	while (rounded(due_of(stage, count), end) < end) {
		count++;
	}
	return count;
}

static const struct schedule_stage *stage_of(const struct schedule *schedule)
{
	return &schedule->stages[schedule->stage];
}

static bool is_drawn(const struct schedule *schedule)
{
	return schedule->arrival == SCHEDULE_POISSON && stage_of(schedule)->rate > 0;
}

static bool is_ours(const struct schedule *schedule)
{
	return (schedule->before + schedule->number) % schedule->threads == schedule->thread;
}

/*
 * Each thread draws the times of all: up to the next one of ours, or the first for which the stage
 * has no time. So all of them have drawn the same when it ends.
 */
static void draw(struct schedule *schedule)
{
	int64_t length = length_of(stage_of(schedule), schedule->stage_begin);
	double mean = NS_PER_S / stage_of(schedule)->rate;

	schedule->at += random_exponential(&schedule->random, mean);
	while (!is_ours(schedule) && rounded(schedule->at, length) < length) {
		schedule->number++;
		schedule->at += random_exponential(&schedule->random, mean);
	}
}

static void begin_stage(struct schedule *schedule)
{
	uint64_t theirs = schedule->before % schedule->threads; /* whose turn it is */

	schedule->number = 0;
	schedule->at = 0;
	if (schedule->arrival == SCHEDULE_CONSTANT) {
		schedule->number =
			(schedule->thread + schedule->threads - theirs) % schedule->threads;
	} else if (schedule->stage < schedule->stage_count && is_drawn(schedule)) {
		draw(schedule);
	}
}

void schedule_init(struct schedule *schedule, const struct schedule_stage *stages,
	size_t stage_count, enum schedule_arrival arrival, uint64_t seed, uint32_t thread,
	uint32_t threads)
{
	assert(stage_count <= SCHEDULE_STAGES_MOST && thread < threads);
	for (size_t i = 0; i < stage_count; i++) {
		assert(stages[i].rate >= 0 && stages[i].rate <= SCHEDULE_RATE_MOST);
		assert(stages[i].for_ns >= 0);
	}
	*schedule = (struct schedule){
		.stages = stages,
		.stage_count = stage_count,
		.arrival = arrival,
		.thread = thread,
		.threads = threads,
	};
	random_init(&schedule->random, seed, ARRIVAL_STREAM);
	begin_stage(schedule);
}

static void end_stage(struct schedule *schedule, const struct schedule_stage *stage, int64_t length)
{
	schedule->before += schedule->arrival == SCHEDULE_CONSTANT ? due_before(stage, length)
								   : schedule->number;
	schedule->stage_begin += length;
	schedule->stage++;
	begin_stage(schedule);
}

int64_t schedule_due(struct schedule *schedule)
{
	while (schedule->stage < schedule->stage_count) {
		const struct schedule_stage *stage = stage_of(schedule);
		int64_t length = length_of(stage, schedule->stage_begin);
		int64_t due =
			rounded(is_drawn(schedule) ? schedule->at : due_of(stage, schedule->number),
				length);

		if (due < length) {
			return schedule->stage_begin + due;
		}
		end_stage(schedule, stage, length);
	}
	return INT64_MAX;
}

void schedule_take(struct schedule *schedule)
{
	if (schedule_due(schedule) == INT64_MAX) {
		return;
	}
	if (is_drawn(schedule)) {
		schedule->number++;
		draw(schedule);
	} else {
		schedule->number += schedule->threads;
	}
}

uint64_t schedule_total(const struct schedule *schedule, int64_t until_ns)
{
	int64_t begin = 0;
	uint64_t total = 0;

	assert(schedule->arrival == SCHEDULE_CONSTANT);
	for (size_t i = 0; i < schedule->stage_count && begin <= until_ns; i++) {
		const struct schedule_stage *stage = &schedule->stages[i];
		int64_t length = length_of(stage, begin);
		int64_t passed = until_ns - begin;

		total += due_before(stage, passed < length ? passed + 1 : length);
		begin += length;
	}
	return total;
}

/* "0/s", which is no rate, but for a stage means a time without requests. */
static bool is_pause(const char *text)
{
	size_t zeros = strspn(text, "0");

	return zeros && text[zeros] == '/' && strspn(text + zeros + 1, "smh") == 1 &&
		!text[zeros + 2];
}

static const char *parse_rate(const char *text, size_t length, double *per_s)
{
	struct text_rate rate = {.per_ms = 1};
	const char *refusal;
	char copy[32];

	if (length >= sizeof(copy)) {
		return text_malformed;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	refusal = is_pause(copy) ? NULL : text_parse_rate(copy, &rate);
	*per_s = (double)rate.count * 1000 / (double)rate.per_ms;
	return refusal ? refusal : *per_s <= SCHEDULE_RATE_MOST ? NULL : "is too large";
}

const char *schedule_rate_parse(const char *text, double *per_s)
{
	char copy[32];
	const char *refusal = text_malformed;

	if (*text && !text[strspn(text, "0123456789")] && strlen(text) < sizeof(copy) - 2) {
		(void)snprintf(copy, sizeof(copy), "%s/s", text);
		text = copy;
	}
	if (!is_pause(text)) {
		refusal = parse_rate(text, strlen(text), per_s);
	}
	return refusal == text_malformed && is_pause(text) ? "is zero" : refusal;
}

const char *schedule_stage_parse(const char *text, struct schedule_stage *stage)
{
	const char *colon = strchr(text, ':');
	const char *refusal;
	double rate;
	int64_t ms;

	if (!colon) {
		return text_malformed;
	}
	refusal = parse_rate(text, (size_t)(colon - text), &rate);
	refusal = refusal ? refusal : text_parse_duration(colon + 1, &ms);
	if (refusal) {
		return refusal;
	}
	if (ms != CURFEW_NEVER && ms > INT64_MAX / NS_PER_MS) {
		return "is too large";
	}
	if (!ms) {
		return "lasts no time";
	}
	stage->rate = rate;
	stage->for_ns = ms == CURFEW_NEVER ? INT64_MAX : ms * NS_PER_MS;
	return NULL;
}
