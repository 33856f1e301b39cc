/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/list.h"
#include "load/rpc.h"
#include "load/template_state.h"

struct template_source {
	struct load_source source;
	const struct template *template;
};

static const struct template *template_of(struct load_source *source)
{
	return container_of(source, struct template_source, source)->template;
}

/* Neighbouring keys are spread, whatever step there is between those in use (Knuth, 6.4). */
static size_t sticky_route(const struct scenario *scenario, uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15 >> 32) % scenario->route_count;
}

static uint64_t draw_key(const struct scenario *scenario, struct random *random)
{
	return scenario->key.distribution == TEMPLATE_ZIPF
		? random_zipf_draw(random, &scenario->zipf)
		: random_below(random, scenario->key.count);
}

/* What a request has in its places, in the order that template.h promises. */
static void draw(const struct template *template, const struct scenario *scenario,
	struct pattern_values *values)
{
	if (scenario->key.count) {
		values->key = draw_key(scenario, values->random);
	}
	if (scenario->size_count) {
		values->fill_length =
			scenario->sizes[random_choose(values->random, &scenario->size_choice)];
		values->fill = template->fill + random_below(values->random, FILL_BEGINS);
	}
}

/* Composes what differs behind each other in the room, and lets the request borrow the rest. */
static int compose(struct load_request *request, const struct scenario *scenario,
	const struct route *route, const struct pattern_values *values)
{
	bool fixed_head = pattern_is_fixed(&route->head);
	bool fixed_body = scenario->body_is_fill || pattern_is_fixed(&scenario->body);
	size_t at = 0;

	request->head = buffer_text(&route->head.text);
	request->head_length = route->head.text.length;
	request->body = scenario->body_is_fill ? values->fill
		: scenario->has_body           ? buffer_text(&scenario->body.text)
					       : NULL;
	request->body_length =
		scenario->body_is_fill ? values->fill_length : scenario->body.text.length;
	if (fixed_head && fixed_body) {
		return 0;
	}
	if (!fixed_head) {
		pattern_write(request->room, &route->head, values);
		at = request->room->length;
	}
	if (!fixed_body) {
		pattern_write(request->room, &scenario->body, values);
	}
	if (request->room->failed) {
		return -ENOMEM;
	}
	if (!fixed_head) {
		request->head = request->room->data;
		request->head_length = at;
	}
	if (!fixed_body) {
		request->body = request->room->data + at;
		request->body_length = request->room->length - at;
	}
	return 0;
}

static int next(struct load_source *source, struct load_request *request)
{
	const struct template *template = template_of(source);
	const struct scenario *scenario = template->scenarios;
	const struct route *route;
	struct random random;
	struct pattern_values values = {.number = request->number, .random = &random};

	if (template->scenario_count > 1 || scenario->is_drawn) {
		random_init(&random, template->seed, request->number);
	}
	if (template->scenario_count > 1) {
		scenario += random_choose(&random, &template->choice);
	}
	draw(template, scenario, &values);
	route = &scenario->routes[scenario->is_sticky ? sticky_route(scenario, values.key)
						      : request->number % scenario->route_count];
	request->endpoint = route->endpoint;
	request->scenario = (uint32_t)(scenario - template->scenarios);
	request->is_head = scenario->is_head;
	request->keeps_answer = scenario->kind == TEMPLATE_JSONRPC;
	return compose(request, scenario, route, &values);
}

static enum load_outcome over(struct load_source *source, const struct load_request *request,
	const struct load_answer *answer)
{
	(void)source;
	if (!answer) {
		return LOAD_OK; /* it was dropped */
	}
	if (!request->keeps_answer || answer->outcome != LOAD_OK) {
		return answer->outcome;
	}
	return rpc_judge(request->number, answer->body, answer->length);
}

static void source_free(struct load_source *source)
{
	free(container_of(source, struct template_source, source));
}

static void stop(struct load_source *source)
{
	(void)source; /* nothing waits */
}

struct load_source *template_source_new(const struct template *template)
{
	static const struct source_ops plain = {.next = next, .stop = stop, .free = source_free};
	static const struct source_ops judging = {
		.next = next, .over = over, .stop = stop, .free = source_free};
	struct template_source *made = calloc(1, sizeof(*made));

	if (!made) {
		return NULL;
	}
	made->source.ops = template->judges ? &judging : &plain;
	made->template = template;
	return &made->source;
}

static struct load_source *new_of_plan(const struct plan *plan, struct worker *worker, int thread)
{
	(void)worker;
	(void)thread;
	return template_source_new(plan->shared);
}

static void free_shared(void *shared)
{
	template_free(shared);
}

const struct source_kind template_source_kind = {
	.new = new_of_plan,
	.free_shared = free_shared,
};
