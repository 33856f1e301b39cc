/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/forward.h"

#include <string.h>

#include "http/compose.h"

#define VIA "curfew" /* a pseudonym: the address is nobody's business (RFC 9110, 7.6.3) */

/* What proxies say about those in front of them. */
static const char *const told_by_proxies[] = {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-IP", NULL};
/* Of these, what we write anew, with what was there in front. */
static const char *const appended[] = {"Forwarded", "X-Forwarded-For", NULL};

static void append_text(struct buffer *out, struct http_text text)
{
	buffer_append(out, text.bytes, text.length);
}

/* What the trusted proxy said, joined to one list, a comma behind it. */
static void append_list(struct buffer *out, const struct http_head *head, const char *name)
{
	const struct http_field *field = NULL;

	while ((field = http_head_find(head, name, field))) {
		append_text(out, http_head_text(head, field->value));
		buffer_append_text(out, ", ");
	}
}

static bool has(const struct http_head *head, const char *name)
{
	return http_head_find(head, name, NULL);
}

/* A Host that would need an escape in a quoted string is left out. */
static bool is_quotable(struct http_text host)
{
	return host.length && !memchr(host.bytes, '"', host.length) &&
		!memchr(host.bytes, '\\', host.length);
}

static void add_forwarded(struct buffer *out, const struct http_connection *client,
	const char *peer, const char *proto)
{
	const struct http_head *head = &client->parser.head;
	const struct http_field *host = http_head_find(head, "Host", NULL);
	bool is_ipv6 = strchr(peer, ':');

	buffer_append_text(out, is_ipv6 ? "for=\"[" : "for=");
	buffer_append_text(out, peer);
	buffer_append_text(out, is_ipv6 ? "]\";proto=" : ";proto=");
	buffer_append_text(out, proto);
	if (host && is_quotable(http_head_text(head, host->value))) {
		buffer_append_text(out, ";host=\"");
		append_text(out, http_head_text(head, host->value));
		buffer_append_char(out, '"');
	}
}

/* Where the request comes from. A peer without an address (a unix socket) is "unknown". */
static void add_origin(struct buffer *out, struct http_connection *client, bool trusted)
{
	const struct http_head *head = &client->parser.head;
	const char *proto = client->server->scheme;
	const char *peer = http_peer(client);

	peer = strcmp(peer, "unix") == 0 ? "unknown" : peer;
	buffer_append_text(out, "X-Forwarded-For: ");
	if (trusted) {
		append_list(out, head, "X-Forwarded-For");
	}
	buffer_append_text(out, peer);
	buffer_append_text(out, "\r\nForwarded: ");
	if (trusted) {
		append_list(out, head, "Forwarded");
	}
	add_forwarded(out, client, peer, proto);
	buffer_append_text(out, "\r\n");
	if (!trusted || !has(head, "X-Forwarded-Proto")) {
		http_compose_field(out, "X-Forwarded-Proto", proto);
	}
}

static void append_upgrade(struct buffer *out, const struct http_head *head)
{
	buffer_append_text(out, "Connection: upgrade\r\nUpgrade: ");
	append_text(out, http_head_text(head, http_head_find(head, "Upgrade", NULL)->value));
	buffer_append_text(out, "\r\n");
}

static bool is_listed(struct http_text name, const char *const *names)
{
	char first = (char)(name.bytes[0] | 0x20);

	if (first != 'f' && first != 'x') {
		return false; /* which spares nearly all comparisons */
	}
	for (; *names; names++) {
		if (http_text_equal(name, *names)) {
			return true;
		}
	}
	return false;
}

/* A length that is not zero is written by who frames the body. */
static bool is_framing(const struct http_head *head, const struct http_field *field)
{
	return field->known == HTTP_FIELD_CONTENT_LENGTH && head->framing != HTTP_FRAMING_NONE;
}

static void append_fields(
	struct buffer *out, const struct http_head *head, const char *const *dropped)
{
	for (uint16_t i = 0; i < head->count; i++) {
		const struct http_field *field = &head->fields[i];

		if (!field->hop && !is_framing(head, field) &&
			!is_listed(http_head_text(head, field->name), dropped)) {
			http_compose_copy(out, head, field);
		}
	}
}

void forward_request(const struct gate *gate, struct http_connection *client, struct buffer *out)
{
	const struct http_head *head = &client->parser.head;
	bool trusted = http_trusted_is(&gate->trusted, client);

	http_compose_passed_request(out, head);
	append_fields(out, head, trusted ? appended : told_by_proxies);
	add_origin(out, client, trusted);
	buffer_append_text(out, head->minor ? "Via: 1.1 " VIA "\r\n" : "Via: 1.0 " VIA "\r\n");
	if (head->upgrade) {
		append_upgrade(out, head);
	}
}

void forward_response(const struct http_head *head, struct buffer *out, bool *has_date)
{
	*has_date = has(head, "Date");
	for (uint16_t i = 0; i < head->count; i++) {
		if (!head->fields[i].hop && !is_framing(head, &head->fields[i])) {
			http_compose_copy(out, head, &head->fields[i]);
		}
	}
	buffer_append_text(out, head->minor ? "Via: 1.1 " VIA "\r\n" : "Via: 1.0 " VIA "\r\n");
	if (head->status == 101) {
		buffer_append_text(out, "Upgrade: ");
		append_text(
			out, http_head_text(head, http_head_find(head, "Upgrade", NULL)->value));
		buffer_append_text(out, "\r\n");
	}
}

void forward_interim(const struct http_head *head, struct buffer *out)
{
	http_compose_passed(out, head, NULL);
}
