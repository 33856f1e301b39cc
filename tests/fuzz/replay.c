/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on every file of the folders and files that are its arguments: the corpora, in
 * the normal tests.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST_INPUT (1 << 20)

static int fail(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	return -1;
}

/*
 * Returns the number of inputs, or -1. The copy has the exact size, so that reading too far shows.
 */
static int replay_file(const char *path)
{
	static uint8_t bytes[LONGEST_INPUT];
	FILE *file = fopen(path, "re");
	uint8_t *copy;
	size_t size;

	if (!file) {
		return fail(path);
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	copy = malloc(size ? size : 1);
	if (!copy) {
		return fail(path);
	}
	memcpy(copy, bytes, size);
	fprintf(stderr, "%s\n", path); /* before it is run, so that a crash names its input */
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return 1;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!folder) {
		return fail(path);
	}
	while (count >= 0 && (entry = readdir(folder))) {
		char name[4096];

		if (entry->d_name[0] == '.') {
			continue;
		}
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		count = replay_file(name) < 0 ? -1 : count + 1;
	}
	closedir(folder);
	return count;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat status;
		int count;

		if (stat(argv[i], &status)) {
			fail(argv[i]);
			return 1;
		}
		count = S_ISDIR(status.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i]);
		if (count < 0) {
			return 1;
		}
		total += count;
	}
	if (!total) {
		fprintf(stderr, "replay: no input\n"); /* nothing tested is no success */
		return 1;
	}
	printf("%d inputs\n", total);
	return 0;
}
