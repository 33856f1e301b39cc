/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the service manager how it goes (sd_notify(3), the protocol of systemd, without its
 * library): where NOTIFY_SOCKET names a socket, a datagram for each of
 *
 *	READY=1		at RUNNING
 *	STOPPING=1	when the end begins, once
 *	STATUS=		with counts, when the phase changes and each second of the end
 *	EXTEND_TIMEOUT_USEC=	each second of the end in which something was finished
 *
 * Never blocks: what the socket does not take is sent a little later. Without NOTIFY_SOCKET all of
 * it does nothing. For the thread that dispatches.
 */
#ifndef ADMIN_NOTIFY_H
#define ADMIN_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <curfew/lifecycle.h>

#include "admin/metrics.h"
#include "core/agenda.h"

#define NOTIFY_STATUS 192 /* bytes of a STATUS, its NUL included */

/* Private. */
struct notifier {
	const struct metrics *metrics;
	struct agenda *agenda;
	int fd; /* -1: nobody listens */
	struct sockaddr_un address;
	socklen_t length;
	struct timer tick;
	const char *owed;         /* "READY=1\n": not sent yet */
	bool stopping;            /* the end has begun */
	uint64_t ended, held;     /* at the last tick: what progress is measured by */
	char said[NOTIFY_STATUS]; /* the last STATUS */
};

/*
 * Takes NOTIFY_SOCKET out of the environment, so that no child takes it for its own; before other
 * threads are started. Returns 0, or a negative errno with the notifier as if there were none
 * (-EINVAL: no path and no abstract name).
 */
int notifier_start(struct notifier *notifier, const struct metrics *metrics, struct agenda *agenda);

/* To be called in on_phase. */
void notifier_phase(struct notifier *notifier, enum curfew_phase phase);

void notifier_fini(struct notifier *notifier);

#endif
