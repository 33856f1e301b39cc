/* SPDX-License-Identifier: Apache-2.0 */
#include "load/template.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/rpc.h"
#include "load/template_state.h"

/* Weights, keys and sizes. */

static bool is_weight(double weight)
{
	return isfinite(weight) && weight > 0;
}

static bool make_key(struct making *making)
{
	const struct template_key *key = &making->asked->key;

	if (key->count > TEMPLATE_KEYS_MOST) {
		return template_refuse(making, "key", "has more than 2^53 keys");
	}
	making->scenario->key = *key;
	if (key->count && key->distribution == TEMPLATE_ZIPF) {
		if (!is_weight(key->exponent)) {
			return template_refuse(
				making, "key", "has an exponent that is not above 0");
		}
		random_zipf_init(&making->scenario->zipf, key->count, key->exponent);
	}
	return true;
}

/* Returns 0, -ENOMEM, or -EINVAL after a refusal. */
static int make_sizes(struct making *making)
{
	const struct template_scenario *asked = making->asked;
	struct scenario *scenario = making->scenario;
	double weights[TEMPLATE_SIZES_MOST];

	if (!asked->size_count) {
		return 0;
	}
	if (asked->size_count > TEMPLATE_SIZES_MOST) {
		template_refuse(making, "sizes", "are more than 64");
		return -EINVAL;
	}
	scenario->sizes = calloc(asked->size_count, sizeof(*scenario->sizes));
	if (!scenario->sizes) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < asked->size_count; i++) {
		if (asked->sizes[i].bytes > TEMPLATE_SIZE_MOST ||
			!is_weight(asked->sizes[i].weight)) {
			template_refuse_at(
				making, "sizes", i, "is above 64M, or its weight is not above 0");
			return -EINVAL;
		}
		scenario->sizes[i] = asked->sizes[i].bytes;
		weights[i] = asked->sizes[i].weight;
	}
	scenario->size_count = asked->size_count;
	return random_choice_init(&scenario->size_choice, weights, asked->size_count);
}

/* Where it goes. */

static bool check_endpoint(struct making *making, size_t index, const struct endpoint *endpoint)
{
	bool is_websocket = endpoint->kind == ENDPOINT_WEBSOCKET;

	if (making->asked->kind == TEMPLATE_HTTP && is_websocket) {
		return template_refuse_at(making, "endpoints", index,
			"is a WebSocket, to which HTTP requests cannot go");
	}
	return making->asked->kind != TEMPLATE_WEBSOCKET || is_websocket ||
		template_refuse_at(making, "endpoints", index,
			"is no WebSocket (ws:// or wss://), to which messages could go");
}

static bool make_route(struct making *making, size_t index)
{
	const struct template_scenario *asked = making->asked;
	uint32_t number = asked->endpoint_count ? asked->endpoints[index] : (uint32_t)index;
	const struct endpoint *endpoint = &making->template->endpoints[number];
	struct route *route = &making->scenario->routes[index];

	route->endpoint = number;
	making->scenario->route_count = index + 1;
	if (!check_endpoint(making, index, endpoint)) {
		return false;
	}
	return endpoint->kind == ENDPOINT_WEBSOCKET
		? template_make_handshake(making, route, endpoint)
		: template_make_head(making, &route->head, endpoint);
}

/* Returns 0, -ENOMEM, or -EINVAL after a refusal. */
static int make_routes(struct making *making)
{
	const struct template_scenario *asked = making->asked;
	size_t count =
		asked->endpoint_count ? asked->endpoint_count : making->template->endpoint_count;

	if (!count || count > PLAN_ENDPOINTS_MOST) {
		template_refuse(making, "endpoints", "are none, or more than 64");
		return -EINVAL;
	}
	making->scenario->routes = calloc(count, sizeof(struct route));
	if (!making->scenario->routes) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		if (!make_route(making, i)) {
			return -EINVAL;
		}
		if (pattern_failed(&making->scenario->routes[i].head)) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* The body, or the message. */

static bool is_bodiless(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") || !strcmp(method, "DELETE") ||
		!strcmp(method, "OPTIONS") || !strcmp(method, "TRACE");
}

static bool make_call(struct making *making)
{
	const struct template_scenario *asked = making->asked;

	if (!asked->method || !*asked->method) {
		return template_refuse(making, "method", "is missing");
	}
	if (asked->body) {
		return template_refuse(making, "body", "is made of method and parameters here");
	}
	making->scenario->has_body = true;
	making->refusal->member = "params";
	return rpc_compose(&making->scenario->body, asked->method, asked->params,
		asked->params_length, asked->has_places, &making->refusal->text);
}

static bool make_body(struct making *making)
{
	const struct template_scenario *asked = making->asked;
	struct scenario *scenario = making->scenario;

	if (asked->body_length > TEMPLATE_BODY_MOST || asked->params_length > TEMPLATE_BODY_MOST) {
		return template_refuse(making, asked->body ? "body" : "params", "is above 64M");
	}
	if (asked->kind == TEMPLATE_JSONRPC) {
		return make_call(making);
	}
	scenario->body_is_fill = !asked->body && asked->size_count;
	if (asked->kind == TEMPLATE_WEBSOCKET && !asked->body && !asked->size_count) {
		return template_refuse(making, "body", "is missing: the message");
	}
	scenario->has_body = asked->body || scenario->body_is_fill ||
		(asked->method && !is_bodiless(asked->method));
	return !asked->body ||
		template_add_text(making, &scenario->body, asked->body, asked->body_length, "body");
}

/* The whole. */

static bool has_place(const struct scenario *scenario, enum pattern_place place)
{
	for (size_t i = 0; i < scenario->route_count; i++) {
		if (pattern_has(&scenario->routes[i].head, place)) {
			return true;
		}
	}
	return pattern_has(&scenario->body, place);
}

/* What is asked for is there, and what is there is used. */
static bool check_places(struct making *making)
{
	const struct scenario *scenario = making->scenario;
	bool has_key = scenario->key.count;
	bool shows_key = has_place(scenario, PATTERN_KEY) || making->asked->is_sticky;
	bool shows_fill = has_place(scenario, PATTERN_FILL) || scenario->body_is_fill;

	if (shows_key && !has_key) {
		return template_refuse(
			making, "key", "is missing: it is used, in ${key} or for stickiness");
	}
	if (has_key && !shows_key) {
		return template_refuse(making, "key",
			"is used nowhere: there is no ${key}, and the scenario is not sticky");
	}
	if (shows_fill && !scenario->size_count) {
		return template_refuse(making, "sizes", "are missing: they are used, in ${fill}");
	}
	return shows_fill || !scenario->size_count ||
		template_refuse(making, "sizes", "are used nowhere: there is no ${fill}");
}

static bool is_drawn(const struct scenario *scenario)
{
	return scenario->key.count || scenario->size_count || has_place(scenario, PATTERN_RANDOM) ||
		has_place(scenario, PATTERN_HEX);
}

/* Returns 0, -ENOMEM, or -EINVAL after a refusal. */
static int make(struct making *making)
{
	const struct template_scenario *asked = making->asked;
	struct scenario *scenario = making->scenario;
	int error;

	scenario->kind = asked->kind;
	scenario->weight = asked->weight;
	scenario->is_sticky = asked->is_sticky;
	scenario->is_head =
		asked->kind == TEMPLATE_HTTP && asked->method && !strcmp(asked->method, "HEAD");
	if (!is_weight(asked->weight)) {
		template_refuse(making, "weight", "is not above 0");
		return -EINVAL;
	}
	if (asked->field_count > TEMPLATE_FIELDS_MOST) {
		template_refuse(making, "fields", "are more than 64");
		return -EINVAL;
	}
	if (!make_key(making)) {
		return -EINVAL;
	}
	error = make_sizes(making);
	if (error) {
		return error;
	}
	if (!make_body(making)) {
		return -EINVAL;
	}
	error = make_routes(making);
	if (error) {
		return error;
	}
	if (pattern_failed(&scenario->body)) {
		return -ENOMEM;
	}
	if (!check_places(making)) {
		return -EINVAL;
	}
	scenario->is_drawn = is_drawn(scenario);
	return 0;
}

static void scenario_fini(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->route_count; i++) {
		pattern_fini(&scenario->routes[i].head);
	}
	free(scenario->routes);
	pattern_fini(&scenario->body);
	free(scenario->sizes);
	random_choice_fini(&scenario->size_choice);
	*scenario = (struct scenario){0};
}

int template_add(struct template *template, const struct template_scenario *asked,
	struct template_refusal *refusal)
{
	struct scenario *scenario = &template->scenarios[template->scenario_count];
	struct making making = {scenario, template, asked, refusal};
	int error;

	*refusal = (struct template_refusal){0};
	if (template->scenario_count == TEMPLATE_SCENARIOS_MOST) {
		template_refuse(
			&making, "weight", "is of one scenario more than the 32 there may be");
		return -EINVAL;
	}
	error = make(&making);
	if (refusal->text.failed) {
		error = -ENOMEM;
	}
	if (error) {
		scenario_fini(scenario);
		return error;
	}
	template->scenario_count++;
	template->judges = template->judges || scenario->kind == TEMPLATE_JSONRPC;
	for (size_t i = 0; i < scenario->size_count; i++) {
		template->fill_most = scenario->sizes[i] > template->fill_most
			? scenario->sizes[i]
			: template->fill_most;
	}
	return 0;
}

struct template *template_new(
	const struct endpoint *endpoints, size_t endpoint_count, uint64_t seed)
{
	struct template *template = calloc(1, sizeof(*template));

	if (template) {
		template->endpoints = endpoints;
		template->endpoint_count = endpoint_count;
		template->seed = seed;
	}
	return template;
}

/* The block, of a stream of its own. */
static int make_fill(struct template *template)
{
	static const char letters[64] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = template->fill_most + FILL_BEGINS;
	struct random random;
	uint64_t bits = 0;

	template->fill = malloc(length);
	if (!template->fill) {
		return -ENOMEM;
	}
	random_init(&random, template->seed, UINT64_MAX);
	for (size_t i = 0; i < length; i++) {
		bits = i % 10 ? bits >> 6 : random_bits(&random);
		template->fill[i] = letters[bits & 63];
	}
	return 0;
}

int template_finish(struct template *template)
{
	double weights[TEMPLATE_SCENARIOS_MOST];
	bool has_sizes = false;
	int error = 0;

	for (size_t i = 0; i < template->scenario_count; i++) {
		weights[i] = template->scenarios[i].weight;
		has_sizes = has_sizes || template->scenarios[i].size_count;
	}
	if (template->scenario_count > 1) {
		error = random_choice_init(&template->choice, weights, template->scenario_count);
	}
	return !error && has_sizes ? make_fill(template) : error;
}

void template_free(struct template *template)
{
	if (!template) {
		return;
	}
	for (size_t i = 0; i < template->scenario_count; i++) {
		scenario_fini(&template->scenarios[i]);
	}
	random_choice_fini(&template->choice);
	free(template->fill);
	free(template);
}
