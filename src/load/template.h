/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weighted requests: what the command line asks for (one scenario), and the scenarios of a profile.
 * A template is filled before the threads start, and only read from then on; each worker has a
 * source that makes requests of it.
 *
 * Which scenario the number-th request is of, and what stands in its places, is drawn from
 * random_init(&random, seed, number), in this order: the scenario (where there are several), its
 * key, its size, and then what each place needs, in target, header fields and body or parameters.
 * What has no places is composed once for each endpoint and borrowed by the requests.
 *
 * Places, in texts of scenarios that have them (load/pattern.h is their grammar):
 *
 *	${number}	the request's number in the run, from 0
 *	${key}		the request's key: the same in all its places
 *	${random:100}	a number below 100; ${random:10-20}: from 10 to 20; each place its own
 *	${hex:40}	so many hexadecimal digits
 *	${fill}		so many letters, digits, - and _ as the size that was drawn
 *
 * A scenario with endpoints of its own takes those; its requests go to them in turn (number modulo
 * their count), or the same key always to the same one.
 */
#ifndef LOAD_TEMPLATE_H
#define LOAD_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "load/plan.h"
#include "load/source.h"

#define TEMPLATE_SCENARIOS_MOST TALLY_SCENARIOS_MOST
#define TEMPLATE_FIELDS_MOST 64                /* header fields of a scenario */
#define TEMPLATE_TEXT_MOST (1 << 20)           /* bytes of a target, or a header field */
#define TEMPLATE_BODY_MOST (64 << 20)          /* bytes of a body, a message or parameters */
#define TEMPLATE_SIZES_MOST 64                 /* buckets of sizes */
#define TEMPLATE_SIZE_MOST (64 << 20)          /* bytes of a size */
#define TEMPLATE_KEYS_MOST (UINT64_C(1) << 53) /* keys that can be told apart as doubles */

enum template_kind {
	TEMPLATE_HTTP,      /* to http:// and https:// */
	TEMPLATE_WEBSOCKET, /* a text message, to ws:// and wss://; its answer is the next one */
	TEMPLATE_JSONRPC,   /* a call: POST, or a message, as the endpoint is */
};

enum template_distribution { TEMPLATE_UNIFORM, TEMPLATE_ZIPF };

/* So many keys, from 0; of Zipf's distribution 0 is the most frequent one. */
struct template_key {
	uint64_t count; /* 0: the scenario has no key */
	enum template_distribution distribution;
	double exponent; /* of Zipf's */
};

struct template_size {
	size_t bytes;
	double weight;
};

/* What a scenario is made of; all of it is copied. Zero is what the comments say. */
struct template_scenario {
	enum template_kind kind;
	double weight; /* above 0 */
	bool has_places;
	/* The endpoints it takes; count 0: all that template_new was given. */
	const uint32_t *endpoints;
	size_t endpoint_count;
	bool is_sticky; /* by key */

	const char *method;        /* HTTP; NULL: GET, or POST with a body. JSON-RPC: the call's */
	const char *target;        /* HTTP, JSON-RPC; NULL: the endpoint's own */
	const char *const *fields; /* "Name: value" each; to a WebSocket: of its handshake */
	size_t field_count;
	const char *body; /* or the message; NULL: none, or the fill where there are sizes */
	size_t body_length;
	const char *params; /* JSON-RPC: a JSON text of an array or object; NULL: none */
	size_t params_length;
	struct template_key key;
	const struct template_size *sizes;
	size_t size_count;
};

/* What is wrong with a scenario. */
struct template_refusal {
	const char *member; /* "target", as the field above is called; static */
	size_t index;       /* which one of fields, sizes or endpoints */
	struct buffer text; /* one sentence without the member: "it does not begin with /" */
};

struct template;

/* endpoints are borrowed and stay. NULL with errno ENOMEM. */
struct template *template_new(
	const struct endpoint *endpoints, size_t endpoint_count, uint64_t seed);

/*
 * Adds a scenario: its index is the count of those before. Returns 0; -EINVAL with a refusal, which
 * is zeroed before and whose text is the caller's to free; or -ENOMEM.
 */
int template_add(struct template *template, const struct template_scenario *scenario,
	struct template_refusal *refusal);

/* When all are added, once: what is drawn from. Returns 0 or -ENOMEM. */
int template_finish(struct template *template);

/* NULL is fine. */
void template_free(struct template *template);

/* A source of one worker: it has no state, and neither prepares nor ends. NULL with ENOMEM. */
struct load_source *template_source_new(const struct template *template);

/* The row of a plan whose `shared` is a template. */
extern const struct source_kind template_source_kind;

#endif
