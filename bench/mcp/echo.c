/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo [MARKS]: an MCP server on stdio that is as fast as one thread makes it, so that the
 * gateway in front of it is what is measured. It reads what MCP clients write, and checks nothing.
 *
 *	tools/call echo	{message}	the message
 *	tools/call wait	{ms}		the same after so long; a byte is appended to the file MARKS
 *					when the call has come
 *
 * It ends as most servers do: at the end of its input, or of SIGTERM, at once.
 */
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE (1 << 20)
#define ID 64
#define WAITS 256

/* The bytes of a value, as they stand in the message. */
struct text {
	const char *at;
	size_t length;
};

struct waiting {
	int64_t due;
	char id[ID];
};

static struct waiting waits[WAITS];
static size_t wait_count;
static char *output; /* answers to what was read at once are written at once */
static size_t output_length;
static const char *marks;

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000) + time.tv_nsec / 1000000;
}

static const char *past_blanks(const char *at)
{
	while (*at && isspace((unsigned char)*at)) {
		at++;
	}
	return at;
}

/* Returns what follows a value; lines end with a NUL, which ends everything. */
static const char *past_value(const char *at)
{
	bool in_string = false;
	int depth = 0;

	for (; *at; at++) {
		if (in_string && *at == '\\' && at[1]) {
			at++;
		} else if (in_string) {
			in_string = *at != '"';
		} else if (*at == '"') {
			in_string = true;
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if ((*at == '}' || *at == ']' || *at == ',') && !depth) {
			break;
		} else if (*at == '}' || *at == ']') {
			depth--;
		}
	}
	return at;
}

/* The value of an object's member; empty if there is none. */
static struct text member(struct text object, const char *name)
{
	size_t length = strlen(name);
	const char *at = object.length ? past_blanks(object.at) : "";

	while (*at == '{' || *at == ',') {
		const char *key = past_blanks(at + 1), *colon, *value;

		if (*key != '"') {
			break;
		}
		for (colon = key + 1; *colon && *colon != '"'; colon++) {
			colon += *colon == '\\' && colon[1];
		}
		if (!*colon) {
			break;
		}
		value = past_blanks(past_blanks(colon + 1) + 1);
		at = past_value(value);
		if ((size_t)(colon - key - 1) == length && !memcmp(key + 1, name, length)) {
			return (struct text){value, at - value};
		}
	}
	return (struct text){"", 0};
}

static bool is(struct text text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && !memcmp(text.at, word, length);
}

static void flush(void)
{
	for (size_t written = 0; written < output_length;) {
		ssize_t count = write(1, output + written, output_length - written);

		if (count < 0) {
			exit(1);
		}
		written += count;
	}
	output_length = 0;
}

static void say(struct text id, const char *before, struct text middle, const char *after)
{
	if (output_length + id.length + middle.length + 512 > 2 * LINE) {
		flush();
	}
	output_length += sprintf(output + output_length,
		"{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s%.*s%s}\n", (int)id.length, id.at,
		before, (int)middle.length, middle.at, after);
}

static void say_text(struct text id, struct text string)
{
	say(id, "{\"content\":[{\"type\":\"text\",\"text\":", string, "}]}");
}

static void mark(void)
{
	int fd = marks ? open(marks, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0) {
		(void)!write(fd, ".", 1);
		close(fd);
	}
}

static void wait_with(struct text id, struct text ms)
{
	struct waiting *waiting = &waits[wait_count];

	if (wait_count == WAITS || id.length >= ID) {
		exit(1);
	}
	wait_count++;
	waiting->due = now_ms() + atoi(ms.at);
	memcpy(waiting->id, id.at, id.length);
	waiting->id[id.length] = '\0';
	mark();
}

static void call(struct text id, struct text params)
{
	struct text arguments = member(params, "arguments");

	if (is(member(params, "name"), "\"wait\"")) {
		wait_with(id, member(arguments, "ms"));
	} else {
		say_text(id, member(arguments, "message"));
	}
}

static void answer(const char *line)
{
	struct text whole = {line, 1}, id = member(whole, "id"), method = member(whole, "method");
	struct text params = member(whole, "params");

	if (!id.length || !method.length) {
		return;
	}
	if (is(method, "\"tools/call\"")) {
		call(id, params);
	} else if (is(method, "\"initialize\"")) {
		say(id, "{\"protocolVersion\":", member(params, "protocolVersion"),
			",\"capabilities\":{\"tools\":{}},"
			"\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}");
	} else if (is(method, "\"tools/list\"")) {
		say(id,
			"{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":\"object\"}},"
			"{\"name\":\"wait\",\"inputSchema\":{\"type\":\"object\"}}]",
			(struct text){"", 0}, "}");
	} else {
		say(id, "{", (struct text){"", 0}, "}");
	}
}

/* Answers the lines that are whole; returns how many bytes they are. */
static size_t answer_lines(char *bytes, size_t length)
{
	char *at = bytes, *end;

	while ((end = memchr(at, '\n', length - (at - bytes)))) {
		*end = '\0';
		answer(at);
		at = end + 1;
	}
	return at - bytes;
}

/* Answers the calls whose time has come; returns the milliseconds to the next, -1: none. */
static int answer_waits(void)
{
	int64_t now = now_ms(), next = -1;

	for (size_t i = 0; i < wait_count;) {
		int64_t left = waits[i].due - now;

		if (left <= 0) {
			struct text id = {waits[i].id, strlen(waits[i].id)};

			say_text(id, (struct text){"\"waited\"", 8});
			waits[i] = waits[--wait_count];
		} else {
			next = next < 0 || left < next ? left : next;
			i++;
		}
	}
	return (int)next;
}

int main(int argc, char **argv)
{
	struct pollfd input = {.events = POLLIN};
	char *bytes = malloc(LINE);
	size_t held = 0, used;

	marks = argc > 1 ? argv[1] : NULL;
	output = malloc(2 * LINE);
	while (bytes && output && held < LINE) {
		int ready = poll(&input, 1, wait_count ? answer_waits() : -1);
		ssize_t count = ready > 0 ? read(0, bytes + held, LINE - held) : 0;

		if (ready > 0 && count <= 0) {
			return 0;
		}
		used = answer_lines(bytes, held += count);
		memmove(bytes, bytes + used, held -= used);
		answer_waits();
		flush();
	}
	return 1;
}
