/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios of a profile into a plan, whatever their kinds are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/profile_state.h"

const struct profile_kind *const profile_kinds[] = {
	&profile_http,
	&profile_websocket,
	&profile_jsonrpc,
	&profile_evm,
	NULL,
};

/* Whose a member is that stands in the wrong place. */

static bool has_member(const struct member *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0) {
		table++;
	}
	return table->name;
}

const char *profile_owner(const char *name)
{
	if (has_member(profile_members, name)) {
		return "";
	}
	for (size_t i = 0; profile_kinds[i]; i++) {
		if (has_member(profile_kinds[i]->members, name)) {
			return profile_kinds[i]->word;
		}
	}
	return NULL;
}

/* Endpoints. */

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->kind == b->kind && a->is_tls == b->is_tls && a->address.port == b->address.port &&
		a->address.is_unix == b->address.is_unix &&
		!strcmp(a->address.host, b->address.host) && !strcmp(a->host, b->host) &&
		!strcmp(a->target, b->target);
}

/* Returns the index of one that is the same, or of a new one; -1: there are too many. */
static int place_endpoint(struct plan *plan, struct endpoint *endpoint)
{
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		if (is_same(&plan->endpoints[i], endpoint)) {
			load_endpoint_fini(endpoint);
			return (int)i;
		}
	}
	if (plan->endpoint_count == PLAN_ENDPOINTS_MOST) {
		load_endpoint_fini(endpoint);
		return -1;
	}
	plan->endpoints[plan->endpoint_count] = *endpoint;
	return (int)plan->endpoint_count++;
}

/* Returns the index, or -1 after a refusal. */
static int read_endpoint(struct profile_scenario *scenario, const struct member_place *place,
	const struct json_value *value)
{
	char *url = member_text(scenario->reading, place, value);
	struct endpoint endpoint;
	const char *wrong;
	int index = -1;

	if (!url) {
		return -1;
	}
	wrong = load_endpoint_parse(url, &endpoint);
	if (wrong) {
		member_refuse(scenario->reading, place, value, "%s", wrong);
	} else {
		index = place_endpoint(scenario->plan, &endpoint);
		if (index < 0) {
			member_refuse(scenario->reading, place, value,
				"is one more than the %d there may be in all", PLAN_ENDPOINTS_MOST);
		}
	}
	free(url);
	return index;
}

static int refused(const struct member_reading *reading)
{
	return reading->refusal->failed ? -ENOMEM : -EINVAL;
}

static int read_endpoint_list(struct profile_scenario *scenario, const struct member_place *outer,
	const struct json_value *list, uint32_t indexes[PLAN_ENDPOINTS_MOST], size_t *count)
{
	struct json_value element = {0};

	*count = 0;
	while (json_element_next(scenario->reading->text, list, &element)) {
		const struct member_place place = {.outer = outer, .index = *count};
		int index;

		if (*count == PLAN_ENDPOINTS_MOST) {
			member_refuse(scenario->reading, &place, &element,
				"is one more than the %d there may be", PLAN_ENDPOINTS_MOST);
			return refused(scenario->reading);
		}
		index = read_endpoint(scenario, &place, &element);
		if (index < 0) {
			return refused(scenario->reading);
		}
		indexes[(*count)++] = (uint32_t)index;
	}
	if (!*count) {
		member_refuse(scenario->reading, outer, list, "is empty, where URLs belong");
		return refused(scenario->reading);
	}
	return 0;
}

int profile_endpoints(struct profile_scenario *scenario, const struct member_place *place,
	const struct json_value *value, uint32_t indexes[PLAN_ENDPOINTS_MOST], size_t *count)
{
	int index;

	if (value->kind == JSON_ARRAY) {
		return read_endpoint_list(scenario, place, value, indexes, count);
	}
	if (value->kind != JSON_STRING) {
		member_refuse_value(scenario->reading, place, value, "a URL or a list of them");
		return refused(scenario->reading);
	}
	index = read_endpoint(scenario, place, value);
	if (index < 0) {
		return refused(scenario->reading);
	}
	indexes[0] = (uint32_t)index;
	*count = 1;
	return 0;
}

/* Files. */

char *profile_file(const struct profile_scenario *scenario, const char *name)
{
	const char *slash = scenario->profile ? strrchr(scenario->profile, '/') : NULL;
	struct buffer path = {0};

	if (slash && *name != '/') {
		buffer_append(&path, scenario->profile, (size_t)(slash + 1 - scenario->profile));
	}
	buffer_append(&path, name, strlen(name) + 1);
	if (path.failed) {
		scenario->reading->refusal->failed = true;
		buffer_fini(&path);
		return NULL;
	}
	return buffer_take(&path);
}

/* Names and kinds. */

static int refuse_kind(struct profile_scenario *scenario, const struct member_place *place,
	const struct json_value *value)
{
	char words[200] = "one of";
	size_t length = strlen(words);

	for (size_t i = 0; profile_kinds[i] && length < sizeof(words); i++) {
		length += (size_t)snprintf(words + length, sizeof(words) - length, "%s \"%s\"",
			i ? "," : "", profile_kinds[i]->word);
	}
	if (value) {
		member_refuse_value(scenario->reading, place, value, words);
	} else {
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"lacks \"kind\", %s", words);
	}
	return refused(scenario->reading);
}

static const struct profile_kind *kind_of(
	const struct profile_scenario *scenario, const struct json_value *value)
{
	for (size_t i = 0; profile_kinds[i]; i++) {
		const char *word = profile_kinds[i]->word;

		if (json_string_equal(scenario->reading->text, value, word, strlen(word))) {
			return profile_kinds[i];
		}
	}
	return NULL;
}

static int find_kind(struct profile_scenario *scenario, const struct profile_kind **kind)
{
	const struct member_place place = {.outer = scenario->place, .name = "kind"};
	const struct profile_kind *found;
	struct json_value value;

	if (!member_find(scenario->reading, scenario->object, "kind", &value)) {
		return refuse_kind(scenario, &place, NULL);
	}
	found = kind_of(scenario, &value);
	if (!found) {
		return refuse_kind(scenario, &place, &value);
	}
	if (scenario->plan->kind && scenario->plan->kind != found->source) {
		member_refuse(scenario->reading, &place, &value,
			"is \"%s\", which cannot stand beside scenarios of another kind",
			found->word);
		return refused(scenario->reading);
	}
	*kind = found;
	return 0;
}

static bool check_name(struct profile *profile, struct profile_scenario *scenario,
	const struct member_place *place, const struct json_value *value, const char *name)
{
	size_t length = strlen(name);

	if (!length || length > PROFILE_NAME_MOST) {
		return member_refuse(scenario->reading, place, value,
			"is %s, where a name of up to %d bytes belongs",
			length ? "longer" : "empty", PROFILE_NAME_MOST);
	}
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			return member_refuse(
				scenario->reading, place, value, "has a control character in it");
		}
	}
	for (size_t i = 0; i < profile->name_count; i++) {
		if (!strcmp(profile->names[i], name)) {
			return member_refuse(scenario->reading, place, value,
				"is that of scenarios[%zu], too", i);
		}
	}
	return true;
}

static int read_name(struct profile *profile, struct profile_scenario *scenario)
{
	const struct member_place place = {.outer = scenario->place, .name = "name"};
	struct json_value value;
	char *name;

	if (!member_find(scenario->reading, scenario->object, "name", &value)) {
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"lacks \"name\", a string");
		return refused(scenario->reading);
	}
	name = member_text(scenario->reading, &place, &value);
	if (!name || !check_name(profile, scenario, &place, &value, name)) {
		free(name);
		return refused(scenario->reading);
	}
	profile->names[profile->name_count++] = name;
	return 0;
}

/* The whole. */

static int read_scenario(struct profile *profile, struct profile_scenario *scenario,
	const struct profile_kind **kind)
{
	struct json_value value;
	int error;

	if (scenario->index == TALLY_SCENARIOS_MOST) {
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"is one more than the %d there may be", TALLY_SCENARIOS_MOST);
		return refused(scenario->reading);
	}
	if (scenario->object->kind != JSON_OBJECT) {
		member_refuse_value(
			scenario->reading, scenario->place, scenario->object, "an object");
		return refused(scenario->reading);
	}
	error = find_kind(scenario, kind);
	error = error ? error : read_name(profile, scenario);
	if (error || !*kind) {
		return error;
	}
	if (!scenario->endpoint_count &&
		!member_find(scenario->reading, scenario->object, "endpoints", &value)) {
		member_refuse(scenario->reading, scenario->place, scenario->object,
			"lacks \"endpoints\", and there are none for all (give URLs here or "
			"there)");
		return refused(scenario->reading);
	}
	scenario->plan->kind = (*kind)->source;
	return (*kind)->read(scenario);
}

static int read_scenarios(struct profile *profile, const struct profile_scenario *common)
{
	const struct member_place outer = {.name = "scenarios"};
	const struct json_value *list = &profile->settings.scenarios;
	const struct profile_kind *kind = NULL;
	struct json_value element = {0};
	size_t index = 0;
	int error = 0;

	for (; !error && json_element_next(profile->text, list, &element); index++) {
		const struct member_place place = {.outer = &outer, .index = index};
		struct profile_scenario scenario = *common;

		scenario.place = &place;
		scenario.object = &element;
		scenario.index = index;
		error = read_scenario(profile, &scenario, &kind);
	}
	if (!index) {
		member_refuse(common->reading, &outer, list, "has no scenario");
		return refused(common->reading);
	}
	return !error && kind && kind->finish ? kind->finish(common->plan) : error;
}

/* Conditions. They are told as the profile has them; the plan reads them where no option wins. */

static bool check_condition(const struct profile *profile, struct member_reading *reading,
	const struct member_place *place, const struct json_value *value, const char *text)
{
	struct threshold threshold;
	struct buffer wrong = {0};
	bool fine =
		threshold_parse(&threshold, text, profile->names, profile->name_count, &wrong) == 0;

	if (!fine) {
		member_refuse(reading, place, value, "%s", buffer_text(&wrong));
		reading->refusal->failed = reading->refusal->failed || wrong.failed;
	}
	buffer_fini(&wrong);
	return fine;
}

static bool check_conditions(const struct profile *profile, struct member_reading *reading)
{
	const struct member_place fail_on = {.name = "fail_on"}, ramp = {.name = "ramp"};
	const struct member_place condition = {.outer = &ramp, .name = "while"};
	const struct profile_settings *settings = &profile->settings;
	struct json_value value = {0};

	for (size_t i = 0; i < profile->fail_on.count; i++) {
		const struct member_place place = {.outer = &fail_on, .index = i};

		(void)json_element_next(profile->text, &settings->fail_on, &value);
		if (!check_condition(profile, reading, &place, &value, profile->fail_on.word[i])) {
			return false;
		}
	}
	return !settings->ramp.kind ||
		(member_find(reading, &settings->ramp, "while", &value) &&
			check_condition(
				profile, reading, &condition, &value, profile->ramp.condition));
}

static int fill(struct profile *profile, struct plan *plan, struct member_reading *reading)
{
	const struct member_place place = {.name = "endpoints"};
	struct profile_scenario scenario = {
		.profile = profile->path, .plan = plan, .reading = reading};
	uint32_t indexes[PLAN_ENDPOINTS_MOST];
	size_t count;
	int error = 0;

	if (!plan->endpoint_count && profile->settings.endpoints.kind) {
		error = profile_endpoints(
			&scenario, &place, &profile->settings.endpoints, indexes, &count);
	}
	scenario.endpoint_count = plan->endpoint_count;
	error = error ? error : read_scenarios(profile, &scenario);
	if (!error && !check_conditions(profile, reading)) {
		error = refused(reading);
	}
	plan->scenarios = profile->names;
	plan->scenario_count = profile->name_count;
	return error;
}

int profile_fill(struct profile *profile, struct plan *plan, struct buffer *refusal)
{
	struct buffer wrong = {0};
	struct member_reading reading = {.text = profile->text,
		.length = profile->length,
		.refusal = &wrong,
		.owner = profile_owner};
	int error = fill(profile, plan, &reading);

	if (error) {
		if (error == -ENOMEM) {
			wrong.failed = true;
		}
		profile_refuse_memory(&wrong);
		buffer_appendf(refusal, "%.200s%s%s", profile->path ? profile->path : "",
			profile->path ? ": " : "", buffer_text(&wrong));
	}
	buffer_fini(&wrong);
	return error ? -EINVAL : 0;
}
