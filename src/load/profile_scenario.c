/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios of HTTP requests, WebSocket messages and JSON-RPC calls: rows of a template. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load/file.h"
#include "load/profile.h"
#include "load/profile_drawn.h"
#include "load/template.h"

#define FIELD(field) .offset = offsetof(struct request, field)

/* What a scenario says. Those members that its kind has not are absent. */
struct request {
	struct profile_common common;
	bool sticky, places;
	char *method, *target, *file;
	struct json_value headers, body, params, key, sizes;
};

#define PLACES                                                                                     \
	{.name = "key", .kind = MEMBER_OBJECT, FIELD(key)},                                        \
		{.name = "sizes", .kind = MEMBER_VALUE, FIELD(sizes)},                             \
		{.name = "places", .kind = MEMBER_FLAG, FIELD(places)},                            \
	{                                                                                          \
		.name = "sticky", .kind = MEMBER_FLAG, FIELD(sticky)                               \
	}

static const struct member http_members[] = {
	PROFILE_COMMON(struct request),
	{.name = "method", .kind = MEMBER_TEXT, FIELD(method)},
	{.name = "target", .kind = MEMBER_TEXT, FIELD(target)},
	{.name = "headers", .kind = MEMBER_OBJECT, FIELD(headers)},
	{.name = "body", .kind = MEMBER_VALUE, FIELD(body)},
	{.name = "body_file", .kind = MEMBER_TEXT, FIELD(file)},
	PLACES,
	{.name = NULL},
};

static const struct member websocket_members[] = {
	PROFILE_COMMON(struct request),
	{.name = "headers", .kind = MEMBER_OBJECT, FIELD(headers)},
	{.name = "message", .kind = MEMBER_VALUE, FIELD(body)},
	{.name = "message_file", .kind = MEMBER_TEXT, FIELD(file)},
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
	const char *file; /* and the file it is in */
} kinds[] = {
	[TEMPLATE_HTTP] = {http_members, "body", "body_file"},
	[TEMPLATE_WEBSOCKET] = {websocket_members, "message", "message_file"},
	[TEMPLATE_JSONRPC] = {jsonrpc_members, "body", "body_file"},
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
	size_t option_count; /* of them, the first ones, are of --header */
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

/* Returns the index of a field, or the count of all. Names are the same in any case. */
static size_t find_field(const struct reading *reading, const char *name, size_t length)
{
	size_t i = 0;

	while (i < reading->asked.field_count &&
		(strncasecmp(reading->fields[i], name, length) != 0 ||
			reading->fields[i][length] != ':')) {
		i++;
	}
	return i;
}

/* Takes over the field, of which value is, unless an option has one of its name. */
static bool place_field(struct reading *reading, const struct member_place *outer,
	const struct json_value *value, struct buffer *field)
{
	struct template_scenario *asked = &reading->asked;
	const char *text = buffer_text(field);
	size_t found = find_field(reading, text, strcspn(text, ":"));

	if (found < reading->option_count) {
		buffer_fini(field);
		return true;
	}
	if (found < asked->field_count || asked->field_count == TEMPLATE_FIELDS_MOST) {
		buffer_fini(field);
		return found < asked->field_count
			? member_refuse(reading->members, outer, value,
				  "has a field whose name comes twice")
			: member_refuse(reading->members, outer, value,
				  "has more than %d fields, those of --header among them",
				  TEMPLATE_FIELDS_MOST);
	}
	reading->fields[asked->field_count++] = buffer_take(field);
	return true;
}

static bool add_field(struct reading *reading, const struct member_place *outer,
	const struct json_value *name, const struct json_value *value)
{
	const char *text = reading->members->text;
	struct buffer field = {0};

	if (value->kind != JSON_STRING) {
		return member_refuse(
			reading->members, outer, value, "has a field whose value is no string");
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
	return place_field(reading, outer, value, &field);
}

/* Those of --header come first. There are fewer of them than there may be fields. */
static bool add_options(struct reading *reading)
{
	struct plan *plan = reading->scenario->plan;
	const struct words *headers = plan->headers;

	plan->has_taken_headers = true;
	for (size_t i = 0; headers && i < headers->count; i++) {
		char *field = strdup(headers->word[i]);

		if (!field) {
			reading->members->refusal->failed = true;
			return false;
		}
		reading->fields[reading->asked.field_count++] = field;
	}
	reading->option_count = reading->asked.field_count;
	return true;
}

static bool read_headers(struct reading *reading)
{
	const struct member_place place = {.outer = reading->scenario->place, .name = "headers"};
	struct json_value name = {0}, value = {0};

	if (!add_options(reading)) {
		return false;
	}
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

/* Read now, so that what is wrong with it is known before anything begins. */
static bool read_file(struct reading *reading)
{
	const struct member_place place = {
		.outer = reading->scenario->place, .name = kinds[reading->asked.kind].file};
	const struct json_value *object = reading->scenario->object;
	struct json_value value = *object;
	char *path = profile_file(reading->scenario, reading->request.file);
	int error = path ? file_read(path, TEMPLATE_BODY_MOST, &reading->body) : -ENOMEM;

	(void)member_find(reading->members, object, place.name, &value);
	if (error == -EFBIG) {
		member_refuse(reading->members, &place, &value, "is above 64M: %.400s", path);
	} else if (path && error) {
		member_refuse(reading->members, &place, &value, "cannot be read: %.400s: %s", path,
			strerror(-error));
	}
	free(path);
	reading->asked.body = buffer_text(&reading->body);
	reading->asked.body_length = reading->body.length;
	return !error;
}

static bool read_body(struct reading *reading)
{
	const struct member_place place = {
		.outer = reading->scenario->place, .name = kinds[reading->asked.kind].body};
	const struct json_value *value = &reading->request.body;

	if (!value->kind) {
		return !reading->request.file || read_file(reading);
	}
	if (reading->request.file) {
		return member_refuse(reading->members, &place, value,
			"cannot stand beside \"%s\" (give one of them)",
			kinds[reading->asked.kind].file);
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

static bool read_drawn(struct reading *reading)
{
	const struct member_place *place = reading->scenario->place;
	struct template_scenario *asked = &reading->asked;

	asked->sizes = reading->sizes;
	return profile_read_key(reading->members, place, &reading->request.key, &asked->key) &&
		profile_read_sizes(reading->members, place, &reading->request.sizes, reading->sizes,
			&asked->size_count);
}

/* What the template refuses, in the profile's words. */

/* What a member of the template is called here. */
static const char *name_of(const struct reading *reading, const char *member)
{
	if (strcmp(member, "body") != 0) {
		return member;
	}
	return reading->request.file ? kinds[reading->asked.kind].file
				     : kinds[reading->asked.kind].body;
}

/* A field's name is cut off from its value. */
static void refuse_field(struct reading *reading, const struct template_refusal *refusal)
{
	const char *text = buffer_text(&refusal->text);
	const struct member_place headers = {.outer = reading->scenario->place, .name = "headers"};
	struct member_place place = {.outer = &headers};
	struct json_value value = reading->request.headers;
	char *field = reading->fields[refusal->index];

	if (refusal->index < reading->option_count) {
		buffer_appendf(reading->members->refusal, "--header '%.80s' %s", field, text);
		return;
	}
	*strchr(field, ':') = '\0';
	place.name = field;
	(void)member_find(reading->members, &reading->request.headers, field, &value);
	member_refuse(reading->members, &place, &value, "%s", text);
}

static void refuse(struct reading *reading, const struct template_refusal *refusal)
{
	const struct json_value *object = reading->scenario->object;
	const struct member_place whole = {
		.outer = reading->scenario->place, .name = name_of(reading, refusal->member)};
	const struct member_place part = {.outer = &whole, .index = refusal->index};
	const char *text = reading->members->text;
	struct json_value value = *object, element = {0};
	bool is_part;

	(void)member_find(reading->members, object, whole.name, &value);
	is_part = !strcmp(refusal->member, "endpoints") && value.kind == JSON_ARRAY;
	for (size_t i = 0; is_part && i <= refusal->index; i++) {
		(void)json_element_next(text, &value, &element);
	}
	member_refuse(reading->members, is_part ? &part : &whole, is_part ? &element : &value, "%s",
		buffer_text(&refusal->text));
}

/* The whole. */

static void ask(struct reading *reading, enum template_kind kind)
{
	const struct request *request = &reading->request;
	struct template_scenario *asked = &reading->asked;

	asked->kind = kind;
	asked->weight = request->common.weight;
	asked->has_places = request->places;
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
	if (error == -EINVAL && !strcmp(refusal.member, "fields")) {
		refuse_field(reading, &refusal);
	} else if (error == -EINVAL) {
		refuse(reading, &refusal);
	}
	buffer_fini(&refusal.text);
	return error;
}

static int read_all(struct reading *reading, enum template_kind kind)
{
	reading->request.common.weight = 1;
	reading->request.places = true;
	if (!member_read(reading->members, reading->scenario->place, reading->scenario->object,
		    kinds[kind].members, &reading->request)) {
		return -EINVAL;
	}
	ask(reading, kind);
	if (!read_endpoints(reading) || !read_headers(reading) || !read_body(reading) ||
		!read_drawn(reading)) {
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

const struct profile_kind profile_http = {
	"http", http_members, &template_source_kind, read_http, finish};
const struct profile_kind profile_websocket = {
	"websocket", websocket_members, &template_source_kind, read_websocket, finish};
const struct profile_kind profile_jsonrpc = {
	"jsonrpc", jsonrpc_members, &template_source_kind, read_jsonrpc, finish};
