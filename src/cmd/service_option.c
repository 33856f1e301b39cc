/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/service_option.h"

#include <unistd.h>

#include "cmd/output.h"
#include "core/outcome.h"

#define NOT_GIVEN (-1) /* a duration that no option can mean */

/* In the order of enum service_insist, enum curfew_level, enum journal_format. */
const char *const service_insists[] = {"now", "never", NULL};
const char *const service_log_levels[] = {"error", "warning", "info", "debug", NULL};
const char *const service_log_formats[] = {"text", "json", NULL};

static void preset(struct service_config *service)
{
	service->grace_ms = NOT_GIVEN;
	service->announce_ms = NOT_GIVEN;
}

/* What depends on where we run, and on what else was given. */
static void complete(const struct command *command, struct service_config *service)
{
	const struct grace grace =
		command->grace_preset ? command->grace_preset() : grace_preset_here();

	service->grace_reason = "as given";
	if (service->grace_ms == NOT_GIVEN) {
		service->grace_ms = grace.ms;
		service->grace_reason = grace.reason;
	}
	if (service->announce_ms == NOT_GIVEN) {
		service->announce_ms = command->is_never_announced ? 0 : announce_preset_here_ms();
	}
	if (!service->tls_key) {
		service->tls_key = service->tls_cert;
	}
}

bool service_option_read(const struct command *command, char ***arguments, void *config,
	struct service_config *service, int *exit_code)
{
	option_preset(command->options, config);
	service->command = command->name;
	preset(service);
	if (!command_read(command, arguments, config, exit_code)) {
		return false;
	}
	if (service->tls_key && !service->tls_cert) {
		output_error(
			command->name, "--tls-key without a certificate (name it with --tls-cert)");
		*exit_code = EXIT_CODE_USAGE;
		return false;
	}
	complete(command, service);
	option_strip(command->options, environ);
	option_strip(command_run.options, environ); /* of the keepers of our children */
	return true;
}
