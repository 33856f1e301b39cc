/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For template.c and template_head.c, which fill it, and template_source.c, which makes requests of
 * it.
 */
#ifndef LOAD_TEMPLATE_STATE_H
#define LOAD_TEMPLATE_STATE_H

#include "load/pattern.h"
#include "load/random.h"
#include "load/template.h"

/*
 * A request's fill is a part of a block that all share: so many bytes from one of the first
 * FILL_BEGINS on.
 */
#define FILL_BEGINS 4096

/* What a scenario's requests to one endpoint are. */
struct route {
	uint32_t endpoint;
	struct pattern head; /* of a WebSocket: the fields of its handshake */
};

struct scenario {
	double weight;
	enum template_kind kind;
	bool is_head;
	bool is_sticky;
	bool has_body; /* it may be empty */
	bool body_is_fill;
	bool is_drawn; /* something of it needs random numbers */
	struct route *routes;
	size_t route_count;
	struct pattern body;
	struct template_key key;
	struct random_zipf zipf;
	size_t *sizes;
	size_t size_count;
	struct random_choice size_choice;
};

struct template
{
	const struct endpoint *endpoints;
	size_t endpoint_count;
	uint64_t seed;
	struct scenario scenarios[TEMPLATE_SCENARIOS_MOST];
	size_t scenario_count;
	struct random_choice choice; /* of scenarios, where there are several */
	bool judges;                 /* some answers are read */
	char *fill;                  /* NULL: no scenario has sizes */
	size_t fill_most;
};

/* What a scenario is being made of. */
struct making {
	struct scenario *scenario;
	const struct template *template;
	const struct template_scenario *asked;
	struct template_refusal *refusal;
};

/* Both return false. */
bool template_refuse(struct making *making, const char *member, const char *wrong);
bool template_refuse_at(struct making *making, const char *member, size_t index, const char *wrong);

/* Appends a text of the scenario, with its places if it has such. Returns false after a refusal. */
bool template_add_text(struct making *making, struct pattern *pattern, const char *text,
	size_t length, const char *member);

/* Makes request line and header fields for one endpoint. Returns false after a refusal. */
bool template_make_head(
	struct making *making, struct pattern *head, const struct endpoint *endpoint);

/* The same of the header fields of a handshake, which is the same for all scenarios. */
bool template_make_handshake(
	struct making *making, struct route *route, const struct endpoint *endpoint);

#endif
