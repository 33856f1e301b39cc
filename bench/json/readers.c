/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	readers [--quick]
 *
 * Time on the CPU to check a message and find id, method, params.requestId and
 * params._meta.progressToken in it: our one pass; jsmn, which does not validate, and a validator
 * in front of it (our own pass without paths, so that it costs as little as it can); and cJSON,
 * which builds a tree and does not keep the bytes. Medians of rounds in which all take turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "texts.h"
#include "json/reader.h"

#define ROUNDS 25
#define MOST_TOKENS 65536
#define PATHS 4

static const struct json_path paths[PATHS] = {
	{{"id"}},
	{{"method"}},
	{{"params", "requestId"}},
	{{"params", "_meta", "progressToken"}},
};

static size_t sink; /* so that no result is thrown away unseen */

typedef bool read_fn(const char *text, size_t length);

static bool read_ours(const char *text, size_t length)
{
	struct json_value values[PATHS];
	struct json_reader reader = {.paths = paths, .values = values, .count = PATHS};

	if (json_read(&reader, text, length)) {
		return false;
	}
	sink += values[0].start;
	return true;
}

static jsmntok_t tokens[MOST_TOKENS];

/* Returns the index of a member's value in an object, -1 if there is none. */
static int find_member(const char *text, int object, const char *name, int count)
{
	size_t length = strlen(name);
	int left = tokens[object].type == JSMN_OBJECT ? tokens[object].size : 0;

	for (int i = object + 1; left && i < count; i++) {
		if (tokens[i].parent != object) {
			continue;
		}
		left--;
		if ((size_t)(tokens[i].end - tokens[i].start) == length &&
			!memcmp(text + tokens[i].start, name, length)) {
			return i + 1;
		}
	}
	return -1;
}

static bool read_jsmn(const char *text, size_t length)
{
	jsmn_parser parser;
	int count;

	jsmn_init(&parser);
	count = jsmn_parse(&parser, text, length, tokens, MOST_TOKENS);
	for (int i = 0; count > 0 && i < PATHS; i++) {
		int at = 0;

		for (int key = 0; at >= 0 && key < JSON_PATH_KEYS && paths[i].keys[key]; key++) {
			at = find_member(text, at, paths[i].keys[key], count);
		}
		sink += (size_t)(at + 1);
	}
	return count > 0;
}

static bool read_validated(const char *text, size_t length)
{
	struct json_reader reader = {0};

	return !json_read(&reader, text, length) && read_jsmn(text, length);
}

static bool read_cjson(const char *text, size_t length)
{
	cJSON *root = cJSON_ParseWithLengthOpts(text, length + 1, NULL, 1);

	for (int i = 0; root && i < PATHS; i++) {
		const cJSON *at = root;

		for (int key = 0; at && key < JSON_PATH_KEYS && paths[i].keys[key]; key++) {
			at = cJSON_GetObjectItemCaseSensitive(at, paths[i].keys[key]);
		}
		sink += at != NULL;
	}
	cJSON_Delete(root);
	return root;
}

static const struct reader {
	const char *name;
	read_fn *read;
} readers[] = {
	{"jsmn alone", read_jsmn},
	{"jsmn + validator", read_validated},
	{"cJSON", read_cjson},
	{"one pass", read_ours},
};

#define READERS (sizeof(readers) / sizeof(readers[0]))
#define OURS (READERS - 1)

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double time_reads(read_fn *read, const char *text, size_t length, long times)
{
	double began = cpu_ns();

	for (long i = 0; i < times; i++) {
		if (!read(text, length)) {
			fprintf(stderr, "readers: a good text was refused\n");
			exit(1);
		}
	}
	return (cpu_ns() - began) / (double)times;
}

static int by_size(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

static void print_row(const char *name, size_t length, double ns[READERS])
{
	printf("%-16s %7zu", name, length);
	for (size_t i = 0; i < READERS; i++) {
		printf("  %9.0f ns %5.2fx", ns[i], ns[i] / ns[OURS]);
	}
	printf("  %6.0f MB/s\n", (double)length / ns[OURS] * 1e3);
}

static void measure(const struct text *text, double round_bytes)
{
	static double taken[READERS][ROUNDS];
	struct buffer written = {0};
	double medians[READERS];
	long times;

	text->write(&written);
	times = (long)(round_bytes / (double)(written.length + 200)) + 1;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < READERS; i++) {
			taken[i][round] = time_reads(
				readers[i].read, buffer_text(&written), written.length, times);
		}
	}
	for (size_t i = 0; i < READERS; i++) {
		qsort(taken[i], ROUNDS, sizeof(double), by_size);
		medians[i] = taken[i][ROUNDS / 2];
	}
	print_row(text->name, written.length, medians);
	buffer_fini(&written);
}

static void count_accepted(void)
{
	int accepted[READERS] = {0}, count = 0;

	for (; malformed[count]; count++) {
		for (size_t i = 0; i < READERS; i++) {
			accepted[i] += readers[i].read(malformed[count], strlen(malformed[count]));
		}
	}
	printf("%-16s %7d", "bad, accepted", count);
	for (size_t i = 0; i < READERS; i++) {
		printf("  %9d %9s", accepted[i], "");
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");

	printf("%-16s %7s", "", "bytes");
	for (size_t i = 0; i < READERS; i++) {
		printf("  %19s", readers[i].name);
	}
	printf("\n");
	for (const struct text *text = texts; text->name; text++) {
		measure(text, quick ? 2e5 : 4e6);
	}
	count_accepted();
	printf("\nMedians of %d rounds of time on the CPU; ratios to the one pass.\n", ROUNDS);
	return sink == 1; /* never */
}
