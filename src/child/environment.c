/* SPDX-License-Identifier: Apache-2.0 */
#include "child/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child/spawn.h"

#define LISTEN_PID "LISTEN_PID"

static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static size_t count_variables(const char *const *variables)
{
	size_t count = 0;

	while (variables && variables[count]) {
		count++;
	}
	return count;
}

/* Puts a variable in the place of one of the same name, or at the end. */
static size_t set(char **variables, size_t count, char *variable)
{
	size_t length = name_length(variable);

	for (size_t i = 0; i < count; i++) {
		if (name_length(variables[i]) == length &&
			strncmp(variables[i], variable, length) == 0) {
			variables[i] = variable;
			return count;
		}
	}
	variables[count] = variable;
	return count + 1;
}

/* Sockets that were passed to us are passed on: their LISTEN_PID must name the child. */
static int pass_listen_pid(struct environment *environment, size_t count)
{
	const char *listen_pid = environment_get(environment, LISTEN_PID);

	if (!listen_pid || atol(listen_pid) != (long)getpid()) {
		return 0;
	}
	environment->listen_pid = calloc(1, sizeof(LISTEN_PID "=") + SPAWN_PID_DIGITS);
	if (!environment->listen_pid) {
		return -ENOMEM;
	}
	memcpy(environment->listen_pid, LISTEN_PID "=", sizeof(LISTEN_PID "="));
	(void)set(environment->variables, count, environment->listen_pid);
	return 0;
}

int environment_init(
	struct environment *environment, const char *const *additions, bool passes_descriptors)
{
	size_t ours = count_variables((const char *const *)environ);
	size_t count = ours;
	int error;

	*environment = (struct environment){0};
	environment->variables =
		calloc(ours + count_variables(additions) + 1, sizeof(*environment->variables));
	if (!environment->variables) {
		return -ENOMEM;
	}
	if (ours) {
		memcpy(environment->variables, environ, ours * sizeof(*environ));
	}
	for (size_t i = 0; additions && additions[i]; i++) {
		count = set(environment->variables, count, (char *)additions[i]);
	}
	error = passes_descriptors ? pass_listen_pid(environment, count) : 0;
	if (error < 0) {
		environment_fini(environment);
	}
	return error;
}

void environment_fini(struct environment *environment)
{
	free(environment->listen_pid);
	free(environment->variables);
	*environment = (struct environment){0};
}

const char *environment_get(const struct environment *environment, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; environment->variables[i]; i++) {
		const char *variable = environment->variables[i];

		if (name_length(variable) == length && strncmp(variable, name, length) == 0) {
			return variable[length] == '=' ? variable + length + 1 : NULL;
		}
	}
	return NULL;
}

char *environment_own_pid(const struct environment *environment)
{
	return environment->listen_pid ? environment->listen_pid + sizeof(LISTEN_PID) : NULL;
}
