/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay.h"

#include <stddef.h>
#include <stdlib.h>

#include "cmd/handover.h"
#include "cmd/service_option.h"
#include "core/outcome.h"

#define FIELD(field) .offset = offsetof(struct relay_config, field)

#define TEN_MILLION 10000000
#define BURST_MOST 100000

static const struct option options[] = {
	{
		.name = "header-prefix",
		.kind = OPTION_STRING,
		FIELD(header_prefix),
		.metavar = "PREFIX",
		.preset_text = "X-Relay alone",
		.help = "Take header fields that begin so, too: X-Pyrycode",
	},
	{
		.name = "max-clients",
		.kind = OPTION_NUMBER,
		FIELD(max_clients),
		.metavar = "N",
		.preset = "16",
		.least = 1,
		.most = TEN_MILLION,
		.help = "Clients of one server; more are closed with 4429",
	},
	{
		.name = "max-connections",
		.kind = OPTION_NUMBER,
		FIELD(max_connections),
		.metavar = "N",
		.preset_text = "10000, or as many as the descriptors allow",
		.least = 1,
		.most = TEN_MILLION,
		.help = "Servers and clients at a time; more are refused, with 503",
	},
	{
		.name = "max-per-ip",
		.kind = OPTION_NUMBER,
		FIELD(max_per_ip),
		.metavar = "N",
		.preset = "0",
		.most = TEN_MILLION,
		.help = "The same of one address, with 429; 0 for any number",
	},
	{
		.name = "rate-limit",
		.kind = OPTION_RATE,
		FIELD(rate_interval_ms),
		.metavar = "RATE",
		.preset = "10/m",
		.help = "How often one address may ask for a connection; then 429; 0 for no limit",
	},
	{
		.name = "burst",
		.kind = OPTION_NUMBER,
		FIELD(burst),
		.metavar = "N",
		.preset = "20",
		.least = 1,
		.most = BURST_MOST,
		.help = "How often it may ask at once, if it has not asked for some time",
	},
	{
		.name = "max-message",
		.kind = OPTION_SIZE,
		FIELD(max_message),
		.metavar = "SIZE",
		.preset = "256k",
		.help = "The longest message; who sends a longer one is closed with 1009",
	},
	{
		.name = "outbox",
		.kind = OPTION_SIZE,
		FIELD(outbox),
		.metavar = "SIZE",
		.preset = "4M",
		.help = "What may wait for one receiver; then it is closed with 1011",
	},
	{
		.name = "max-memory",
		.kind = OPTION_SIZE,
		FIELD(max_memory),
		.metavar = "SIZE",
		.preset = "1G",
		.help = "What may wait in all; then who has more than an even share is closed with "
			"1011",
	},
	{
		.name = "head-timeout",
		.kind = OPTION_DURATION,
		FIELD(head_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for the head of a request to be whole; then 408",
	},
	{
		.name = "ping-interval",
		.kind = OPTION_DURATION,
		FIELD(ping_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "Ping each connection so often",
	},
	{
		.name = "pong-timeout",
		.kind = OPTION_DURATION,
		FIELD(pong_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "Time for the answer; then the connection is closed with 1011",
	},
	{
		.name = "message-timeout",
		.kind = OPTION_DURATION,
		FIELD(message_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "Time for a message to be whole, from its first byte",
	},
	{
		.name = "write-timeout",
		.kind = OPTION_DURATION,
		FIELD(write_ms),
		.metavar = "DURATION",
		.preset = "10s",
		.help = "Time for a receiver to take what waits for it; then 1011",
	},
	{
		.name = "close-timeout",
		.kind = OPTION_DURATION,
		FIELD(close_ms),
		.metavar = "DURATION",
		.preset = "5s",
		.help = "Time for the answer to a close frame",
	},
	{
		.name = "reclaim-grace",
		.kind = OPTION_DURATION,
		FIELD(reclaim_grace_ms),
		.metavar = "DURATION",
		.preset = "30s",
		.help = "How long the id of a server that dropped is kept, with its clients",
	},
	{
		.name = "claim-timeout",
		.kind = OPTION_DURATION,
		FIELD(claim_ms),
		.metavar = "DURATION",
		.preset = "10s",
		.help = "Time for a server to answer a ping when another one claims its id",
	},
	{
		.name = "spread",
		.kind = OPTION_DURATION,
		FIELD(spread_ms),
		.metavar = "DURATION",
		.preset = "0s",
		.help = "At the end, close clients at random moments of this time, instead of all "
			"at once",
	},
	{
		.name = "metrics-prefix",
		.kind = OPTION_STRING,
		FIELD(metrics_prefix),
		.metavar = "PREFIX",
		.help = "Tell the metrics that pyrycode-relay has under its names, too: "
			"pyrycode_relay",
	},
	{
		.name = "production",
		.kind = OPTION_FLAG,
		FIELD(production),
		.help = "Refuse to start without TLS, or as root",
	},
	{
		.name = "domain",
		.kind = OPTION_STRING,
		FIELD(domain),
		.metavar = "NAME",
		.help = "Serve TLS as this host, with a certificate by ACME; needs --cert-cache",
	},
	{
		.name = "cert-cache",
		.kind = OPTION_STRING,
		FIELD(cert_cache),
		.metavar = "DIR",
		.help = "Where the account's key and the certificates are kept",
	},
	{
		.name = "acme-url",
		.kind = OPTION_STRING,
		FIELD(acme_url),
		.metavar = "URL",
		.preset_text = "that of uacme, which is Let's Encrypt's",
		.help = "The directory of another certificate authority",
	},
	{
		.name = "acme-listen",
		.kind = OPTION_STRING,
		FIELD(acme_listen),
		.metavar = "ADDRESS",
		.preset_text = ":80",
		.help = "Where the authority's challenge is answered, and nothing else",
	},
	SERVICE_OPTIONS_OF_ALL(struct relay_config),
	SERVICE_TRUST_FORWARDED(struct relay_config),
	SERVICE_THREADS(struct relay_config),
	{.name = NULL},
};

static bool configure_relay(
	const struct command *self, char **arguments, void *memory, int *exit_code)
{
	struct relay_config *config = memory;

	if (!service_option_read(self, &arguments, config, &config->service, exit_code)) {
		return false;
	}
	if (!command_takes_no_more(self, arguments)) {
		*exit_code = EXIT_CODE_USAGE;
		return false;
	}
	if (config->domain) {
		config->service.listen_preset = ":443";
		config->acme_listen = config->acme_listen ? config->acme_listen : ":80";
	}
	config->service.descriptors_each = 1;
	config->service.request_timeout_ms = CURFEW_NEVER;
	config->keeper = handover_keeper();
	return true;
}

const struct command command_relay = {
	.name = "relay",
	.summary = "Forward WebSocket messages between servers behind NAT and their clients, in "
		   "order",
	.takes = OPERANDS_NONE,
	.options = options,
	.configure = configure_relay,
	.config_bytes = sizeof(struct relay_config),
};
