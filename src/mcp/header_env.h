/* SPDX-License-Identifier: Apache-2.0 */
/* --header-env: headers of the request that begins a session, as variables for its child. */
#ifndef MCP_HEADER_ENV_H
#define MCP_HEADER_ENV_H

#include "base/words.h"
#include "http/head.h"

struct header_env {
	char *variables[WORDS_MOST + 1]; /* "NAME=value"; ends with NULL */
};

/* Returns NULL, or what is wrong with "X-Api-Key=API_KEY", as words that fit behind it. */
const char *header_env_check(const char *word);

/* Headers that are not there give no variable. Returns 0 or -ENOMEM; fini in any case. */
int header_env_init(
	struct header_env *environment, const struct words *words, const struct http_head *head);
void header_env_fini(struct header_env *environment);

/* As backend_start has it. */
static inline const char *const *header_env_list(const struct header_env *environment)
{
	return (const char *const *)environment->variables;
}

#endif
