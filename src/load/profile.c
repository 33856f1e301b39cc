/* SPDX-License-Identifier: Apache-2.0 */
/* The file, and what it says of the run; load/profile_fill.c reads the scenarios. */
#include "load/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "load/profile_state.h"
#include "json/reader.h"

#define FIELD(field) .offset = offsetof(struct profile_settings, field)

#define MILLION 1000000
#define ARRIVAL_NOT_GIVEN ((unsigned)LOAD_NOT_GIVEN)
#define SEED_NOT_GIVEN UINT64_MAX

static const char *const arrivals[] = {"constant", "poisson", NULL};

static const struct member members[] = {
	{.name = "description", .kind = MEMBER_TEXT, FIELD(description)},
	{.name = "endpoints", .kind = MEMBER_VALUE, FIELD(endpoints)},
	{.name = "connections",
		.kind = MEMBER_WHOLE,
		FIELD(connections),
		.least = 1,
		.most = MILLION},
	{.name = "rate", .kind = MEMBER_VALUE, FIELD(rate)},
	{.name = "stages", .kind = MEMBER_LIST, FIELD(stages)},
	{.name = "arrival", .kind = MEMBER_CHOICE, FIELD(arrival), .choices = arrivals},
	{.name = "max_in_flight",
		.kind = MEMBER_WHOLE,
		FIELD(max_in_flight),
		.least = 1,
		.most = MILLION},
	{.name = "fresh", .kind = MEMBER_FLAG, FIELD(fresh)},
	{.name = "duration", .kind = MEMBER_DURATION, FIELD(duration_ms), .least = 1},
	{.name = "requests", .kind = MEMBER_WHOLE, FIELD(requests), .least = 1, .most = INT64_MAX},
	{.name = "timeout", .kind = MEMBER_DURATION, FIELD(timeout_ms), .least = 1},
	{.name = "seed", .kind = MEMBER_WHOLE, FIELD(seed), .most = INT64_MAX},
	{.name = "scenarios", .kind = MEMBER_LIST, FIELD(scenarios), .is_required = true},
	{.name = NULL},
};

/* Refuses a member that does not go with another one. */
static bool refuse_pair(struct member_reading *reading, const struct json_value *root,
	const char *name, const char *wrong)
{
	const struct member_place place = {.name = name};
	struct json_value value;

	return member_find(reading, root, name, &value) &&
		member_refuse(reading, &place, &value, "%s", wrong);
}

/* What curfew load says of such options, too. */
static bool check_pairs(struct profile *profile, struct member_reading *reading)
{
	const struct profile_settings *settings = &profile->settings;
	const struct json_value *root = &profile->root;
	bool is_open = settings->rate.kind || settings->stages.kind;

	if (settings->rate.kind && settings->stages.kind) {
		return refuse_pair(reading, root, "rate",
			"cannot stand beside \"stages\", which have rates of their own");
	}
	if (is_open && settings->connections) {
		return refuse_pair(reading, root, "connections",
			"is for a run without \"rate\" and \"stages\" (beside them "
			"\"max_in_flight\" is the bound)");
	}
	if (settings->stages.kind && settings->duration_ms != LOAD_NOT_GIVEN) {
		return refuse_pair(reading, root, "duration",
			"cannot stand beside \"stages\", which have durations of their own");
	}
	if (!is_open && settings->max_in_flight) {
		return refuse_pair(reading, root, "max_in_flight",
			"needs \"rate\" or \"stages\" (without them \"connections\" is the bound)");
	}
	return is_open || settings->arrival == ARRIVAL_NOT_GIVEN ||
		refuse_pair(reading, root, "arrival", "needs \"rate\" or \"stages\"");
}

/* 5000, "5000/s", "300/m" */
static bool read_rate(struct profile *profile, struct member_reading *reading)
{
	static const char wants[] = "a rate such as 5000 or \"5000/s\"";
	const struct member_place place = {.name = "rate"};
	const struct json_value *value = &profile->settings.rate;
	struct schedule_stage stage;
	char text[sizeof(profile->rate) + sizeof(":1s")];

	if (!value->kind) {
		return true;
	}
	if (value->kind == JSON_STRING && value->length - 2 < sizeof(profile->rate)) {
		(void)snprintf(profile->rate, sizeof(profile->rate), "%.*s",
			(int)(value->length - 2), reading->text + value->start + 1);
	} else if (value->kind == JSON_NUMBER && value->length + 2 < sizeof(profile->rate)) {
		(void)snprintf(profile->rate, sizeof(profile->rate), "%.*s/s", (int)value->length,
			reading->text + value->start);
	} else {
		return member_refuse_value(reading, &place, value, wants);
	}
	(void)snprintf(text, sizeof(text), "%s:1s", profile->rate);
	return (!schedule_stage_parse(text, &stage) && stage.rate > 0) ||
		member_refuse_value(reading, &place, value, wants);
}

static bool add_stage(
	struct profile *profile, struct member_reading *reading, const struct json_value *value)
{
	const struct member_place stages = {.name = "stages"};
	const struct member_place place = {.outer = &stages, .index = profile->stages.count};
	struct schedule_stage stage;
	const char *wrong;
	char *text;

	if (profile->is_endless) {
		return member_refuse(reading, &place, value, "stands behind one without an end");
	}
	text = member_text(reading, &place, value);
	if (!text) {
		return false;
	}
	if (!words_add(&profile->stages, text)) {
		free(text);
		return member_refuse(
			reading, &place, value, "is one more than the %d there may be", WORDS_MOST);
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

static bool read_settings(struct profile *profile, struct member_reading *reading)
{
	struct profile_settings *settings = &profile->settings;

	*settings = (struct profile_settings){
		.arrival = ARRIVAL_NOT_GIVEN,
		.duration_ms = LOAD_NOT_GIVEN,
		.timeout_ms = LOAD_NOT_GIVEN,
		.seed = SEED_NOT_GIVEN,
	};
	if (!member_read(reading, NULL, &profile->root, members, settings) ||
		!check_pairs(profile, reading) || !read_rate(profile, reading) ||
		!read_stages(profile, reading)) {
		return false;
	}
	(void)snprintf(
		profile->seed, sizeof(profile->seed), "%llu", (unsigned long long)settings->seed);
	(void)snprintf(profile->requests, sizeof(profile->requests), "%llu",
		(unsigned long long)settings->requests);
	return true;
}

static bool parse(struct profile *profile, struct buffer *refusal)
{
	struct json_reader reader = {.length_most = PROFILE_MOST};
	struct member_reading reading = {
		.text = profile->text, .length = profile->length, .refusal = refusal};

	if (json_read(&reader, profile->text, profile->length) != JSON_OK) {
		const struct json_value at = {.start = reader.offset};

		return member_refuse(
			&reading, NULL, &at, "is no JSON: %s", json_error_text(reader.error));
	}
	profile->root = reader.root;
	return read_settings(profile, &reading);
}

/* Takes over the text. */
static struct profile *make(char *text, size_t length, struct buffer *refusal)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (!profile) {
		free(text);
		buffer_append_text(refusal, profile_no_memory);
		return NULL;
	}
	profile->text = text;
	profile->length = length;
	if (parse(profile, refusal)) {
		return profile;
	}
	profile_refuse_memory(refusal);
	profile_free(profile);
	return NULL;
}

const char profile_no_memory[] = "it cannot be read: out of memory";

void profile_refuse_memory(struct buffer *refusal)
{
	if (refusal->failed) {
		buffer_fini(refusal);
		buffer_append_text(refusal, profile_no_memory);
	}
}

struct profile *profile_read(const char *text, size_t length, struct buffer *refusal)
{
	struct buffer copy = {0};

	buffer_append(&copy, text, length);
	buffer_append_char(&copy, '\0');
	if (copy.failed) {
		buffer_fini(&copy);
		buffer_append_text(refusal, profile_no_memory);
		return NULL;
	}
	return make(buffer_take(&copy), length, refusal);
}

/* Returns 0 or a negative errno; -EFBIG above PROFILE_MOST. */
static int read_file(const char *path, struct buffer *content)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	if (fd < 0) {
		return -errno;
	}
	while (got && content->length <= PROFILE_MOST) {
		char *room = buffer_reserve(content, 65536);

		got = room ? read(fd, room, 65536) : -1;
		if (!room || (got < 0 && errno != EINTR)) {
			int error = room ? -errno : -ENOMEM;

			(void)close(fd);
			return error;
		}
		if (got > 0) {
			buffer_commit(content, (size_t)got);
		}
	}
	(void)close(fd);
	return content->length > PROFILE_MOST ? -EFBIG : 0;
}

struct profile *profile_load(const char *path, struct buffer *refusal)
{
	struct buffer content = {0}, wrong = {0};
	struct profile *profile = NULL;
	int error = read_file(path, &content);

	if (error == -EFBIG) {
		buffer_appendf(refusal, "%.200s: it is larger than 16M", path);
	} else if (error) {
		buffer_appendf(refusal, "%.200s: it cannot be read: %s", path, strerror(-error));
	} else {
		profile = profile_read(buffer_text(&content), content.length, &wrong);
	}
	if (!error && !profile) {
		buffer_appendf(refusal, "%.200s: %s", path, buffer_text(&wrong));
	}
	if (profile) {
		profile->path = path;
	}
	buffer_fini(&content);
	buffer_fini(&wrong);
	return profile;
}

void profile_free(struct profile *profile)
{
	if (!profile) {
		return;
	}
	member_free(members, &profile->settings);
	for (size_t i = 0; i < profile->stages.count; i++) {
		free((void *)(uintptr_t)profile->stages.word[i]);
	}
	for (size_t i = 0; i < profile->name_count; i++) {
		free((void *)(uintptr_t)profile->names[i]);
	}
	free(profile->text);
	free(profile);
}

/* Closed or open: the options that say which say it whole. */
static void settle_amount(const struct profile *profile, struct load_config *config)
{
	const struct profile_settings *settings = &profile->settings;
	bool is_open = config->rate || config->stages.count || config->ramp_start;

	if (config->connections) {
		return;
	}
	if (!is_open) {
		config->connections = (int)settings->connections;
		config->rate = *profile->rate ? profile->rate : NULL;
		config->stages = profile->stages;
		is_open = config->rate || config->stages.count;
	}
	if (is_open && !config->max_in_flight) {
		config->max_in_flight = (int)settings->max_in_flight;
	}
	if (is_open && config->arrival == ARRIVAL_NOT_GIVEN) {
		config->arrival = settings->arrival;
	}
}

void profile_settle(const struct profile *profile, struct load_config *config)
{
	const struct profile_settings *settings = &profile->settings;

	settle_amount(profile, config);
	if (config->duration_ms == LOAD_NOT_GIVEN && !config->stages.count && !config->ramp_start) {
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
	config->fresh = config->fresh || settings->fresh;
}
