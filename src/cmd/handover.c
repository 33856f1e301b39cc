/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/output.h"
#include "core/outcome.h"
#include "loop/signals.h"

#define VARIABLE "CURFEW_HANDOVER"
#define NETWORK_PROGRAM "curfew-net"
#define SELF "/proc/self/exe"
#define SIGNALS_MOST 64

static char keeper[PATH_MAX];

/* Both are PATH_MAX bytes, and the text fits. */
static void copy_path(char to[PATH_MAX], const char *from)
{
	memcpy(to, from, strlen(from) + 1);
}

static uint64_t mask_bits(const sigset_t *mask)
{
	uint64_t bits = 0;

	for (int signal = 1; signal <= SIGNALS_MOST; signal++) {
		bits |= (uint64_t)(sigismember(mask, signal) == 1) << (signal - 1);
	}
	return bits;
}

static void mask_of_bits(uint64_t bits, sigset_t *mask)
{
	sigemptyset(mask);
	for (int signal = 1; signal <= SIGNALS_MOST; signal++) {
		if (bits >> (signal - 1) & 1) {
			(void)sigaddset(mask, signal);
		}
	}
}

bool handover_parse(const char *text, pid_t pid, struct handover *handover)
{
	uint64_t bits;
	int whose, used = 0;

	if (sscanf(text, "%d:%16" SCNx64 ":%n", &whose, &bits, &used) != 2 || !used ||
		whose != pid || strlen(text + used) >= sizeof(handover->program)) {
		return false;
	}
	mask_of_bits(bits, &handover->mask);
	copy_path(handover->program, text + used);
	return true;
}

/* Writes the path of our own program. Returns false if it is not known, or was removed. */
static bool own_path(char path[PATH_MAX])
{
	ssize_t length = readlink(SELF, path, PATH_MAX - 1);

	if (length < 0) {
		length = 0;
	}
	path[length] = '\0';
	return path[0] == '/';
}

/* Puts another name in the place of a path's last one. Returns false if that gets too long. */
static bool path_beside(char path[PATH_MAX], const char *name)
{
	size_t folder = (size_t)(strrchr(path, '/') - path) + 1;

	if (folder + strlen(name) >= PATH_MAX) {
		return false;
	}
	memcpy(path + folder, name, strlen(name) + 1);
	return true;
}

static void hand_over(const char *program)
{
	sigset_t mask = signals_original_mask();
	char value[PATH_MAX + 64];

	(void)snprintf(value, sizeof(value), "%d:%016" PRIx64 ":%s", (int)getpid(),
		mask_bits(&mask), access(program, X_OK) == 0 ? program : "");
	(void)setenv(VARIABLE, value, 1);
	signals_before_exec();
}

static int refuse(const struct command *command, const char *path, const char *own, int error)
{
	if (error != ENOENT) {
		output_error(command->name, "cannot run %s: %s (install it anew)", path,
			strerror(error));
		return EXIT_CODE_CANNOT_EXECUTE;
	}
	if (access(path, F_OK) == 0) {
		output_error(command->name,
			"cannot run %s: this system has no loader for it (it needs glibc, libuv "
			"and OpenSSL)",
			path);
		return EXIT_CODE_CANNOT_EXECUTE;
	}
	output_error(command->name,
		"cannot find " NETWORK_PROGRAM " beside '%s' or in " CURFEW_LIBEXEC
		" (put it there: it has the commands that serve)",
		own);
	return EXIT_CODE_NOT_FOUND;
}

int handover_exec(const struct command *command, char **argv)
{
	char own[PATH_MAX], path[PATH_MAX];

	if (own_path(own)) {
		hand_over(own);
		copy_path(path, own);
		if (path_beside(path, NETWORK_PROGRAM)) {
			(void)execv(path, argv);
			if (errno != ENOENT || access(path, F_OK) == 0) {
				return refuse(command, path, own, errno);
			}
		}
	} else {
		hand_over("");
	}
	copy_path(path, CURFEW_LIBEXEC "/" NETWORK_PROGRAM);
	(void)execv(path, argv);
	return refuse(command, path, own, errno);
}

void handover_take(void)
{
	const char *text = getenv(VARIABLE);
	struct handover handover;

	if (text && handover_parse(text, getpid(), &handover)) {
		signals_set_original_mask(&handover.mask);
		copy_path(keeper, handover.program);
	}
	(void)unsetenv(VARIABLE);
}

const char *handover_keeper(void)
{
	if (!keeper[0] &&
		(!own_path(keeper) || !path_beside(keeper, "curfew") || access(keeper, X_OK) < 0)) {
		copy_path(keeper, SELF);
	}
	return keeper;
}
