/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SIZE, EXTENSION, DATA, AFTER_DATA, TRAILER, TRAILER_LINE };

void reply_init(struct reply *reply)
{
	reply->status = 0;
	reply->is_whole = reply->closes = reply->has_head = false;
	reply->is_chunked = reply->has_length = false;
	reply->session[0] = reply->body[0] = '\0';
	reply->body_length = reply->head_length = reply->left = 0;
	reply->chunk = SIZE;
}

static void read_field(struct reply *reply, const char *line)
{
	const char *value = strchr(line, ':');
	size_t name = value ? (size_t)(value - line) : 0;

	if (!value) {
		return;
	}
	value += 1 + strspn(value + 1, " \t");
	if (name == 14 && !strncasecmp(line, "Content-Length", name)) {
		reply->has_length = true;
		reply->left = strtoul(value, NULL, 10);
	} else if (name == 17 && !strncasecmp(line, "Transfer-Encoding", name)) {
		reply->is_chunked = true;
	} else if (name == 10 && !strncasecmp(line, "Connection", name)) {
		reply->closes = strcasestr(value, "close");
	} else if (name == 14 && !strncasecmp(line, "Mcp-Session-Id", name)) {
		snprintf(reply->session, sizeof(reply->session), "%s", value);
	}
}

static void read_head(struct reply *reply)
{
	char *at = reply->head, *end;

	reply->has_head = true;
	reply->status = atoi(reply->head + strcspn(reply->head, " "));
	while ((end = strstr(at, "\r\n"))) {
		*end = '\0';
		if (at != reply->head) {
			read_field(reply, at);
		}
		at = end + 2;
	}
	if (reply->status == 204 || (!reply->is_chunked && reply->has_length && !reply->left)) {
		reply->is_whole = true;
	}
}

static long feed_head(struct reply *reply, const char *bytes, size_t length)
{
	size_t room = REPLY_HEAD - reply->head_length, before = reply->head_length;
	size_t take = length < room ? length : room;
	const char *end;

	memcpy(reply->head + before, bytes, take);
	end = memmem(reply->head, before + take, "\r\n\r\n", 4);
	if (!end) {
		reply->head_length += take;
		return take == length ? (long)take : -1;
	}
	reply->head_length = end - reply->head + 4;
	reply->head[reply->head_length] = '\0';
	read_head(reply);
	return (long)(reply->head_length - before);
}

static void keep(struct reply *reply, const char *bytes, size_t length)
{
	size_t room = REPLY_BODY - reply->body_length;

	length = length < room ? length : room;
	memcpy(reply->body + reply->body_length, bytes, length);
	reply->body_length += length;
	reply->body[reply->body_length] = '\0';
}

static size_t feed_data(struct reply *reply, const char *bytes, size_t length)
{
	size_t take = !reply->is_chunked && !reply->has_length ? length
		: length < reply->left                         ? length
							       : reply->left;

	keep(reply, bytes, take);
	reply->left -= take < reply->left ? take : reply->left;
	return take;
}

/* The end of a line in the framing of chunks. */
static void end_line(struct reply *reply)
{
	if (reply->chunk == AFTER_DATA) {
		reply->chunk = SIZE;
	} else if (reply->chunk == TRAILER) {
		reply->is_whole = true;
	} else if (reply->chunk == TRAILER_LINE) {
		reply->chunk = TRAILER;
	} else {
		reply->chunk = reply->left ? DATA : TRAILER;
	}
}

static bool feed_framing(struct reply *reply, char byte)
{
	if (byte == '\n') {
		end_line(reply);
	} else if (byte == '\r') {
		return true;
	} else if (reply->chunk == SIZE && isxdigit((unsigned char)byte)) {
		reply->left = reply->left * 16 +
			(size_t)(isdigit((unsigned char)byte) ? byte - '0'
							      : (byte | 32) - 'a' + 10);
	} else if (reply->chunk == SIZE) {
		reply->chunk = EXTENSION;
	} else if (reply->chunk == TRAILER) {
		reply->chunk = TRAILER_LINE;
	}
	return reply->chunk != AFTER_DATA;
}

long reply_feed(struct reply *reply, const char *bytes, size_t length)
{
	size_t at = 0;

	if (!reply->has_head) {
		long used = feed_head(reply, bytes, length);

		if (used < 0 || !reply->has_head) {
			return used;
		}
		at = used;
	}
	while (at < length && !reply->is_whole) {
		if (!reply->is_chunked || reply->chunk == DATA) {
			at += feed_data(reply, bytes + at, length - at);
			reply->is_whole = !reply->is_chunked && reply->has_length && !reply->left;
			reply->chunk =
				reply->is_chunked && !reply->left ? AFTER_DATA : reply->chunk;
		} else if (!feed_framing(reply, bytes[at++])) {
			return -1;
		}
	}
	return (long)at;
}

void reply_end(struct reply *reply)
{
	reply->is_whole |= reply->has_head && !reply->is_chunked && !reply->has_length;
}

bool reply_has_result(const struct reply *reply, long id, const char *text)
{
	char wanted[32];
	int length = snprintf(wanted, sizeof(wanted), "\"id\":%ld", id);
	const char *found = reply->is_whole && reply->status == 200 ? reply->body : NULL;

	for (found = found ? strstr(found, wanted) : NULL; found;
		found = strstr(found + 1, wanted)) {
		if (!isdigit((unsigned char)found[length])) {
			return strstr(reply->body, "\"result\":") && strstr(reply->body, text);
		}
	}
	return false;
}
