/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of messages of which the middle is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mcp/message.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct row {
	const char *head, *tail;
	const char *id; /* NULL: none is found */
} rows[] = {
	{"{\"id\":7,\"result\":{\"a", "b\"}}", "7"},
	{" \n{ \"jsonrpc\" : \"2.0\" , \"id\" : \"a,}b\" , \"result\":[", "]}", "\"a,}b\""},
	{"{\"\\u0069d\":7,\"x", "", "7"},
	{"{\"a\":\"\\\"\",\"id\":7,\"x", "", "7"},
	{"{\"result\":{\"a", "b\"},\"id\":7}", "7"},
	{"{\"result\":{\"a", "b\"} , \"id\" : \"c\\\"\\\\\" , \"jsonrpc\":\"2.0\"} \r\n",
		"\"c\\\"\\\\\""},
	{"{\"result\":[\"", "\\\\\"],\"id\":1.5e3}", "1.5e3"},
	{"{\"result\":[1", "2],\"error\":[{\"id\":1},\"id\"],\"id\":3,\"x\":{\"id\":4}}", "3"},
	{"{\"result\":1,\"id\":2,\"x\":\"", "\"}", "2"},
	{"", "\"id\":7}", NULL},
	{"[{\"id\":7,", "]", NULL},
	/* Not the outermost one's, or none at all. */
	{"{\"result\":{\"id\":7,\"a\":\"", "\",\"id\":8}}", NULL},
	{"{\"result\":[{\"id\":7},\"", "\",{\"id\":8}]}", NULL},
	{"{\"a\":\"\\\"id\\\":7,", "\\\"id\\\":8}\"}", NULL},
	{"{\"a\":\"{\\\"id\\\":7,\"", ",\"b\":\",\\\"id\\\":8}\"}", NULL},
	{"{\"a\":\"id\",\"b\":\":7,", "\"}", NULL},
	{"{\"a\":\"id\",\"b", ",\"b\":\"id\",\"c\":\"\\\"id\\\":5\"}", NULL},
	{"{\"a\":[\"", "\\\",\\\"id\\\":7}\"]}", NULL},
	/* Not all of it is there. */
	{"{\"id\":7", "7,\"a\":1}", NULL},
	{"{\"id\":\"7", "8\",\"a\":1}", NULL},
	{"{\"result\":[", "d\":7}", NULL},
	{"{\"result\":[", "\"id\":7}", NULL}, /* a backslash may be in front of that quote */
	{"{\"result\":[", "\\\"id\":7}", NULL},
	{"{\"result\":[", "],\"id\":7", NULL},
	{"{\"result\":[", "],\"id\":", NULL},
	{"{\"id\"", ":7}", NULL},
	/* No id. */
	{"{\"id\":null,\"result\":[", "]}", NULL},
	{"{\"id\":[7],\"result\":[", "]}", NULL},
	{"{\"method\":\"x\",\"params\":[", "]}", NULL},
	/* A method in what the call returned is none of the call's. */
	{"{\"id\":7,\"result\":{\"method\":\"x\",", "\"method\":\"y\"}}", "7"},
	/* No JSON. */
	{"", "", NULL},
	{"   ", "   ", NULL},
	{"{", "}", NULL},
	{"}}}}", "{{{{", NULL},
	{"{\"id\":7 8,\"a", "\"}", NULL},
	{"{\"id\":01,\"a", "\"}", NULL},
	{"{id:7,\"a", "\"}", NULL},
	{"{\"id\\u00\":7,\"a", "\"}", NULL},
	{"{\"\\u", "\"\\u\":1}", NULL},
	{"{,:,:", ":,:,}", NULL},
};

static const struct row requests[] = {
	{"{\"id\":7,\"method\":\"x\",\"params\":[", "]}", "7"},
	{"{\"id\":7,\"params\":[", "],\"method\":\"x\"}", "7"},
	{"{\"method\":\"x\",\"params\":[", "],\"jsonrpc\":\"2.0\",\"id\":\"a\"}", "\"a\""},
	{"{\"\\u006dethod\":\"x", "\",\"id\":7}", "7"},
};

/* A copy of the exact size, so that a step too far is found. */
static char *copy_of(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	return copy;
}

static void check(const struct row *row, enum message_kind expected)
{
	size_t head_length = strlen(row->head), tail_length = strlen(row->tail);
	char *first = copy_of(row->head, head_length), *last = copy_of(row->tail, tail_length);
	const char *id;
	size_t length;
	enum message_kind kind =
		message_find_id(first, head_length, last, tail_length, &id, &length);
	bool found = kind != MESSAGE_INVALID;

	if (found != (row->id != NULL)) {
		fail_msg("%s ... %s: %.*s", row->head, row->tail, found ? (int)length : 0, id);
	}
	if (found && row->id) {
		assert_int_equal(kind, expected);
		assert_int_equal(length, strlen(row->id));
		assert_memory_equal(id, row->id, length);
	}
	free(first);
	free(last);
}

static void finds_ids_of_what_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		check(&rows[i], MESSAGE_RESPONSE);
	}
}

static void tells_requests_from_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(requests); i++) {
		check(&requests[i], MESSAGE_REQUEST);
	}
}

/* Wherever the cuts are, it is found or not, but never another one. */
static void finds_no_other_id(void **state)
{
	static const char text[] =
		"{\"result\":{\"id\":1,\"a\":\"\\\\\\\",\\\"id\\\":2,\",\"b\":[{\"id\":3}]},"
		"\"c\":\"id\",\"\\u0069d\":\"\\\"4\\\\\" "
		",\"e\":{\"id\":\"5\"},\"f\":\"\\\"id\\\":6\"}";
	size_t length = sizeof(text) - 1, found = 0;

	(void)state;
	for (size_t head = 0; head <= length; head++) {
		for (size_t tail = head; tail <= length; tail++) {
			char *first = copy_of(text, head);
			char *last = copy_of(text + tail, length - tail);
			const char *id;
			size_t id_length;

			if (message_find_id(first, head, last, length - tail, &id, &id_length) !=
				MESSAGE_INVALID) {
				assert_int_equal(id_length, 7);
				assert_memory_equal(id, "\"\\\"4\\\\\"", 7);
				found++;
			}
			free(first);
			free(last);
		}
	}
	assert_true(found > length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_ids_of_what_is_cut),
		cmocka_unit_test(tells_requests_from_responses),
		cmocka_unit_test(finds_no_other_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
