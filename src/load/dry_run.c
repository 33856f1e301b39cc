/* SPDX-License-Identifier: Apache-2.0 */
#include "load/dry_run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "load/channel.h"

static void write_url(struct buffer *out, const struct endpoint *endpoint, bool whole)
{
	const char *scheme = endpoint->kind == ENDPOINT_HTTP ? "http" : "ws";
	const char *socket = endpoint->address.is_unix ? "unix:" : "";

	buffer_appendf(out, "%s%s://%s%s%s", scheme, endpoint->is_tls ? "s" : "", socket,
		endpoint->address.is_unix ? endpoint->address.host : endpoint->host,
		whole && !endpoint->address.is_unix ? endpoint->target : "");
}

static void write_duration(struct buffer *out, const char *name, int64_t ms)
{
	if (ms == CURFEW_NEVER) {
		buffer_appendf(out, "%s: none\n", name);
	} else {
		buffer_appendf(out, "%s: %.9g s\n", name, (double)ms / 1e3);
	}
}

static void write_plan(struct buffer *out, const struct plan *plan)
{
	char text[160];

	plan_describe(plan, text, sizeof(text));
	buffer_appendf(out, "plan: %s\n", text);
	for (size_t i = 0; plan->stage_count > 1 && i < plan->stage_count; i++) {
		buffer_appendf(out, "stage: %.9g/s", plan->stages[i].rate);
		if (plan->stages[i].for_ns < INT64_MAX) {
			buffer_appendf(out, " for %.9g s", (double)plan->stages[i].for_ns / 1e9);
		}
		buffer_append_char(out, '\n');
	}
	if (plan->is_open) {
		buffer_appendf(out, "in flight: at most %d\n", plan->connections);
	}
	write_duration(out, "timeout", plan->timeout_ms);
	buffer_appendf(out, "seed: %" PRIu64 "\nthreads: %d\n", plan->seed, plan->threads);
	for (size_t i = 0; i < plan->endpoint_count; i++) {
		buffer_append_text(out, "endpoint: ");
		write_url(out, &plan->endpoints[i], true);
		buffer_append_char(out, '\n');
	}
	for (size_t i = 0; i < plan->scenario_count; i++) {
		buffer_appendf(out, "scenario: %s\n", plan->scenarios[i]);
	}
}

/* Returns how many bytes may be shown at once; 0: the first one may not. */
static size_t shown(const char *bytes, size_t length)
{
	bool whole = false;
	size_t count;

	if ((unsigned char)*bytes < 0x80) {
		return (*bytes >= ' ' && *bytes != 0x7f) || *bytes == '\n' || *bytes == '\t';
	}
	count = utf8_sequence(bytes, length, &whole);
	/* U+0080 to U+009F are control characters, too. */
	return whole && memcmp(bytes, "\xc2\xa0", 2) >= 0 ? count : 0;
}

/* The first ones, up to a character that begins at most so far. */
static void write_shown(struct buffer *out, const char *bytes, size_t length, size_t most)
{
	for (size_t at = 0; at < most;) {
		size_t count = shown(bytes + at, length - at);

		buffer_append(out, count ? bytes + at : "?", count ? count : 1);
		at += count ? count : 1;
	}
}

/* Without the CR of its lines. */
static void write_head(struct buffer *out, const char *head, size_t length)
{
	const char *end = head + length;

	while (head < end) {
		const char *cr = memchr(head, '\r', (size_t)(end - head));
		size_t part = (size_t)((cr ? cr : end) - head);

		write_shown(out, head, part, part);
		head += part + (cr ? 1 : 0);
	}
}

static void write_bytes(struct buffer *out, const char *bytes, size_t length)
{
	size_t most = length < DRY_RUN_BODY_MOST ? length : DRY_RUN_BODY_MOST;

	write_shown(out, bytes, length, most);
	if (most < length) {
		buffer_appendf(out, "... (%zu bytes)", length);
	}
	buffer_append_char(out, '\n');
}

static void write_request(
	struct buffer *out, const struct plan *plan, const struct load_request *request)
{
	const struct endpoint *endpoint = &plan->endpoints[request->endpoint];
	char framing[HTTP_CHANNEL_FRAMING];
	size_t length = 0;

	buffer_appendf(out, "\nrequest %" PRIu64 ": %s, to ", request->number,
		plan->scenarios[request->scenario]);
	write_url(out, endpoint, endpoint->kind == ENDPOINT_WEBSOCKET);
	buffer_append_char(out, '\n');
	if (endpoint->kind == ENDPOINT_HTTP) {
		length = http_channel_framing(framing, request, plan->fresh);
	} else {
		length = (size_t)snprintf(framing, sizeof(framing), "\r\n");
	}
	write_head(out, request->head, request->head_length);
	write_head(out, framing, length);
	if (request->body_length) {
		write_bytes(out, request->body, request->body_length);
	}
}

static int write_requests(
	struct buffer *out, const struct plan *plan, struct load_source *source, uint64_t count)
{
	struct buffer room = {0};
	int error = 0;

	for (uint64_t number = 0; !error && number < count; number++) {
		struct load_request request = {.number = number, .room = &room};

		room.length = 0;
		error = source->ops->next(source, &request);
		if (!error) {
			write_request(out, plan, &request);
		}
		if (!error && source->ops->over) {
			(void)source->ops->over(source, &request, NULL);
		}
	}
	buffer_fini(&room);
	return error < 0 ? error : 0;
}

static int make_requests(
	struct buffer *out, const struct plan *plan, struct worker *worker, uint64_t count)
{
	struct load_source *source = plan->kind->new (plan, worker, 0);
	int error;

	if (!source) {
		return -errno;
	}
	error = write_requests(out, plan, source, count);
	source->ops->free(source);
	return error;
}

int dry_run_write(struct buffer *out, const struct plan *plan, struct worker *worker)
{
	uint64_t count = plan->requests_most < UINT64_MAX ? plan->requests_most : DRY_RUN_REQUESTS;
	int error;

	count = count < DRY_RUN_REQUESTS_MOST ? count : DRY_RUN_REQUESTS_MOST;
	write_plan(out, plan);
	error = plan->kind->show ? plan->kind->show(plan->shared, out, count)
				 : make_requests(out, plan, worker, count);
	return error || !out->failed ? error : -ENOMEM;
}
