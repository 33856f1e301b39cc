/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of a child: ours with additions; LISTEN_PID follows the pid (sd_listen_fds(3)).
 */
#ifndef CHILD_ENVIRONMENT_H
#define CHILD_ENVIRONMENT_H

#include <stdbool.h>

struct environment {
	char **variables; /* ends with NULL */
	char *listen_pid; /* "LISTEN_PID=" and room for a pid, where the parent's was for the
	                     parent; or NULL */
};

/*
 * additions: "NAME=value", later ones win over earlier ones and over ours; NULL for none. Returns 0
 * or -ENOMEM.
 */
int environment_init(
	struct environment *environment, const char *const *additions, bool passes_descriptors);
void environment_fini(struct environment *environment);

/* Returns the value of a variable, NULL if there is none. */
const char *environment_get(const struct environment *environment, const char *name);

/* Returns where the child writes its own pid (struct spawn), NULL where nobody asks for it. */
char *environment_own_pid(const struct environment *environment);

#endif
