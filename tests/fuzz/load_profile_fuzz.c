/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a profile: it is refused with one sentence, or requests can be made of it, which are
 * the same when they are made again; the bodies of calls are JSON.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/profile.h"
#include "load/template.h"
#include "json/reader.h"

#define REQUESTS 8

static void plan_end(struct plan *plan)
{
	if (plan->kind && plan->shared) {
		plan->kind->free_shared(plan->shared);
	}
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		load_endpoint_fini(&plan->endpoints[i]);
	}
}

static void check_refusal(const struct buffer *refusal)
{
	const char *text = buffer_text(refusal);

	assert(refusal->length > 0 && strlen(text) == refusal->length);
	assert(strncmp(text, "line ", 5) == 0);
	for (; *text; text++) {
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
	}
}

static bool is_json(const char *text, size_t length)
{
	struct json_reader reader = {0};

	return json_read(&reader, text, length) == JSON_OK;
}

static void check_request(const struct plan *plan, const struct load_request *request)
{
	bool is_message = plan->endpoints[request->endpoint].kind == ENDPOINT_WEBSOCKET;
	const char *head = request->head;
	size_t lines = 0;

	assert(request->endpoint < plan->endpoint_count);
	assert(request->scenario < plan->scenario_count);
	assert(!request->keeps_answer || is_json(request->body, request->body_length));
	assert(request->body || !is_message);
	/* Lines that end with CRLF, none of them empty. */
	for (size_t at = 0; at < request->head_length; lines++) {
		const char *end = memchr(head + at, '\r', request->head_length - at);

		assert(end && end > head + at && end[1] == '\n');
		at = (size_t)(end + 2 - head);
	}
	assert(lines >= (is_message ? 1 : 2)); /* a request line, and Host */
}

static void check_requests(const struct plan *plan)
{
	struct load_source *source = plan->kind->new (plan, NULL, 0);
	struct buffer room = {0}, again = {0};

	assert(source);
	for (uint64_t number = 0; number < REQUESTS; number++) {
		struct load_request one = {.number = number, .room = &room};
		struct load_request other = {.number = number, .room = &again};

		room.length = again.length = 0;
		if (source->ops->next(source, &one) < 0 || source->ops->next(source, &other) < 0) {
			break;
		}
		check_request(plan, &one);
		assert(one.endpoint == other.endpoint && one.head_length == other.head_length &&
			one.body_length == other.body_length && !one.body == !other.body);
		assert(!one.head_length || !memcmp(one.head, other.head, one.head_length));
		assert(!one.body_length || !memcmp(one.body, other.body, one.body_length));
	}
	buffer_fini(&room);
	buffer_fini(&again);
	source->ops->free(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct load_config config = {.arrival = (unsigned)LOAD_NOT_GIVEN,
		.duration_ms = LOAD_NOT_GIVEN,
		.timeout_ms = LOAD_NOT_GIVEN,
		.ramp_every_ms = LOAD_NOT_GIVEN};
	struct plan *plan = calloc(1, sizeof(*plan));
	struct buffer refusal = {0};
	struct profile *profile;

	assert(plan);
	if (memmem(data, size, "evm-transfer", 12) || memmem(data, size, "_file", 5)) {
		free(plan);
		return 0; /* it may name files */
	}
	profile = profile_read((const char *)data, size, &refusal);
	if (profile) {
		profile_settle(profile, &config);
		if (profile_fill(profile, plan, &refusal) == 0 &&
			plan->kind == &template_source_kind) {
			check_requests(plan);
		}
	}
	if (refusal.length) {
		check_refusal(&refusal);
	}
	plan_end(plan);
	profile_free(profile);
	buffer_fini(&refusal);
	free(plan);
	return 0;
}
