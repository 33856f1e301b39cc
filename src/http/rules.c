/* SPDX-License-Identifier: Apache-2.0 */
#include "http/rules.h"

#include <string.h>
#include <strings.h>

#include "http/octet.h"

#define VERSION_LENGTH 8 /* HTTP/1.1 */

/* What the fields say about body and connection, gathered in one pass. */
struct findings {
	const struct http_field *host;
	bool has_coding, is_chunked;
	bool close, keep_alive, upgrade_option, upgrade_field;
	bool hops;  /* a field is for the next hop only */
	bool named; /* Connection lists what may make another field one of those */
	unsigned options;
};

static struct http_range range_of(const struct http_head *head, const char *start, const char *end)
{
	return (struct http_range){
		(uint16_t)(start - head->text.data),
		(uint16_t)(end - start),
	};
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_token(struct http_text text)
{
	return text.length && http_octets_are(text.bytes, text.length, HTTP_OCTET_TOKEN);
}

static enum http_error version_read(struct http_head *head, const char *at)
{
	if (memcmp(at, "HTTP/", 5) != 0 || !is_digit(at[5]) || at[6] != '.' || !is_digit(at[7])) {
		return HTTP_BAD_START_LINE;
	}
	if (at[5] != '1' || at[7] > '1') {
		return HTTP_BAD_VERSION;
	}
	head->minor = (uint8_t)(at[7] - '0');
	return HTTP_OK;
}

/* Exactly one space between method, target and version. */
enum http_error http_rules_request_line(struct http_head *head)
{
	const char *start = head->text.data;
	const char *end = memchr(start, '\r', head->text.length);
	const char *first = end ? memchr(start, ' ', (size_t)(end - start)) : NULL;
	const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
	enum http_error error;

	if (!second || end - second - 1 != VERSION_LENGTH) {
		return HTTP_BAD_START_LINE;
	}
	error = version_read(head, second + 1);
	if (error) {
		return error;
	}
	head->method = range_of(head, start, first);
	head->target = range_of(head, first + 1, second);
	if (!is_token(http_head_text(head, head->method)) || !head->target.length) {
		return HTTP_BAD_START_LINE;
	}
	return head->target.length > HTTP_TARGET_MOST ? HTTP_TARGET_TOO_LONG : HTTP_OK;
}

/* "HTTP/1.1 200 OK"; the space behind the status may be missing where there is no reason. */
enum http_error http_rules_status_line(struct http_head *head)
{
	const char *at = head->text.data;
	const char *end = memchr(at, '\r', head->text.length);
	enum http_error error;

	if (!end || end - at < VERSION_LENGTH + 4) {
		return HTTP_BAD_START_LINE;
	}
	error = version_read(head, at);
	at += VERSION_LENGTH;
	if (error) {
		return error;
	}
	if (*at++ != ' ' || *at < '1' || *at > '5' || !is_digit(at[1]) || !is_digit(at[2])) {
		return HTTP_BAD_START_LINE;
	}
	head->status = (uint16_t)((at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0'));
	at += 3;
	if (at < end && *at++ != ' ') {
		return HTTP_BAD_START_LINE;
	}
	head->reason = range_of(head, at, end);
	for (; at < end; at++) {
		if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f) {
			return HTTP_BAD_START_LINE;
		}
	}
	return HTTP_OK;
}

static enum http_error length_read(struct http_head *head, struct http_text value)
{
	uint64_t length = 0;

	if (head->has_length) {
		return HTTP_REPEATED_LENGTH;
	}
	if (!value.length || value.length > 18) { /* so that it fits in 63 bits */
		return HTTP_BAD_LENGTH;
	}
	for (size_t i = 0; i < value.length; i++) {
		if (!is_digit(value.bytes[i])) {
			return HTTP_BAD_LENGTH;
		}
		length = length * 10 + (uint64_t)(value.bytes[i] - '0');
	}
	head->has_length = true;
	head->content_length = length;
	return HTTP_OK;
}

/* One field that says "chunked" and nothing else. */
static enum http_error coding_read(struct findings *found, struct http_text value)
{
	struct http_text coding = {0};
	bool all_tokens = true;

	if (found->has_coding) {
		return HTTP_BAD_CODING;
	}
	found->has_coding = true;
	found->is_chunked = http_text_equal(value, "chunked");
	if (found->is_chunked) {
		return HTTP_OK;
	}
	for (struct http_text list = value; http_list_next(&list, &coding);) {
		all_tokens = all_tokens && is_token(coding);
		if (list.length && http_text_equal(coding, "chunked")) {
			return HTTP_BAD_CODING;
		}
	}
	return all_tokens && coding.length && !http_text_equal(value, "identity")
		? HTTP_UNKNOWN_CODING
		: HTTP_BAD_CODING;
}

static enum http_error options_read(struct findings *found, struct http_text list)
{
	struct http_text option;

	while (http_list_next(&list, &option)) {
		if (++found->options > HTTP_OPTIONS_MOST) {
			return HTTP_TOO_MANY_OPTIONS;
		}
		if (http_text_equal(option, "keep-alive")) {
			found->keep_alive = true;
		} else if (http_text_equal(option, "upgrade")) {
			found->upgrade_option = true;
		} else {
			found->close = found->close || http_text_equal(option, "close");
			found->named = true;
		}
	}
	return HTTP_OK;
}

static enum http_error field_read(
	struct http_head *head, struct findings *found, const struct http_field *field)
{
	struct http_text value = http_head_text(head, field->value);

	found->hops = found->hops || http_field_is_hop(field);
	switch (field->known) {
	case HTTP_FIELD_HOST:
		if (found->host) {
			return HTTP_REPEATED_HOST;
		}
		found->host = field;
		return HTTP_OK;
	case HTTP_FIELD_CONTENT_LENGTH:
		return length_read(head, value);
	case HTTP_FIELD_TRANSFER_ENCODING:
		return coding_read(found, value);
	case HTTP_FIELD_CONNECTION:
		return options_read(found, value);
	case HTTP_FIELD_UPGRADE:
		found->upgrade_field = value.length > 0;
		return HTTP_OK;
	case HTTP_FIELD_EXPECT:
		head->expects_continue = http_text_equal(value, "100-continue");
		return head->status || head->expects_continue ? HTTP_OK : HTTP_UNKNOWN_EXPECTATION;
	default:
		return HTTP_OK;
	}
}

static enum http_error fields_read(struct http_head *head, struct findings *found)
{
	for (uint16_t i = 0; i < head->count; i++) {
		enum http_error error = field_read(head, found, &head->fields[i]);

		if (error) {
			return error;
		}
	}
	if (found->has_coding && head->has_length) {
		return HTTP_LENGTH_AND_CODING;
	}
	if (found->has_coding && head->minor == 0) {
		return HTTP_EARLY_CODING;
	}
	head->keep_alive = !found->close && (head->minor == 1 || found->keep_alive);
	if (found->hops) {
		http_head_mark_hops(head, found->named);
	}
	return HTTP_OK;
}

/* A name, an address or nothing, and a port. */
static bool is_host(struct http_text host)
{
	return http_octets_are(host.bytes, host.length, HTTP_OCTET_HOST);
}

static enum http_error absolute_read(struct http_head *head, struct http_text target)
{
	const char *end = target.bytes + target.length, *authority, *path;

	authority = memchr(target.bytes, ':', target.length);
	if (!authority || end - authority < 4 || memcmp(authority, "://", 3) != 0) {
		return HTTP_BAD_TARGET;
	}
	if (!http_text_equal(
		    (struct http_text){target.bytes, (size_t)(authority - target.bytes)}, "http") &&
		!http_text_equal(
			(struct http_text){target.bytes, (size_t)(authority - target.bytes)},
			"https")) {
		return HTTP_BAD_TARGET;
	}
	authority += 3;
	for (path = authority; path < end && *path != '/' && *path != '?'; path++) {}
	head->form = HTTP_TARGET_ABSOLUTE;
	head->authority = range_of(head, authority, path);
	head->path = range_of(head, path, end);
	return path > authority && is_host(http_head_text(head, head->authority)) ? HTTP_OK
										  : HTTP_BAD_TARGET;
}

static enum http_error target_read(struct http_head *head)
{
	struct http_text target = http_head_text(head, head->target);

	if (http_head_says(head, head->method, "CONNECT")) {
		return HTTP_UNKNOWN_METHOD; /* we are nobody's forward proxy */
	}
	if (memchr(target.bytes, '#', target.length)) {
		return HTTP_BAD_TARGET;
	}
	head->path = head->target;
	if (target.bytes[0] == '/') {
		return HTTP_OK;
	}
	if (http_head_says(head, head->target, "*")) {
		head->form = HTTP_TARGET_ASTERISK;
		return http_head_says(head, head->method, "OPTIONS") ? HTTP_OK : HTTP_BAD_TARGET;
	}
	return absolute_read(head, target);
}

/* An absolute target names the host a second time: the two must agree. */
static enum http_error host_check(const struct http_head *head, const struct http_field *field)
{
	struct http_text host, authority;

	if (!field) {
		return head->minor == 0 ? HTTP_OK : HTTP_NO_HOST;
	}
	host = http_head_text(head, field->value);
	if (!is_host(host)) {
		return HTTP_BAD_HOST;
	}
	authority = http_head_text(head, head->authority);
	if (head->form == HTTP_TARGET_ABSOLUTE &&
		(authority.length != host.length ||
			strncasecmp(authority.bytes, host.bytes, host.length) != 0)) {
		return HTTP_OTHER_HOST;
	}
	return HTTP_OK;
}

enum http_error http_rules_request(struct http_head *head)
{
	struct findings found = {0};
	enum http_error error = target_read(head);

	if (!error) {
		error = fields_read(head, &found);
	}
	if (!error) {
		error = host_check(head, found.host);
	}
	if (error) {
		return error;
	}
	head->framing = found.is_chunked   ? HTTP_FRAMING_CHUNKED
		: head->content_length > 0 ? HTTP_FRAMING_LENGTH
					   : HTTP_FRAMING_NONE;
	/* One with a body is read to its end as HTTP, and what it asks for is passed over. */
	head->upgrade = head->minor == 1 && found.upgrade_option && found.upgrade_field &&
		head->framing == HTTP_FRAMING_NONE;
	head->expects_continue =
		head->expects_continue && head->minor == 1 && head->framing != HTTP_FRAMING_NONE;
	return HTTP_OK;
}

/* These have no body whatever their fields say; fields that announce one are a lie. */
static enum http_error bodiless(const struct http_head *head, const struct findings *found)
{
	bool may_announce = head->status == 304;

	return !may_announce && (found->has_coding || head->content_length > 0)
		? HTTP_BODY_FORBIDDEN
		: HTTP_OK;
}

enum http_error http_rules_response(struct http_head *head, const struct http_asked *asked)
{
	struct findings found = {0};
	enum http_error error = fields_read(head, &found);

	if (error) {
		return error;
	}
	if (head->status == 101) {
		head->upgrade = found.upgrade_option && found.upgrade_field && head->minor == 1;
		if (!asked->upgrade || !head->upgrade) {
			return HTTP_UNASKED_UPGRADE;
		}
	}
	if (head->status < 200 || head->status == 204 || head->status == 304) {
		return bodiless(head, &found);
	}
	if (asked->head) {
		return HTTP_OK;
	}
	if (found.is_chunked) {
		head->framing = HTTP_FRAMING_CHUNKED;
	} else if (!head->has_length) {
		head->framing = HTTP_FRAMING_CLOSE;
		head->keep_alive = false;
	} else if (head->content_length > 0) {
		head->framing = HTTP_FRAMING_LENGTH;
	}
	return HTTP_OK;
}

/* What frames or routes a message must stand in front of it (RFC 9110, 6.5.1). */
enum http_error http_rules_trailers(const struct http_head *head)
{
	for (uint16_t i = 0; i < head->trailers; i++) {
		if (head->fields[head->count + i].known) {
			return HTTP_BAD_TRAILER;
		}
	}
	return HTTP_OK;
}
