/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario's requests begin with, and why it is refused. */
#include <string.h>

#include "http/compose.h"
#include "http/octet.h"
#include "load/template_state.h"

bool template_refuse_at(struct making *making, const char *member, size_t index, const char *wrong)
{
	making->refusal->member = member;
	making->refusal->index = index;
	buffer_append_text(&making->refusal->text, wrong);
	return false;
}

bool template_refuse(struct making *making, const char *member, const char *wrong)
{
	return template_refuse_at(making, member, 0, wrong);
}

bool template_add_text(struct making *making, struct pattern *pattern, const char *text,
	size_t length, const char *member)
{
	if (!making->asked->has_places) {
		pattern_add(pattern, text, length);
		return true;
	}
	making->refusal->member = member;
	return pattern_read(pattern, text, length, &making->refusal->text);
}

static bool is_token(const char *text, size_t length)
{
	return length && http_octets_are(text, length, HTTP_OCTET_TOKEN);
}

static const char *method_of(const struct template_scenario *asked, bool has_body)
{
	if (asked->kind == TEMPLATE_JSONRPC) {
		return "POST";
	}
	return asked->method ? asked->method : has_body ? "POST" : "GET";
}

static bool check_method(struct making *making, const char *method)
{
	if (!is_token(method, strlen(method))) {
		return template_refuse(making, "method", "is no word of HTTP such as GET or POST");
	}
	return strcmp(method, "CONNECT") != 0 ||
		template_refuse(making, "method", "is CONNECT, which asks for a tunnel");
}

static bool check_target(struct making *making, const char *target)
{
	if (*target != '/') {
		return template_refuse(making, "target", "does not begin with a slash");
	}
	for (const char *at = target; *at; at++) {
		if (*at <= ' ' || *at >= 0x7f) {
			return template_refuse(making, "target",
				"has a byte that no URL has (write a space as %20)");
		}
		if (*at == '#') {
			return template_refuse(
				making, "target", "has a fragment (#), which is never sent");
		}
	}
	return strlen(target) <= TEMPLATE_TEXT_MOST ||
		template_refuse(making, "target", "is above 1M");
}

static bool is_field(const char *field, const char *name)
{
	size_t length = strlen(name);

	return strncasecmp(field, name, length) == 0 && field[length] == ':';
}

/* Fields that say how a message is framed or how long its connection lasts. */
static bool is_ours(const char *field)
{
#define NAME(name, text) text,
	static const char *const ours[] = {HTTP_KNOWN_FIELDS(NAME) "Trailer"};
#undef NAME

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (is_field(field, ours[i]) && strcmp(ours[i], "Host") != 0) {
			return true;
		}
	}
	return false;
}

static bool check_field(struct making *making, size_t index)
{
	const char *field = making->asked->fields[index];
	const char *colon = strchr(field, ':');

	if (!colon || !is_token(field, (size_t)(colon - field))) {
		return template_refuse_at(making, "fields", index,
			"is no header field such as \"Accept: text/plain\"");
	}
	for (const char *at = colon; *at; at++) {
		if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f) {
			return template_refuse_at(
				making, "fields", index, "has a control character in it");
		}
	}
	if (strlen(field) > TEMPLATE_TEXT_MOST) {
		return template_refuse_at(making, "fields", index, "is above 1M");
	}
	return !is_ours(field) ||
		template_refuse_at(making, "fields", index, "is one that curfew sets by itself");
}

/* Fields of a handshake that are its own besides (RFC 6455, 4.1). */
static bool is_of_handshake(const char *field)
{
	static const char *const ours[] = {"Sec-WebSocket-Key", "Sec-WebSocket-Version",
		"Sec-WebSocket-Accept", "Sec-WebSocket-Extensions"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (is_field(field, ours[i])) {
			return true;
		}
	}
	return false;
}

static bool has_field(const struct template_scenario *asked, const char *name)
{
	for (size_t i = 0; i < asked->field_count; i++) {
		if (is_field(asked->fields[i], name)) {
			return true;
		}
	}
	return false;
}

static bool add_fields(struct making *making, struct pattern *head)
{
	const struct template_scenario *asked = making->asked;

	for (size_t i = 0; i < asked->field_count; i++) {
		making->refusal->index = i;
		if (!check_field(making, i) ||
			!template_add_text(making, head, asked->fields[i], strlen(asked->fields[i]),
				"fields")) {
			return false;
		}
		pattern_add(head, "\r\n", 2);
	}
	making->refusal->index = 0;
	return true;
}

bool template_make_head(
	struct making *making, struct pattern *head, const struct endpoint *endpoint)
{
	const struct template_scenario *asked = making->asked;
	const char *method = method_of(asked, making->scenario->has_body);
	const char *target = asked->target ? asked->target : endpoint->target;

	if (!check_method(making, method) || !check_target(making, target)) {
		return false;
	}
	pattern_add(head, method, strlen(method));
	pattern_add(head, " ", 1);
	if (!template_add_text(making, head, target, strlen(target), "target")) {
		return false;
	}
	buffer_append_text(&head->text, " HTTP/1.1\r\n");
	if (!has_field(asked, "Host")) {
		http_compose_field(&head->text, "Host", endpoint->host);
	}
	if (asked->kind == TEMPLATE_JSONRPC && !has_field(asked, "Content-Type")) {
		http_compose_field(&head->text, "Content-Type", "application/json");
	}
	return add_fields(making, head);
}

/* A handshake is of no request in particular. */
static bool check_handshake_field(struct making *making, size_t index)
{
	const char *field = making->asked->fields[index];
	struct pattern pattern = {0};
	bool is_fixed;

	if (!check_field(making, index)) {
		return false;
	}
	if (is_of_handshake(field)) {
		return template_refuse_at(
			making, "fields", index, "is one that curfew sets by itself");
	}
	making->refusal->index = index;
	is_fixed = template_add_text(making, &pattern, field, strlen(field), "fields") &&
		(pattern_is_fixed(&pattern) ||
			template_refuse_at(making, "fields", index,
				"has a place, where a WebSocket's handshake is the same for all"));
	pattern_fini(&pattern);
	return is_fixed;
}

/* Lanes have one connection to an endpoint, whichever scenario opens it. */
static bool agrees(const struct making *making, const struct route *route)
{
	const struct template *template = making->template;

	for (size_t i = 0; i < template->scenario_count; i++) {
		const struct scenario *other = &template->scenarios[i];

		for (size_t j = 0; j < other->route_count; j++) {
			const struct buffer *text = &other->routes[j].head.text;

			if (other->routes[j].endpoint == route->endpoint &&
				(text->length != route->head.text.length ||
					memcmp(text->data, route->head.text.data, text->length) !=
						0)) {
				return false;
			}
		}
	}
	return true;
}

bool template_make_handshake(
	struct making *making, struct route *route, const struct endpoint *endpoint)
{
	const struct template_scenario *asked = making->asked;

	for (size_t i = 0; i < asked->field_count; i++) {
		if (!check_handshake_field(making, i)) {
			return false;
		}
	}
	making->refusal->index = 0;
	if (asked->kind == TEMPLATE_WEBSOCKET && asked->method) {
		return template_refuse(making, "method", "is nothing that a WebSocket has");
	}
	if (!has_field(asked, "Host")) {
		http_compose_field(&route->head.text, "Host", endpoint->host);
	}
	return add_fields(making, &route->head) &&
		(route->head.text.failed || agrees(making, route) ||
			template_refuse(making, "endpoints",
				"has another scenario, too, of other header fields: connections to "
				"a WebSocket are the same for all"));
}
