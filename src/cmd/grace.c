/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/grace.h"

#include <stdlib.h>
#include <unistd.h>

static const struct grace below_kubernetes = {25000, "the default: Kubernetes kills after 30s"};
static const struct grace below_docker = {
	8000, "the default as PID 1: docker stop kills after 10s"};
static const struct grace of_plugins = {30000, "the default of plugin servers"};

#define ANNOUNCE_KUBERNETES_MS 5000 /* endpoints are withdrawn by then */

static bool in_kubernetes(void)
{
	return getenv("KUBERNETES_SERVICE_HOST");
}

struct grace grace_preset(bool first_process, bool kubernetes)
{
	return first_process && !kubernetes ? below_docker : below_kubernetes;
}

struct grace grace_preset_here(void)
{
	return grace_preset(getpid() == 1, in_kubernetes());
}

struct grace grace_serve_preset(bool first_process, bool kubernetes)
{
	return first_process || kubernetes ? grace_preset(first_process, kubernetes) : of_plugins;
}

struct grace grace_serve_preset_here(void)
{
	return grace_serve_preset(getpid() == 1, in_kubernetes());
}

int64_t announce_preset_here_ms(void)
{
	return in_kubernetes() ? ANNOUNCE_KUBERNETES_MS : 0;
}
