/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of HTTP requests, WebSocket messages and JSON-RPC calls: rows of a template. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load/profile.h"
#include "load/template.h"

#define FIELD(field) .offset = offsetof(struct request, field)

/* What a scenario says. Those members that its kind has not are absent. */
struct request {
	struct profile_common common;
	bool sticky;
	char *method, *target;
	struct json_value headers, body, params, key, sizes;
};

#define PLACES                                                                                     \
	{.name = "key", .kind = MEMBER_OBJECT, FIELD(key)},                                        \
		{.name = "sizes", .kind = MEMBER_VALUE, FIELD(sizes)},                             \
	{                                                                                          \
		.name = "sticky", .kind = MEMBER_FLAG, FIELD(sticky)                               \
	}

static const struct member http_members[] = {
	PROFILE_COMMON(struct request),
	{.name = "method", .kind = MEMBER_TEXT, FIELD(method)},
	{.name = "target", .kind = MEMBER_TEXT, FIELD(target)},
	{.name = "headers", .kind = MEMBER_OBJECT, FIELD(headers)},
	{.name = "body", .kind = MEMBER_VALUE, FIELD(body)},
	PLACES,
	{.name = NULL},
};

static const struct member websocket_members[] = {
	PROFILE_COMMON(struct request),
	{.name = "message", .kind = MEMBER_VALUE, FIELD(body)},
	PLACES,
	{.name = NULL},
};

static const struct member jsonrpc_members[] = {
	PROFILE_COMMON(struct request),
	{.name = "method", .kind = MEMBER_TEXT, FIELD(method), .is_required = true},
	{.name = "params", .kind = MEMBER_VALUE, FIELD(params)},
	{.name = "target", .kind = MEMBER_TEXT, FIELD(target)},
	{.name = "headers", .kind = MEMBER_OBJECT, FIELD(headers)},
	PLACES,
	{.name = NULL},
};

static const struct {
	const struct member *members;
	const char *body; /* what the body is called */
} kinds[] = {
	[TEMPLATE_HTTP] = {http_members, "body"},
	[TEMPLATE_WEBSOCKET] = {websocket_members, "message"},
	[TEMPLATE_JSONRPC] = {jsonrpc_members, "body"},
};

/* A scenario on its way into the template. All functions return false after a refusal. */
struct reading {
	struct profile_scenario *scenario;
	struct member_reading *members;
	struct request request;
	struct template_scenario asked;
	uint32_t endpoints[PLAN_ENDPOINTS_MOST];
	struct buffer body;
	char *fields[TEMPLATE_FIELDS_MOST];
	struct template_size sizes[TEMPLATE_SIZES_MOST];
};

static bool read_endpoints(struct reading *reading)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = "endpoints"};
	const struct json_value *value = &reading->request.common.endpoints;

	reading->asked.endpoints = reading->endpoints;
	if (value->kind) {
		return profile_endpoints(reading->scenario, &place, value, reading->endpoints,
			       &reading->asked.endpoint_count) == 0;
	}
	for (size_t i = 0; i < reading->scenario->endpoint_count; i++) {
		reading->endpoints[i] = (uint32_t)i;
	}
	reading->asked.endpoint_count = reading->scenario->endpoint_count;
	return true;
}

static bool add_field(struct reading *reading, const struct member_place *outer,
	const struct json_value *name, const struct json_value *value)
{
	struct template_scenario *asked = &reading->asked;
	const char *text = reading->members->text;
	struct buffer field = {0};

	if (value->kind != JSON_STRING) {
		return member_refuse(
			reading->members, outer, value, "has a field whose value is no string");
	}
	if (asked->field_count == TEMPLATE_FIELDS_MOST) {
		return member_refuse(reading->members, outer, value, "has more than %d fields",
			TEMPLATE_FIELDS_MOST);
	}
	json_string_decode(&field, text, name);
	if (memchr(buffer_text(&field), ':', field.length)) {
		buffer_fini(&field);
		return member_refuse(
			reading->members, outer, name, "has a field with a colon in its name");
	}
	buffer_append(&field, ": ", 2);
	json_string_decode(&field, text, value);
	if (field.failed || memchr(field.data, '\0', field.length)) {
		reading->members->refusal->failed |= field.failed;
		buffer_fini(&field);
		return member_refuse(
			reading->members, outer, value, "has a field with a NUL in it");
	}
	reading->fields[asked->field_count++] = buffer_take(&field);
	return true;
}

static bool read_headers(struct reading *reading)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = "headers"};
	struct json_value name = {0}, value = {0};

	while (reading->request.headers.kind &&
		json_member_next(
			reading->members->text, &reading->request.headers, &name, &value)) {
		if (!add_field(reading, &place, &name, &value)) {
			return false;
		}
	}
	reading->asked.fields = (const char *const *)reading->fields;
	return true;
}

static bool read_body(struct reading *reading)
{
	const struct member_place place = {
		.outer = reading->scenario->place, .name = kinds[reading->asked.kind].body};
	const struct json_value *value = &reading->request.body;

	if (!value->kind) {
		return true;
	}
	if (value->kind != JSON_STRING) {
		return member_refuse_value(reading->members, &place, value, "a string");
	}
	json_string_decode(&reading->body, reading->members->text, value);
	reading->members->refusal->failed |= reading->body.failed;
	reading->asked.body = buffer_text(&reading->body);
	reading->asked.body_length = reading->body.length;
	return !reading->body.failed;
}

/* {"count": 1000, "distribution": "zipf", "exponent": 1.1} */
struct key {
	uint64_t count;
	unsigned distribution;
	double exponent;
};

static const char *const distributions[] = {
	[TEMPLATE_UNIFORM] = "uniform", [TEMPLATE_ZIPF] = "zipf", NULL};

static const struct member key_members[] = {
	{.name = "count",
		.kind = MEMBER_WHOLE,
		.offset = offsetof(struct key, count),
		.is_required = true,
		.least = 1,
		.most = TEMPLATE_KEYS_MOST},
	{.name = "distribution",
		.kind = MEMBER_CHOICE,
		.offset = offsetof(struct key, distribution),
		.choices = distributions},
	{.name = "exponent", .kind = MEMBER_NUMBER, .offset = offsetof(struct key, exponent)},
	{.name = NULL},
};

static bool read_key(struct reading *reading)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = "key"};
	const struct json_value *value = &reading->request.key;
	struct key key = {.exponent = 0};

	if (!value->kind) {
		return true;
	}
	if (!member_read(reading->members, &place, value, key_members, &key)) {
		return false;
	}
	if (key.exponent > 0 && key.distribution != TEMPLATE_ZIPF) {
		return member_refuse(reading->members, &place, value,
			"has an exponent without \"distribution\": \"zipf\"");
	}
	reading->asked.key = (struct template_key){.count = key.count,
		.distribution = (enum template_distribution)key.distribution,
		.exponent = key.exponent > 0 ? key.exponent : 1};
	return true;
}

/* {"bytes": "1k", "weight": 9} */
struct bucket {
	uint64_t bytes;
	double weight;
};

static const struct member bucket_members[] = {
	{.name = "bytes",
		.kind = MEMBER_SIZE,
		.offset = offsetof(struct bucket, bytes),
		.is_required = true,
		.most = TEMPLATE_SIZE_MOST},
	{.name = "weight",
		.kind = MEMBER_NUMBER,
		.offset = offsetof(struct bucket, weight),
		.is_required = true},
	{.name = NULL},
};

static bool add_bucket(
	struct reading *reading, const struct member_place *outer, const struct json_value *value)
{
	struct template_scenario *asked = &reading->asked;
	const struct member_place place = {.outer = outer, .index = asked->size_count};
	struct bucket bucket;

	if (asked->size_count == TEMPLATE_SIZES_MOST) {
		return member_refuse(reading->members, &place, value,
			"is one more than the %d there may be", TEMPLATE_SIZES_MOST);
	}
	if (!member_read(reading->members, &place, value, bucket_members, &bucket)) {
		return false;
	}
	reading->sizes[asked->size_count++] =
		(struct template_size){.bytes = bucket.bytes, .weight = bucket.weight};
	return true;
}

static bool read_one_size(struct reading *reading, const struct member_place *place)
{
	static const struct member size = {
		.kind = MEMBER_SIZE,
		.most = TEMPLATE_SIZE_MOST,
		.wants = "a size such as 4096 or \"64k\", up to 64M, or a list of {\"bytes\": "
			 "\"64k\", \"weight\": 1}",
	};
	uint64_t bytes;

	if (!member_value(reading->members, place, &reading->request.sizes, &size, &bytes)) {
		return false;
	}
	reading->sizes[0] = (struct template_size){.bytes = bytes, .weight = 1};
	reading->asked.size_count = 1;
	return true;
}

static bool read_sizes(struct reading *reading)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = "sizes"};
	const struct json_value *value = &reading->request.sizes;
	struct json_value element = {0};

	reading->asked.sizes = reading->sizes;
	if (!value->kind) {
		return true;
	}
	if (value->kind != JSON_ARRAY) {
		return read_one_size(reading, &place);
	}
	while (json_element_next(reading->members->text, value, &element)) {
		if (!add_bucket(reading, &place, &element)) {
			return false;
		}
	}
	return reading->asked.size_count ||
		member_refuse(reading->members, &place, value, "has no size");
}

/* What the template refuses, in the profile's words. */

/* What a member of the template is called here. */
static const char *name_of(const struct reading *reading, const char *member)
{
	if (!strcmp(member, "fields")) {
		return "headers";
	}
	return strcmp(member, "body") != 0 ? member : kinds[reading->asked.kind].body;
}

/* The part that is to blame, for its line. */
static void find_part(const struct reading *reading, const struct json_value *whole, size_t index,
	struct json_value *part)
{
	struct json_value found = {0}, name = {0};
	const char *text = reading->members->text;

	for (size_t i = 0; i <= index; i++) {
		if (!(whole->kind == JSON_ARRAY ? json_element_next(text, whole, &found)
						: json_member_next(text, whole, &name, &found))) {
			return;
		}
	}
	*part = found;
}

static void refuse(struct reading *reading, const struct template_refusal *refusal)
{
	const struct json_value *object = reading->scenario->object;
	const struct member_place whole = {
		.outer = reading->scenario->place, .name = name_of(reading, refusal->member)};
	struct member_place part = {.outer = &whole, .index = refusal->index};
	struct json_value value = *object;
	bool is_field = !strcmp(refusal->member, "fields");
	bool is_part;

	(void)member_find(reading->members, object, whole.name, &value);
	is_part = is_field || (!strcmp(refusal->member, "endpoints") && value.kind == JSON_ARRAY);
	if (is_part) {
		find_part(reading, &value, refusal->index, &value);
	}
	if (is_field) {
		*strchr(reading->fields[refusal->index], ':') = '\0';
		part.name = reading->fields[refusal->index];
	}
	member_refuse(reading->members, is_part ? &part : &whole, &value, "%s",
		buffer_text(&refusal->text));
}

/* The whole. */

static void ask(struct reading *reading, enum template_kind kind)
{
	const struct request *request = &reading->request;
	struct template_scenario *asked = &reading->asked;

	asked->kind = kind;
	asked->weight = request->common.weight;
	asked->has_places = true;
	asked->is_sticky = request->sticky;
	asked->method = request->method;
	asked->target = request->target;
	if (request->params.kind) {
		asked->params = reading->members->text + request->params.start;
		asked->params_length = request->params.length;
	}
}

static int add(struct reading *reading)
{
	struct plan *plan = reading->scenario->plan;
	struct template_refusal refusal;
	int error;

	if (!plan->shared) {
		plan->shared = template_new(plan->endpoints, plan->endpoint_count, plan->seed);
	}
	if (!plan->shared) {
		return -ENOMEM;
	}
	error = template_add(plan->shared, &reading->asked, &refusal);
	if (error == -EINVAL) {
		refuse(reading, &refusal);
	}
	buffer_fini(&refusal.text);
	return error;
}

static int read_all(struct reading *reading, enum template_kind kind)
{
	reading->request.common.weight = 1;
	if (!member_read(reading->members, reading->scenario->place, reading->scenario->object,
		    kinds[kind].members, &reading->request)) {
		return -EINVAL;
	}
	ask(reading, kind);
	if (!read_endpoints(reading) || !read_headers(reading) || !read_body(reading) ||
		!read_key(reading) || !read_sizes(reading)) {
		return -EINVAL;
	}
	return add(reading);
}

static int read_kind(struct profile_scenario *scenario, enum template_kind kind)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int error;

	if (!reading) {
		return -ENOMEM;
	}
	reading->scenario = scenario;
	reading->members = scenario->reading;
	error = read_all(reading, kind);
	if (scenario->reading->refusal->failed) {
		error = -ENOMEM;
	}
	member_free(kinds[kind].members, &reading->request);
	for (size_t i = 0; i < reading->asked.field_count; i++) {
		free(reading->fields[i]);
	}
	buffer_fini(&reading->body);
	free(reading);
	return error;
}

static int read_http(struct profile_scenario *scenario)
{
	return read_kind(scenario, TEMPLATE_HTTP);
}

static int read_websocket(struct profile_scenario *scenario)
{
	return read_kind(scenario, TEMPLATE_WEBSOCKET);
}

static int read_jsonrpc(struct profile_scenario *scenario)
{
	return read_kind(scenario, TEMPLATE_JSONRPC);
}

static int finish(struct plan *plan)
{
	return template_finish(plan->shared);
}

const struct profile_kind profile_http = {"http", &template_source_kind, read_http, finish};
const struct profile_kind profile_websocket = {
	"websocket", &template_source_kind, read_websocket, finish};
const struct profile_kind profile_jsonrpc = {
	"jsonrpc", &template_source_kind, read_jsonrpc, finish};
