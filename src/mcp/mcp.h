/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curfew mcp: an MCP server that speaks stdio, offered over HTTP: a child for each session, no call
 * lost at the end, and no child left.
 */
#ifndef MCP_MCP_H
#define MCP_MCP_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/service_config.h"
#include "base/words.h"

/* Durations in milliseconds, CURFEW_NEVER for none. Strings are borrowed. */
struct mcp_config {
	struct service_config service;
	const char *path;           /* of streamable HTTP, "/mcp" */
	struct words environment;   /* "NAME=value", for each child */
	struct words header_env;    /* "X-Api-Key=API_KEY": a header of initialize, for the child */
	const char *cwd;            /* of the children; NULL: ours */
	bool shared;                /* one child for all sessions */
	bool restart;               /* which is started again when it dies */
	int stateless_pool;         /* children kept for stateless requests; 0: one for each */
	int max_sessions;           /* then 503 */
	int spawn_most;             /* children that are starting at the same time */
	int64_t start_timeout_ms;   /* for a child to answer initialize */
	int64_t session_idle_ms;    /* without a request, and none in flight */
	int64_t session_max_ms;     /* in all */
	uint64_t max_message;       /* bytes of one message, either way */
	int replay;                 /* events that a session keeps for Last-Event-ID */
	int64_t request_timeout_ms; /* of a call */
	const char *session_key;    /* file; NULL: random */
	const char *replica;        /* our name; NULL: the host's */
	const char *peer_url;       /* "http://{replica}.curfew:8080"; NULL: no other replica */
	struct words allow_origin;  /* besides loopback's */
	struct words allow_host;    /* the same */
	const char *token_file;     /* of the bearer token; NULL: none is asked for */
	int64_t eof_wait_ms;        /* of a child, after the end of its input */
	int64_t term_wait_ms;       /* and after the stop signal */
	char *const *command;       /* ends with NULL */
	const char *keeper;         /* the program that keeps the children (curfew/child.h) */
};

/* Runs it to its end. Returns the exit code. */
int mcp_main(const struct mcp_config *config);

#endif
