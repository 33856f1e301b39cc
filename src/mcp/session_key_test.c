/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "mcp/session_id.h"

#define REPLICAS 8
#define ROUNDS 20

static char folder[] = "/tmp/curfew-mcp-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder)) {
		return -1;
	}
	(void)snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

/* Returns how many files were there. */
static int empty_folder(void)
{
	DIR *open = opendir(folder);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(open);
	while ((entry = readdir(open))) {
		if (entry->d_name[0] != '.') {
			assert_int_equal(unlinkat(dirfd(open), entry->d_name, 0), 0);
			count++;
		}
	}
	closedir(open);
	return count;
}

static int teardown(void **state)
{
	(void)state;
	(void)empty_folder();
	return rmdir(folder);
}

static void write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void makes_a_file_for_its_owner_alone(void **state)
{
	struct session_key key = {0}, again = {0};
	struct buffer refusal = {0};
	char id[SESSION_ID_BYTES];
	struct stat about;
	mode_t mask = umask(0);
	size_t replica;

	(void)state;
	assert_int_equal(session_key_load(&key, path, &refusal), 0);
	umask(mask);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	assert_int_equal(about.st_size, SESSION_KEY_BYTES);
	assert_int_equal(session_key_load(&again, path, &refusal), 0);
	assert_int_equal(session_id_mint(id, &key, "r"), 0);
	assert_true(session_id_check(&again, id, strlen(id), &replica));
	session_key_fini(&key);
	session_key_fini(&again);
	assert_int_equal(refusal.length, 0);
	assert_int_equal(empty_folder(), 1);
}

static void *load(void *arg)
{
	struct buffer refusal = {0};

	return session_key_load(arg, path, &refusal) < 0 ? arg : NULL;
}

/* Replicas that start at the same time. */
static void all_have_the_same(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct session_key keys[REPLICAS] = {0};
		pthread_t threads[REPLICAS];
		char id[SESSION_ID_BYTES];
		size_t replica;
		void *failed;

		for (int i = 0; i < REPLICAS; i++) {
			assert_int_equal(pthread_create(&threads[i], NULL, load, &keys[i]), 0);
		}
		for (int i = 0; i < REPLICAS; i++) {
			assert_int_equal(pthread_join(threads[i], &failed), 0);
			assert_null(failed);
		}
		assert_int_equal(session_id_mint(id, &keys[0], "r"), 0);
		for (int i = 0; i < REPLICAS; i++) {
			assert_true(session_id_check(&keys[i], id, strlen(id), &replica));
			session_key_fini(&keys[i]);
		}
		assert_int_equal(empty_folder(), 1);
	}
}

/* The SHA-256 of all the bytes, and RFC 2104: another program could check our names. */
static void the_whole_file_is_the_key(void **state)
{
	static const char text[] = "a key that somebody wrote into a file of his own\n";
	struct session_key key = {0};
	struct buffer refusal = {0};
	unsigned char hash[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE], coded[64];
	unsigned size;
	char id[SESSION_ID_BYTES], *last;

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(session_key_load(&key, path, &refusal), 0);
	assert_int_equal(session_id_mint(id, &key, "pod-1"), 0);
	session_key_fini(&key);
	last = strrchr(id, '.');
	EVP_Digest(text, sizeof(text) - 1, hash, &size, EVP_sha256(), NULL);
	HMAC(EVP_sha256(), hash, (int)size, (unsigned char *)id, (size_t)(last - id), mac, &size);
	EVP_EncodeBlock(coded, mac, 16);
	for (int i = 0; i < 22; i++) {
		char expected = (char)(coded[i] == '+' ? '-' : coded[i] == '/' ? '_' : coded[i]);

		assert_int_equal(last[1 + i], expected);
	}
	(void)empty_folder();
}

static void assert_refused(const char *file, const char *words, const char *hint)
{
	struct session_key key = {0};
	struct buffer refusal = {0};

	assert_int_equal(session_key_load(&key, file, &refusal), -1);
	assert_false(key.is_there);
	if (!strstr(buffer_text(&refusal), words) || !strstr(buffer_text(&refusal), hint) ||
		!strstr(buffer_text(&refusal), file) || strchr(buffer_text(&refusal), '\n')) {
		fail_msg("%s", buffer_text(&refusal));
	}
	buffer_fini(&refusal);
}

static void refuses_and_says_how_to_mend(void **state)
{
	static char many[SESSION_KEY_MOST + 1];
	char below[sizeof(path) + 8];

	(void)state;
	write_file("short", 5);
	assert_refused(path, "has 5 bytes", "head -c 32 /dev/urandom > /tmp/");
	(void)snprintf(below, sizeof(below), "%s/below", path);
	assert_refused(below, "Not a directory", "name another one");
	write_file(many, sizeof(many));
	assert_refused(path, "more than 4096 bytes", "head -c 32");
	assert_refused("/dev/zero", "is not a file", "name one");
	assert_refused(folder, "is not a file", "name one");
	(void)snprintf(below, sizeof(below), "%s-2/below", folder);
	assert_refused(below, "cannot make", "make its folder");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(path, "is not a file", "name one");
	assert_int_equal(empty_folder(), 1);
}

#define NOBODY 65534

static void some_files_may_not_be_read(void **state)
{
	uid_t user = geteuid();

	(void)state;
	write_file("0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(chmod(path, 0), 0);
	if (user == 0) { /* who may read all */
		assert_int_equal(chmod(folder, 0755), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	assert_refused(path, "cannot read", "the user's that curfew runs as");
	assert_int_equal(seteuid(user), 0);
	(void)empty_folder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_file_for_its_owner_alone),
		cmocka_unit_test(all_have_the_same),
		cmocka_unit_test(the_whole_file_is_the_key),
		cmocka_unit_test(refuses_and_says_how_to_mend),
		cmocka_unit_test(some_files_may_not_be_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
