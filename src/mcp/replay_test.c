/* SPDX-License-Identifier: Apache-2.0 */
/* What the store keeps, and the names of events. */
#include "mcp/replay.h"

#include "mcp/channel_script.h"

#define MEGABYTES(n) ((n)*MEGABYTE)

static void keep(struct replay *store, uint64_t number, uint64_t sequence, size_t length, bool sent)
{
	char *text = malloc(length ? length : 1);
	struct replay_event *event;

	assert_non_null(text);
	memset(text, 'x', length);
	event = replay_event_new(number, sequence, text, length);
	assert_non_null(event);
	event->sent = sent;
	replay_keep(store, event);
	free(text);
}

/* "NUMBER-SEQUENCE ..." of what is there, oldest first. */
static void assert_kept(const struct replay *store, const char *expected)
{
	struct buffer names = {0};
	size_t bytes = 0, count = 0;

	list_each(link, &store->events) {
		const struct replay_event *event = container_of(link, struct replay_event, link);

		buffer_appendf(&names, "%s%d-%d", count ? " " : "", (int)event->number,
			(int)event->sequence);
		bytes += sizeof(*event) + event->length;
		count++;
	}
	assert_string_equal(buffer_text(&names), expected);
	assert_int_equal(store->count, count);
	assert_int_equal(store->bytes, bytes);
	buffer_fini(&names);
}

static void more_than_so_many_events_push_the_oldest_out(void **state)
{
	struct replay store;

	(void)state;
	replay_init(&store, 3);
	keep(&store, 0, 1, 10, false);
	keep(&store, 1, 1, 10, true);
	keep(&store, 0, 2, 10, true);
	assert_kept(&store, "0-1 1-1 0-2");
	assert_int_equal(store.dropped, 0);
	keep(&store, 2, 1, 10, true);
	assert_kept(&store, "1-1 0-2 2-1");
	assert_int_equal(store.dropped, 1); /* nobody had it */
	keep(&store, 2, 2, 10, false);
	assert_kept(&store, "0-2 2-1 2-2");
	assert_int_equal(store.dropped, 1);
	replay_fini(&store);
	assert_int_equal(store.dropped, 2);
}

static void so_do_more_than_so_many_bytes(void **state)
{
	struct replay store;

	(void)state;
	replay_init(&store, 1000);
	keep(&store, 1, 1, MEGABYTES(3), true);
	keep(&store, 1, 2, 10, true);
	keep(&store, 1, 3, MEGABYTES(4), true);
	assert_kept(&store, "1-1 1-2 1-3");
	keep(&store, 1, 4, MEGABYTES(4) - 1000, true);
	assert_kept(&store, "1-2 1-3 1-4");
	keep(&store, 1, 5, 1000, true);
	assert_true(store.bytes <= REPLAY_BYTES_MOST);
	assert_kept(&store, "1-4 1-5");
	replay_fini(&store);
	assert_int_equal(store.dropped, 0);
}

static void the_newest_stays_however_large(void **state)
{
	struct replay store;

	(void)state;
	replay_init(&store, 1000);
	keep(&store, 1, 1, 10, true);
	keep(&store, 1, 2, MEGABYTES(9), true);
	assert_kept(&store, "1-2");
	keep(&store, 1, 3, 10, true);
	assert_kept(&store, "1-3");
	replay_fini(&store);
}

static void a_store_of_none_keeps_none(void **state)
{
	struct replay store;

	(void)state;
	replay_init(&store, 0);
	keep(&store, 1, 1, 10, true);
	keep(&store, 1, 2, 10, false);
	assert_kept(&store, "");
	assert_int_equal(store.dropped, 1);
	replay_fini(&store);
}

static const struct {
	const char *id;
	bool valid;
	uint64_t number, sequence;
} ids[] = {
	{"0-0", true, 0, 0},
	{"3-17", true, 3, 17},
	{"18446744073709551615-18446744073709551615", true, UINT64_MAX, UINT64_MAX},
	{"18446744073709551616-1", false, 0, 0},
	{"1-18446744073709551616", false, 0, 0},
	{"1-99999999999999999999", false, 0, 0},
	{"", false, 0, 0},
	{"-", false, 0, 0},
	{"1", false, 0, 0},
	{"1-", false, 0, 0},
	{"-1", false, 0, 0},
	{"01-1", false, 0, 0},
	{"1-01", false, 0, 0},
	{"1-1 ", false, 0, 0},
	{" 1-1", false, 0, 0},
	{"+1-1", false, 0, 0},
	{"1--1", false, 0, 0},
	{"1-1-1", false, 0, 0},
	{"1-a", false, 0, 0},
	{"a-1", false, 0, 0},
	{"1_1", false, 0, 0},
};

/* Each is read from memory of its own length. */
static void ids_are_two_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		size_t length = strlen(ids[i].id);
		char *copy = malloc(length ? length : 1);
		uint64_t number = 0, sequence = 0;

		assert_non_null(copy);
		memcpy(copy, ids[i].id, length);
		assert_int_equal(channel_parse_id(copy, length, &number, &sequence), ids[i].valid);
		if (ids[i].valid) {
			assert_true(number == ids[i].number && sequence == ids[i].sequence);
		}
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_so_many_events_push_the_oldest_out),
		cmocka_unit_test(so_do_more_than_so_many_bytes),
		cmocka_unit_test(the_newest_stays_however_large),
		cmocka_unit_test(a_store_of_none_keeps_none),
		cmocka_unit_test(ids_are_two_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
