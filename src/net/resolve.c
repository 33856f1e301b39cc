/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look-up cannot be taken back once a thread of libuv's is at it (uv_cancel), and a name server
 * that hangs keeps it there for long. So it is an object of its own, which its target may leave:
 * then what it finds is dropped. A worker that ends meanwhile says that it is busy.
 */
#include "net/resolve.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curfew/time.h>

#include "base/list.h"

#define FAMILIES 2

struct lookup {
	uv_getaddrinfo_t request;
	struct dial_target *target; /* NULL: it is gone */
	struct curfew_link waiting;
};

struct resolved *resolved_ref(struct resolved *resolved)
{
	resolved->references++;
	return resolved;
}

void resolved_unref(struct resolved *resolved)
{
	if (resolved && --resolved->references == 0) {
		free(resolved);
	}
}

static struct resolved *resolved_new(int count)
{
	struct resolved *resolved =
		calloc(1, sizeof(*resolved) + (size_t)count * sizeof(resolved->addresses[0]));

	if (resolved) {
		resolved->references = 1;
	}
	return resolved;
}

static void keep(struct dial_target *target, struct resolved *resolved, int64_t until)
{
	resolved_unref(target->resolved);
	target->resolved = resolved;
	target->resolved_until = until;
}

static int keep_literal(struct dial_target *target, const struct socket_address *literal)
{
	struct resolved *resolved = resolved_new(1);

	if (!resolved) {
		return -ENOMEM;
	}
	resolved->addresses[resolved->count++] = *literal;
	keep(target, resolved, CURFEW_NEVER);
	return 0;
}

/* Deals them out by family; the first one's family is the first. */
static void deal(const struct addrinfo *found,
	const struct addrinfo *dealt[FAMILIES][RESOLVED_MOST], int count[FAMILIES])
{
	for (const struct addrinfo *each = found; each; each = each->ai_next) {
		int family = each->ai_family != found->ai_family;

		if (count[family] < RESOLVED_MOST &&
			each->ai_addrlen <= sizeof(struct sockaddr_storage)) {
			dealt[family][count[family]++] = each;
		}
	}
}

static int keep_found(struct dial_target *target, const struct addrinfo *found)
{
	const struct addrinfo *dealt[FAMILIES][RESOLVED_MOST];
	int count[FAMILIES] = {0};
	struct resolved *resolved;

	deal(found, dealt, count);
	if (!count[0]) {
		return -ENOENT;
	}
	resolved = resolved_new(RESOLVED_MOST);
	if (!resolved) {
		return -ENOMEM;
	}
	for (int i = 0; i < RESOLVED_MOST; i++) {
		for (int family = 0; family < FAMILIES; family++) {
			if (i < count[family] && resolved->count < RESOLVED_MOST) {
				const struct addrinfo *from = dealt[family][i];
				struct socket_address *to = &resolved->addresses[resolved->count++];

				memcpy(&to->storage, from->ai_addr, from->ai_addrlen);
				to->length = from->ai_addrlen;
			}
		}
	}
	keep(target, resolved, curfew_after_ms(RESOLVED_KEPT_MS));
	return 0;
}

static int error_of(int status)
{
	switch (status) {
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_FAIL:
		return -ENOENT;
	case UV_EAI_AGAIN:
	case UV_EAI_CANCELED:
		return -EAGAIN;
	case UV_EAI_MEMORY:
		return -ENOMEM;
	default: /* an errno, or a mistake in what was asked */
		return status > UV_EAI_ADDRFAMILY ? status : -EIO;
	}
}

/* What was found last still serves where the name server does not answer. */
static int look_up_done(struct dial_target *target, int status, const struct addrinfo *found)
{
	int error = status ? error_of(status) : keep_found(target, found);

	return error == -EAGAIN && target->resolved ? 0 : error;
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct lookup *lookup = container_of(request, struct lookup, request);
	struct curfew_link *link;
	int error;

	if (lookup->target) {
		lookup->target->lookup = NULL;
		error = look_up_done(lookup->target, status, found);
		while ((link = list_take(&lookup->waiting))) {
			struct resolve_wait *wait = container_of(link, struct resolve_wait, link);

			wait->done(wait, error);
		}
	}
	uv_freeaddrinfo(found);
	free(lookup);
}

/* The host "" is this machine. */
static int look_up(struct dial_target *target, struct worker *worker)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	const char *host = target->address.host;
	char port[sizeof("65535")];
	int error;

	if (!lookup) {
		return -ENOMEM;
	}
	list_init(&lookup->waiting);
	(void)snprintf(port, sizeof(port), "%u", target->address.port);
	error = uv_getaddrinfo(
		worker_uv(worker), &lookup->request, looked_up, *host ? host : NULL, port, &hints);
	if (error) {
		free(lookup);
		return error;
	}
	lookup->target = target;
	target->lookup = lookup;
	return 0;
}

int resolve(struct dial_target *target, struct worker *worker, struct resolve_wait *wait)
{
	struct socket_address literal;
	int error = 0;

	if (target->resolved && curfew_now() < target->resolved_until) {
		return 1;
	}
	if (address_literal(&target->address, &literal)) {
		error = keep_literal(target, &literal);
		return error ? error : 1;
	}
	if (!target->lookup) {
		error = look_up(target, worker);
	}
	if (!error) {
		list_append(&target->lookup->waiting, &wait->link);
	}
	return error;
}

void resolve_forget(struct resolve_wait *wait)
{
	link_remove(&wait->link);
}

void resolve_doubt(struct dial_target *target)
{
	if (target->resolved_until != CURFEW_NEVER) {
		target->resolved_until = 0;
	}
}

void dial_target_fini(struct dial_target *target)
{
	if (target->lookup) {
		assert(list_empty(&target->lookup->waiting));
		target->lookup->target = NULL;
		(void)uv_cancel((uv_req_t *)&target->lookup->request);
		target->lookup = NULL;
	}
	resolved_unref(target->resolved);
	target->resolved = NULL;
}
