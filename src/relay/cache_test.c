/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/cache.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char above[] = "/tmp/curfew-cache-XXXXXX";
static char folder[PATH_MAX];
static struct cache cache;
static struct buffer refusal;

static const char *in(const char *name)
{
	static char path[PATH_MAX * 2];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(above, sizeof(above), "/tmp/curfew-cache-XXXXXX");
	assert_non_null(mkdtemp(above));
	(void)snprintf(folder, sizeof(folder), "%s/cache", above);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(in(".challenges/token"));
	(void)rmdir(in(".challenges"));
	(void)unlink(in("relay.example.org/cert.pem"));
	(void)rmdir(in("relay.example.org"));
	(void)unlink(in("private/key.pem"));
	(void)rmdir(in("private"));
	(void)rmdir(folder);
	assert_int_equal(rmdir(above), 0);
	buffer_fini(&refusal);
	return 0;
}

static int open_for(const char *domain)
{
	buffer_fini(&refusal);
	return cache_open(&cache, folder, domain, &refusal);
}

static void put(const char *name, mode_t mode)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static bool is_there(const char *name)
{
	return access(in(name), F_OK) == 0;
}

static void is_made_for_us_alone(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(open_for("relay.example.org"), 0);
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(open_for("relay.example.org"), 0);
	assert_false(cache_has_account(&cache));
	assert_false(cache_has_certificate(&cache));
}

static void is_refused_where_others_have_rights(void **state)
{
	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(chmod(folder, 0700 | bit), 0);
		assert_int_equal(open_for("relay.example.org"), -1);
		assert_non_null(strstr(buffer_text(&refusal), "chmod 700"));
	}
	assert_int_equal(chmod(folder, 0500), 0);
	assert_int_equal(open_for("relay.example.org"), 0);
	assert_int_equal(chmod(folder, 0700), 0);
}

static void knows_where_things_are(void **state)
{
	(void)state;
	assert_int_equal(open_for("Relay.Example.ORG"), 0);
	assert_string_equal(cache.domain, "relay.example.org");
	assert_string_equal(cache.cert, in("relay.example.org/cert.pem"));
	assert_string_equal(cache.key, in("private/relay.example.org/key.pem"));
	assert_string_equal(cache.challenges, in(".challenges"));
	assert_int_equal(mkdir(in("private"), 0700), 0);
	put("private/key.pem", 0400);
	assert_int_equal(mkdir(in("relay.example.org"), 0700), 0);
	put("relay.example.org/cert.pem", 0400);
	assert_true(cache_has_account(&cache) && cache_has_certificate(&cache));
}

static void takes_domains(void **state)
{
	static const char *const good[] = {"a.b", "relay.example.org", "xn--bcher-kva.example",
		"1.example", "a-b.c", "3com.net"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (open_for(good[i]) < 0) {
			fail_msg("%s: %s", good[i], buffer_text(&refusal));
		}
	}
}

static void refuses_what_is_no_domain(void **state)
{
	static const char *const bad[] = {"", ".", "localhost", "private", ".example.org",
		"example.org.", "a..b", "-a.b", "a-.b", "a.-b", "*.example.org", "a_b.example",
		"a b.example", "../x.y", "a/b.c", "-f.example", "127.0.0.1", "a.1", "[::1]",
		"relay.example.org:443", "z\xc3\xbcrich.example", "a\n.b"};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (open_for(bad[i]) == 0) {
			fail_msg("%s was taken", bad[i]);
		}
		assert_non_null(strstr(buffer_text(&refusal), "--domain: "));
	}
	memset(longest, 'a', sizeof(longest));
	(void)snprintf(longest + 64, sizeof(longest) - 64, ".org");
	assert_int_equal(open_for(longest), -1);
	assert_int_equal(open_for(longest + 1), 0);
	for (size_t i = 0; i < 253; i += 2) {
		longest[i] = 'a';
		longest[i + 1] = '.';
	}
	longest[253] = '\0';
	assert_int_equal(open_for(longest), 0);
	longest[253] = 'a';
	longest[254] = '\0';
	assert_int_equal(open_for(longest), -1);
}

static void refuses_a_path_that_is_too_long(void **state)
{
	char path[PATH_MAX];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[PATH_MAX - 20] = '\0';
	buffer_fini(&refusal);
	assert_int_equal(cache_open(&cache, path, "relay.example.org", &refusal), -1);
	assert_non_null(strstr(buffer_text(&refusal), "too long"));
}

static void is_swept_of_what_was_left(void **state)
{
	(void)state;
	assert_int_equal(open_for("relay.example.org"), 0);
	assert_int_equal(cache_sweep(&cache), 0);
	assert_true(is_there(".challenges"));
	put(".challenges/token", 0600);
	assert_int_equal(mkdir(in("relay.example.org"), 0700), 0);
	put("relay.example.org/cert.pem", 0400);
	put("relay.example.org/cert.pem.tmp", 0400);
	assert_int_equal(cache_sweep(&cache), 0);
	assert_true(is_there(".challenges") && is_there("relay.example.org/cert.pem"));
	assert_false(is_there(".challenges/token") || is_there("relay.example.org/cert.pem.tmp"));
}

static void is_pruned_of_what_was_replaced(void **state)
{
	static const char *const stay[] = {"cert.pem", "cert-20.pem", "cert-.pem", "cert-1x.pem",
		"cert--1.pem", "cert-1.pem.tmp", "key-1.pem"};
	static const char *const go[] = {"cert-3.pem", "cert-19.pem", "cert-0.pem"};
	char path[64];

	(void)state;
	assert_int_equal(open_for("relay.example.org"), 0);
	cache_prune(&cache); /* there is no such folder */
	assert_int_equal(mkdir(in("relay.example.org"), 0700), 0);
	for (size_t i = 0; i < 10; i++) {
		(void)snprintf(
			path, sizeof(path), "relay.example.org/%s", i < 3 ? go[i] : stay[i - 3]);
		put(path, 0400);
	}
	cache_prune(&cache);
	for (size_t i = 0; i < 10; i++) {
		(void)snprintf(
			path, sizeof(path), "relay.example.org/%s", i < 3 ? go[i] : stay[i - 3]);
		assert_int_equal(is_there(path), i >= 3);
		(void)unlink(in(path));
	}
}

static void a_cache_that_is_gone_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(open_for("relay.example.org"), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_true(cache_sweep(&cache) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_made_for_us_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			is_refused_where_others_have_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_where_things_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(takes_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_domain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_a_path_that_is_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(is_swept_of_what_was_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(is_pruned_of_what_was_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_cache_that_is_gone_is_an_error, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
