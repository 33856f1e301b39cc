/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of service_init. Each returns 0, or the exit code after a notice. */
#ifndef ADMIN_SERVICE_START_H
#define ADMIN_SERVICE_START_H

#include "admin/service.h"

/* Opens all that may be refused because of what the user gave; there is no second thread yet. */
int service_open(struct service *service);

/* Starts the workers, and what lives on them. */
int service_start(struct service *service);

/*
 * Opens the sockets of the front: for service_open, or for service_listen where they are opened
 * later, so that nobody queues before what takes long to start.
 */
int service_open_front(struct service *service);

/* Refuses because of an errno. */
int service_refuse_start(const struct service *service, int error);

#endif
