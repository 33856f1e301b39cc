/* SPDX-License-Identifier: Apache-2.0 */
#include "http/trusted.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define FORWARDED_FOR "X-Forwarded-For"

const char *http_trusted_read(
	struct http_trusted *trusted, const struct words *words, char item[ADDRESS_TEXT])
{
	struct words_walk walk = {0};

	while (words_next(words, &walk, item, ADDRESS_TEXT)) {
		const char *wrong = trusted->count == HTTP_TRUSTED_MOST
			? "is one too many"
			: address_range_parse(item, &trusted->ranges[trusted->count]);

		if (wrong) {
			return wrong;
		}
		trusted->count++;
	}
	return NULL;
}

static bool contains(const struct http_trusted *trusted, const struct socket_address *address)
{
	for (size_t i = 0; i < trusted->count; i++) {
		if (address_range_contains(&trusted->ranges[i], address)) {
			return true;
		}
	}
	return false;
}

bool http_trusted_is(const struct http_trusted *trusted, const struct http_connection *connection)
{
	struct socket_address peer;

	if (!trusted->count) {
		return false;
	}
	stream_peer(&connection->stream, &peer);
	return contains(trusted, &peer);
}

/* Takes the last element off a list, without the white space around it. False: there is none. */
static bool take_last(struct http_text *list, struct http_text *element)
{
	size_t end = list->length, start;

	while (end && strchr(" \t,", list->bytes[end - 1])) {
		end--;
	}
	start = end;
	while (start && list->bytes[start - 1] != ',') {
		start--;
	}
	list->length = start;
	while (start < end && strchr(" \t", list->bytes[start])) {
		start++;
	}
	*element = (struct http_text){list->bytes + start, end - start};
	return end > 0;
}

/* Removes the brackets of IPv6, and what may be a port: some proxies write it. */
static struct http_text without_port(struct http_text text)
{
	const char *colon = memchr(text.bytes, ':', text.length);
	const char *bracket = memchr(text.bytes, ']', text.length);

	if (text.length && text.bytes[0] == '[' && bracket) {
		return (struct http_text){text.bytes + 1, (size_t)(bracket - text.bytes) - 1};
	}
	if (colon && !memchr(colon + 1, ':', text.length - (size_t)(colon + 1 - text.bytes))) {
		text.length = (size_t)(colon - text.bytes);
	}
	return text;
}

/* Returns whether it is an address. */
static bool read_address(struct http_text text, struct socket_address *socket)
{
	struct address address = {.port = 0};

	text = without_port(text);
	if (!text.length || text.length >= INET6_ADDRSTRLEN ||
		memchr(text.bytes, '\0', text.length)) {
		return false;
	}
	memcpy(address.host, text.bytes, text.length);
	return address_literal(&address, socket);
}

/* The field of that name in front of another one; NULL: there is none. */
static const struct http_field *find_before(
	const struct http_head *head, const struct http_field *before)
{
	const struct http_field *found = NULL, *field = NULL;

	while ((field = http_head_find(head, FORWARDED_FOR, field)) && field != before) {
		found = field;
	}
	return found;
}

const char *http_trusted_client(const struct http_trusted *trusted,
	struct http_connection *connection, char text[INET6_ADDRSTRLEN])
{
	const struct http_head *head = &connection->parser.head;
	const struct http_field *field = NULL;
	struct http_text list = {"", 0}, element;
	struct socket_address address;
	char host[ADDRESS_TEXT];
	bool believed = http_trusted_is(trusted, connection);

	(void)snprintf(text, INET6_ADDRSTRLEN, "%s", http_peer(connection));
	while (believed) {
		if (!take_last(&list, &element)) {
			field = find_before(head, field);
			if (!field) {
				break;
			}
			list = http_head_text(head, field->value);
			continue;
		}
		if (!read_address(element, &address)) {
			break;
		}
		(void)snprintf(text, INET6_ADDRSTRLEN, "%s", socket_address_host(&address, host));
		believed = contains(trusted, &address);
	}
	return text;
}
