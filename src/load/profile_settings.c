/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says of the run, and which of it the options leave to it. */
#include <stdio.h>
#include <stdlib.h>

#include "load/profile_state.h"

#define FIELD(field) .offset = offsetof(struct profile_settings, field)
#define RAMP_FIELD(field) .offset = offsetof(struct profile_ramp, field)

#define MILLION 1000000
#define ARRIVAL_NOT_GIVEN ((unsigned)LOAD_NOT_GIVEN)
#define SEED_NOT_GIVEN UINT64_MAX

static const char *const arrivals[] = {"constant", "poisson", NULL};

/* docs/load-profile.md has which option each of them is; tests/house compares them. */
const struct member profile_members[] = {
	{.name = "description", .kind = MEMBER_TEXT, FIELD(description)},
	{.name = "endpoints", .kind = MEMBER_VALUE, FIELD(endpoints)},
	{.name = "connections",
		.kind = MEMBER_WHOLE,
		FIELD(connections),
		.least = 1,
		.most = MILLION},
	{.name = "rate", .kind = MEMBER_VALUE, FIELD(rate)},
	{.name = "stages", .kind = MEMBER_LIST, FIELD(stages)},
	{.name = "ramp", .kind = MEMBER_OBJECT, FIELD(ramp)},
	{.name = "arrival", .kind = MEMBER_CHOICE, FIELD(arrival), .choices = arrivals},
	{.name = "max_in_flight",
		.kind = MEMBER_WHOLE,
		FIELD(max_in_flight),
		.least = 1,
		.most = MILLION},
	{.name = "fresh", .kind = MEMBER_FLAG, FIELD(fresh)},
	{.name = "prewarm", .kind = MEMBER_FLAG, FIELD(prewarm)},
	{.name = "duration", .kind = MEMBER_DURATION, FIELD(duration_ms), .least = 1},
	{.name = "requests", .kind = MEMBER_WHOLE, FIELD(requests), .least = 1, .most = INT64_MAX},
	{.name = "timeout", .kind = MEMBER_DURATION, FIELD(timeout_ms), .least = 1},
	{.name = "seed", .kind = MEMBER_WHOLE, FIELD(seed), .most = INT64_MAX},
	{.name = "fail_on", .kind = MEMBER_LIST, FIELD(fail_on)},
	{.name = "expect_restart", .kind = MEMBER_FLAG, FIELD(expect_restart)},
	{.name = "scenarios", .kind = MEMBER_LIST, FIELD(scenarios), .is_required = true},
	{.name = NULL},
};

static const struct member ramp_members[] = {
	{.name = "start",
		.kind = MEMBER_VALUE,
		RAMP_FIELD(start),
		.is_required = true,
		.wants = "a rate such as 100 or \"100/s\""},
	{.name = "step", .kind = MEMBER_VALUE, RAMP_FIELD(step)},
	{.name = "every", .kind = MEMBER_DURATION, RAMP_FIELD(every_ms), .least = 1},
	{.name = "while",
		.kind = MEMBER_TEXT,
		RAMP_FIELD(condition),
		.is_required = true,
		.wants = "a condition such as \"p90<1s\""},
	{.name = NULL},
};

/* All that read return false after a refusal. */

/* Refuses a member that does not go with another one. */
static bool refuse_pair(struct member_reading *reading, const struct json_value *root,
	const char *name, const char *wrong)
{
	const struct member_place place = {.name = name};
	struct json_value value;

	return member_find(reading, root, name, &value) &&
		member_refuse(reading, &place, &value, "%s", wrong);
}

/* Two that say how often each. */
static const char *contradicts(const struct profile_settings *settings, const char **wrong)
{
	if (settings->ramp.kind && (settings->rate.kind || settings->stages.kind)) {
		*wrong = "cannot stand beside \"rate\" or \"stages\": a ramp has rates of its own";
		return "ramp";
	}
	if (settings->rate.kind && settings->stages.kind) {
		*wrong = "cannot stand beside \"stages\", which have rates of their own";
		return "rate";
	}
	if (settings->stages.kind && settings->duration_ms != LOAD_NOT_GIVEN) {
		*wrong = "cannot stand beside \"stages\", which have durations of their own";
		return "duration";
	}
	return NULL;
}

/* One that is for the other kind of loop. */
static const char *misses(const struct profile_settings *settings, const char **wrong)
{
	bool is_open = settings->rate.kind || settings->stages.kind || settings->ramp.kind;

	if (is_open && settings->connections) {
		*wrong = "is for a run without \"rate\", \"stages\" and \"ramp\" (beside them "
			 "\"max_in_flight\" is the bound)";
		return "connections";
	}
	if (!is_open && settings->max_in_flight) {
		*wrong = "needs \"rate\", \"stages\" or \"ramp\" (without them \"connections\" is "
			 "the bound)";
		return "max_in_flight";
	}
	if (!is_open && settings->arrival != ARRIVAL_NOT_GIVEN) {
		*wrong = "needs \"rate\", \"stages\" or \"ramp\"";
		return "arrival";
	}
	return NULL;
}

/* What curfew load says of such options, too. */
static bool check_pairs(struct profile *profile, struct member_reading *reading)
{
	const char *wrong = NULL;
	const char *name = contradicts(&profile->settings, &wrong);

	name = name ? name : misses(&profile->settings, &wrong);
	return !name || refuse_pair(reading, &profile->root, name, wrong);
}

/* 5000, "5000/s", "300/m", as an option has it. */
static bool read_rate(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, char rate[PROFILE_RATE_BYTES])
{
	static const char wants[] = "a rate such as 5000 or \"5000/s\"";
	char text[PROFILE_RATE_BYTES + sizeof(":1s")];
	struct schedule_stage stage;

	if (!value->kind) {
		return true;
	}
	if (value->kind == JSON_STRING && value->length - 2 < PROFILE_RATE_BYTES) {
		(void)snprintf(rate, PROFILE_RATE_BYTES, "%.*s", (int)(value->length - 2),
			reading->text + value->start + 1);
	} else if (value->kind == JSON_NUMBER && value->length + 2 < PROFILE_RATE_BYTES) {
		(void)snprintf(rate, PROFILE_RATE_BYTES, "%.*s/s", (int)value->length,
			reading->text + value->start);
	} else {
		return member_refuse_value(reading, place, value, wants);
	}
	(void)snprintf(text, sizeof(text), "%s:1s", rate);
	return (!schedule_stage_parse(text, &stage) && stage.rate > 0) ||
		member_refuse_value(reading, place, value, wants);
}

/* Adds a string to those that the profile owns. */
static const char *add_word(struct words *words, struct member_reading *reading,
	const struct member_place *place, const struct json_value *value)
{
	char *text = member_text(reading, place, value);

	if (text && !words_add(words, text)) {
		free(text);
		member_refuse(
			reading, place, value, "is one more than the %d there may be", WORDS_MOST);
		return NULL;
	}
	return text;
}

static bool add_stage(
	struct profile *profile, struct member_reading *reading, const struct json_value *value)
{
	const struct member_place stages = {.name = "stages"};
	const struct member_place place = {.outer = &stages, .index = profile->stages.count};
	struct schedule_stage stage;
	const char *wrong, *text;

	if (profile->is_endless) {
		return member_refuse(reading, &place, value, "stands behind one without an end");
	}
	text = add_word(&profile->stages, reading, &place, value);
	if (!text) {
		return false;
	}
	wrong = schedule_stage_parse(text, &stage);
	profile->is_endless = !wrong && stage.for_ns == INT64_MAX;
	return !wrong ||
		member_refuse_value(reading, &place, value, "a stage such as \"100/s:30s\"");
}

static bool read_stages(struct profile *profile, struct member_reading *reading)
{
	const struct member_place place = {.name = "stages"};
	const struct json_value *stages = &profile->settings.stages;
	struct json_value element = {0};

	if (!stages->kind) {
		return true;
	}
	while (json_element_next(reading->text, stages, &element)) {
		if (!add_stage(profile, reading, &element)) {
			return false;
		}
	}
	return profile->stages.count || member_refuse(reading, &place, stages, "has no stage");
}

/* They are parsed when the scenarios are known, which they may name (profile_fill). */
static bool read_fail_on(struct profile *profile, struct member_reading *reading)
{
	const struct member_place outer = {.name = "fail_on"};
	struct json_value element = {0};

	while (profile->settings.fail_on.kind &&
		json_element_next(reading->text, &profile->settings.fail_on, &element)) {
		const struct member_place place = {
			.outer = &outer, .index = profile->fail_on.count};

		if (!add_word(&profile->fail_on, reading, &place, &element)) {
			return false;
		}
	}
	return true;
}

/* A step that is not over is not judged. */
static bool check_step(struct profile *profile, struct member_reading *reading)
{
	const struct member_place outer = {.name = "ramp"};
	const struct member_place place = {.outer = &outer, .name = "every"};
	const struct profile_settings *settings = &profile->settings;
	int64_t every_ms = profile->ramp.every_ms;
	struct json_value value = settings->ramp;

	if (every_ms > RAMP_EVERY_MS_MOST) {
		(void)member_find(reading, &settings->ramp, "every", &value);
		return member_refuse_value(reading, &place, &value, "a duration up to \"24h\"");
	}
	every_ms = every_ms == LOAD_NOT_GIVEN ? RAMP_EVERY_MS : every_ms;
	return settings->duration_ms == LOAD_NOT_GIVEN || settings->duration_ms >= every_ms ||
		refuse_pair(reading, &profile->root, "duration",
			"is over before a step of \"ramp\" is (its \"every\" says how long that "
			"takes)");
}

static bool read_ramp(struct profile *profile, struct member_reading *reading)
{
	const struct member_place outer = {.name = "ramp"};
	const struct member_place start = {.outer = &outer, .name = "start"};
	const struct member_place step = {.outer = &outer, .name = "step"};
	struct profile_ramp *ramp = &profile->ramp;

	ramp->every_ms = LOAD_NOT_GIVEN;
	if (!profile->settings.ramp.kind) {
		return true;
	}
	return member_read(reading, &outer, &profile->settings.ramp, ramp_members, ramp) &&
		read_rate(reading, &start, &ramp->start, ramp->start_rate) &&
		read_rate(reading, &step, &ramp->step, ramp->step_rate) &&
		check_step(profile, reading);
}

bool profile_settings_read(struct profile *profile, struct member_reading *reading)
{
	const struct member_place rate = {.name = "rate"};
	struct profile_settings *settings = &profile->settings;

	*settings = (struct profile_settings){
		.arrival = ARRIVAL_NOT_GIVEN,
		.duration_ms = LOAD_NOT_GIVEN,
		.timeout_ms = LOAD_NOT_GIVEN,
		.seed = SEED_NOT_GIVEN,
	};
	if (!member_read(reading, NULL, &profile->root, profile_members, settings) ||
		!check_pairs(profile, reading) ||
		!read_rate(reading, &rate, &settings->rate, profile->rate) ||
		!read_stages(profile, reading) || !read_ramp(profile, reading) ||
		!read_fail_on(profile, reading)) {
		return false;
	}
	(void)snprintf(
		profile->seed, sizeof(profile->seed), "%llu", (unsigned long long)settings->seed);
	(void)snprintf(profile->requests, sizeof(profile->requests), "%llu",
		(unsigned long long)settings->requests);
	return true;
}

static void words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		free((void *)(uintptr_t)words->word[i]);
	}
	words->count = 0;
}

void profile_settings_fini(struct profile *profile)
{
	member_free(profile_members, &profile->settings);
	member_free(ramp_members, &profile->ramp);
	words_free(&profile->stages);
	words_free(&profile->fail_on);
}

/* Each part that no option says. */
static void settle_ramp(const struct profile_ramp *ramp, struct load_config *config)
{
	config->ramp_start = config->ramp_start ? config->ramp_start : ramp->start_rate;
	if (!config->ramp_step && *ramp->step_rate) {
		config->ramp_step = ramp->step_rate;
	}
	if (config->ramp_every_ms == LOAD_NOT_GIVEN) {
		config->ramp_every_ms = ramp->every_ms;
	}
	config->ramp_while = config->ramp_while ? config->ramp_while : ramp->condition;
}

/* Closed or open: the options that say which say it whole. */
static void settle_amount(const struct profile *profile, struct load_config *config)
{
	const struct profile_settings *settings = &profile->settings;
	bool is_stepped = config->rate || config->stages.count;

	if (config->connections) {
		return;
	}
	if (!is_stepped && !config->ramp_start) {
		config->connections = (int)settings->connections;
		config->rate = *profile->rate ? profile->rate : NULL;
		config->stages = profile->stages;
	}
	if (!is_stepped && settings->ramp.kind) {
		settle_ramp(&profile->ramp, config);
	}
	if (!config->rate && !config->stages.count && !config->ramp_start) {
		return;
	}
	if (!config->max_in_flight) {
		config->max_in_flight = (int)settings->max_in_flight;
	}
	if (config->arrival == ARRIVAL_NOT_GIVEN) {
		config->arrival = settings->arrival;
	}
}

void profile_settle(const struct profile *profile, struct load_config *config)
{
	const struct profile_settings *settings = &profile->settings;
	/* A duration is not meant for a ramp that the profile does not know. */
	bool is_other_ramp = config->ramp_start && !settings->ramp.kind;

	settle_amount(profile, config);
	if (config->duration_ms == LOAD_NOT_GIVEN && !config->stages.count && !is_other_ramp) {
		config->duration_ms = settings->duration_ms;
	}
	if (config->timeout_ms == LOAD_NOT_GIVEN) {
		config->timeout_ms = settings->timeout_ms;
	}
	if (!config->requests && settings->requests) {
		config->requests = profile->requests;
	}
	if (!config->seed && settings->seed != SEED_NOT_GIVEN) {
		config->seed = profile->seed;
	}
	if (!config->fail_on.count) {
		config->fail_on = profile->fail_on;
	}
	config->fresh = config->fresh || settings->fresh;
	config->prewarm = config->prewarm || settings->prewarm;
	config->expect_restart = config->expect_restart || settings->expect_restart;
}
