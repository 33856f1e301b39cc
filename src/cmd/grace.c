/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/grace.h"

#include <stdlib.h>
#include <unistd.h>

#define GRACE_MS 25000       /* Kubernetes kills at 30 s */
#define GRACE_DOCKER_MS 8000 /* docker stop and Compose kill at 10 s */

int64_t grace_preset_ms(bool first_process, bool kubernetes)
{
	return first_process && !kubernetes ? GRACE_DOCKER_MS : GRACE_MS;
}

int64_t grace_preset_here_ms(void)
{
	return grace_preset_ms(getpid() == 1, getenv("KUBERNETES_SERVICE_HOST"));
}
