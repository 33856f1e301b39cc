/* SPDX-License-Identifier: Apache-2.0 */
/* Which targets name a file; what is answered is tested as a black box. */
#include "relay/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PREFIX "/.well-known/acme-challenge/"

static char token[CHALLENGE_TOKEN];

static bool is_taken(const char *target, size_t length)
{
	memset(token, '!', sizeof(token));
	return challenge_token(target, length, token);
}

static void assert_refused(const char *target)
{
	if (is_taken(target, strlen(target))) {
		fail_msg("%s was taken, as %s", target, token);
	}
}

static void takes_each_character_of_base64url(void **state)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char target[sizeof(PREFIX) + sizeof(all)];

	(void)state;
	(void)snprintf(target, sizeof(target), PREFIX "%s", all);
	assert_true(is_taken(target, strlen(target)));
	assert_string_equal(token, all);
}

static void refuses_each_other_byte(void **state)
{
	char target[] = PREFIX "a?b";

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		bool taken;

		target[sizeof(PREFIX)] = (char)byte;
		taken = is_taken(target, sizeof(target) - 1);
		assert_int_equal(taken,
			byte && byte < 128 &&
				strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_",
					byte) != NULL);
	}
}

static void bounds_the_length(void **state)
{
	char target[sizeof(PREFIX) + CHALLENGE_TOKEN];

	(void)state;
	(void)snprintf(target, sizeof(target), "%s", PREFIX);
	assert_refused(target);
	memset(target + strlen(PREFIX), 'a', CHALLENGE_TOKEN);
	assert_true(is_taken(target, strlen(PREFIX) + 1));
	assert_true(is_taken(target, strlen(PREFIX) + CHALLENGE_TOKEN - 1));
	assert_int_equal(strlen(token), 128);
	assert_false(is_taken(target, strlen(PREFIX) + CHALLENGE_TOKEN));
}

static void refuses_other_paths(void **state)
{
	(void)state;
	assert_refused("");
	assert_refused("/");
	assert_refused("/.well-known/acme-challenge");
	assert_refused("/.well-known/acme-challenges/abc");
	assert_refused("/.WELL-KNOWN/acme-challenge/abc");
	assert_refused("x" PREFIX "abc");
	assert_refused(PREFIX "abc?x");
	assert_refused(PREFIX "../private/key");
	assert_refused(PREFIX "..");
	assert_refused(PREFIX "/abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_each_character_of_base64url),
		cmocka_unit_test(refuses_each_other_byte),
		cmocka_unit_test(bounds_the_length),
		cmocka_unit_test(refuses_other_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
