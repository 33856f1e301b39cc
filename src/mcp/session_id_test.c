/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/session_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct session_key key;

static int setup(void **state)
{
	struct buffer refusal = {0};

	(void)state;
	return session_key_load(&key, NULL, &refusal);
}

static int teardown(void **state)
{
	(void)state;
	session_key_fini(&key);
	return 0;
}

static void mints_names_that_are_ours(void **state)
{
	static const char *const replicas[] = {"a", "curfew-mcp-0", "A_z-9",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"};

	(void)state;
	for (size_t i = 0; i < sizeof(replicas) / sizeof(replicas[0]); i++) {
		size_t length = strlen(replicas[i]), replica = 0;
		char id[SESSION_ID_BYTES], other[SESSION_ID_BYTES];

		assert_true(session_replica_valid(replicas[i]));
		assert_int_equal(session_id_mint(id, &key, replicas[i]), 0);
		assert_int_equal(strlen(id), length + 46);
		assert_memory_equal(id, replicas[i], length);
		for (const char *at = id; *at; at++) {
			assert_true(*at >= 0x21 && *at <= 0x7e);
		}
		assert_true(session_id_check(&key, id, strlen(id), &replica));
		assert_int_equal(replica, length);
		assert_int_equal(session_id_mint(other, &key, replicas[i]), 0);
		assert_string_not_equal(id, other);
	}
}

/* Each bit of it counts, and its length. */
static void knows_what_is_not_ours(void **state)
{
	char id[SESSION_ID_BYTES], changed[SESSION_ID_BYTES + 1];
	size_t length, replica = 77;

	(void)state;
	assert_int_equal(session_id_mint(id, &key, "r0"), 0);
	length = strlen(id);
	for (size_t i = 0; i < length * 8; i++) {
		memcpy(changed, id, length);
		changed[i / 8] = (char)(changed[i / 8] ^ 1 << i % 8);
		assert_false(session_id_check(&key, changed, length, &replica));
	}
	for (size_t cut = 0; cut < length; cut++) {
		assert_false(session_id_check(&key, id, cut, &replica));
		assert_false(session_id_check(&key, id + length - cut, cut, &replica));
	}
	(void)snprintf(changed, sizeof(changed), "%s=", id);
	assert_false(session_id_check(&key, changed, length + 1, &replica));
	(void)snprintf(changed, sizeof(changed), "x%s", id);
	assert_false(session_id_check(&key, changed, length + 1, &replica));
	assert_int_equal(replica, 77);
	assert_true(session_id_check(&key, id, length, &replica)); /* and again */
}

static void another_key_is_another_service(void **state)
{
	struct session_key other = {0};
	struct buffer refusal = {0};
	char id[SESSION_ID_BYTES];
	size_t replica;

	(void)state;
	assert_int_equal(session_key_load(&other, NULL, &refusal), 0);
	assert_int_equal(session_id_mint(id, &key, "r0"), 0);
	assert_false(session_id_check(&other, id, strlen(id), &replica));
	session_key_fini(&other);
}

static void refuses_names_of_replicas(void **state)
{
	static const char *const names[] = {"", ".", "a.b", "a/b", "a b", "a:1", "a@b", "\xc3\xa4",
		"a\n", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(session_replica_valid(names[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mints_names_that_are_ours),
		cmocka_unit_test(knows_what_is_not_ours),
		cmocka_unit_test(another_key_is_another_service),
		cmocka_unit_test(refuses_names_of_replicas),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
