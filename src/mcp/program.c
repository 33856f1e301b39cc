/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SEARCH "/bin:/usr/bin" /* execvp(3)'s, without PATH */

/* Returns 0 or an errno. */
static int check_file(int folder, const char *path)
{
	struct stat status;

	if (fstatat(folder, path, &status, 0) < 0) {
		return errno;
	}
	if (S_ISDIR(status.st_mode)) {
		return EACCES;
	}
	return faccessat(folder, path, X_OK, 0) < 0 ? errno : 0;
}

static const char *search_path(const struct words *environment)
{
	const char *search = getenv("PATH");

	for (size_t i = 0; i < environment->count; i++) {
		if (!strncmp(environment->word[i], "PATH=", 5)) {
			search = environment->word[i] + 5;
		}
	}
	return search ? search : DEFAULT_SEARCH;
}

/* As execvp(3): the first that may be executed; EACCES if there are only others. */
static int search_file(int folder, const char *search, const char *name)
{
	int result = ENOENT;

	for (;;) {
		size_t length = strcspn(search, ":");
		char path[PATH_MAX];
		int error;

		(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)length, search,
			length ? "/" : "", name);
		error = check_file(folder, path);
		if (!error) {
			return 0;
		}
		result = error == EACCES ? EACCES : result;
		if (!search[length]) {
			return result;
		}
		search += length + 1;
	}
}

int program_check(const struct mcp_config *config)
{
	const char *name = config->command[0];
	int folder = AT_FDCWD;
	int error;

	if (!name[0]) {
		return ENOENT;
	}
	if (config->cwd) {
		folder = open(config->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0) {
			return errno;
		}
	}
	error = strchr(name, '/') ? check_file(folder, name)
				  : search_file(folder, search_path(&config->environment), name);
	if (folder != AT_FDCWD) {
		close(folder);
	}
	return error;
}
