/* SPDX-License-Identifier: Apache-2.0 */
/* What a service tells of itself in its log. */
#ifndef ADMIN_SERVICE_TOLD_H
#define ADMIN_SERVICE_TOLD_H

#include "admin/service.h"

void service_tell_started(struct service *service);
void service_tell_ready(struct service *service);

/* The state dump, a line for each of its lines. */
void service_tell_state(struct service *service);

void service_tell_stopping(struct service *service);
void service_tell_phase(struct service *service, enum curfew_phase phase);

/* The last line: what the report says, in words. */
void service_tell_ended(struct service *service);

#endif
