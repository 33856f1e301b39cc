/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that serving commands share, as rows for their tables. type is the command's config,
 * which has a struct service_config called service. A command takes all of them:
 *
 *	SERVICE_OPTIONS(struct gate_config),
 *
 * or SERVICE_OPTIONS_OF_ALL and of the others those that fit it, one by one.
 */
#ifndef CMD_SERVICE_OPTION_H
#define CMD_SERVICE_OPTION_H

#include <stddef.h>

#include "admin/service_config.h"
#include "cmd/command.h"
#include "cmd/grace.h"

extern const char *const service_insists[];
extern const char *const service_log_levels[];
extern const char *const service_log_formats[];

#define SERVICE_FIELD(type, field) .offset = offsetof(type, service.field)

#define SERVICE_LISTEN(type)                                                                       \
	{                                                                                          \
		.name = "listen", .kind = OPTION_WORDS, SERVICE_FIELD(type, listen),               \
		.metavar = "ADDRESS,...", .preset_text = "127.0.0.1:8080, or systemd's sockets",   \
		.help = "Accept connections on HOST:PORT, :PORT for all addresses, or unix:PATH; " \
			"repeatable",                                                              \
	}
#define SERVICE_ADMIN(type)                                                                        \
	{                                                                                          \
		.name = "admin", .kind = OPTION_STRING, SERVICE_FIELD(type, admin),                \
		.metavar = "ADDRESS", .preset_text = "none",                                       \
		.help = "Answer /healthz, /readyz, /metrics and /status there, to the very end",   \
	}
#define SERVICE_GRACE(type, text)                                                                  \
	{                                                                                          \
		.name = "grace", .kind = OPTION_DURATION, SERVICE_FIELD(type, grace_ms),           \
		.metavar = "DURATION", .preset_text = text,                                        \
		.help = "Time from the first stop signal to our exit; what is left then is cut; "  \
			"inf for no limit",                                                        \
	}
#define SERVICE_ANNOUNCE(type, text)                                                               \
	{                                                                                          \
		.name = "announce", .kind = OPTION_DURATION, SERVICE_FIELD(type, announce_ms),     \
		.metavar = "DURATION", .preset_text = text,                                        \
		.help = "Of the grace: time for which we still accept, but say that we are not "   \
			"ready",                                                                   \
	}
#define SERVICE_REPORT(type)                                                                       \
	{                                                                                          \
		.name = "report", .kind = OPTION_STRING, SERVICE_FIELD(type, report),              \
		.metavar = "FILE",                                                                 \
		.help = "Write how it ended, as JSON, to a file, or to standard error (-)",        \
	}
#define SERVICE_LOG_LEVEL(type)                                                                    \
	{                                                                                          \
		.name = "log-level", .kind = OPTION_CHOICE, SERVICE_FIELD(type, log_level),        \
		.metavar = "LEVEL", .preset = "info", .choices = service_log_levels,               \
		.help = "Log events of this level and above: error, warning, info or debug",       \
	}
#define SERVICE_LOG_FORMAT(type)                                                                   \
	{                                                                                          \
		.name = "log-format", .kind = OPTION_CHOICE, SERVICE_FIELD(type, log_format),      \
		.metavar = "FORMAT", .preset = "text", .choices = service_log_formats,             \
		.help = "Log lines as key=value text, or as json",                                 \
	}
#define SERVICE_TLS_CERT(type)                                                                     \
	{                                                                                          \
		.name = "tls-cert", .kind = OPTION_STRING, SERVICE_FIELD(type, tls_cert),          \
		.metavar = "FILE",                                                                 \
		.help = "Serve TLS with this certificate chain (PEM); SIGHUP reads it again",      \
	}
#define SERVICE_TLS_KEY(type)                                                                      \
	{                                                                                          \
		.name = "tls-key", .kind = OPTION_STRING, SERVICE_FIELD(type, tls_key),            \
		.metavar = "FILE", .preset_text = "in the file of --tls-cert",                     \
		.help = "The certificate's private key (PEM)",                                     \
	}
#define SERVICE_TRUST_FORWARDED(type)                                                              \
	{                                                                                          \
		.name = "trust-forwarded", .kind = OPTION_WORDS,                                   \
		SERVICE_FIELD(type, trust_forwarded), .metavar = "CIDR,...",                       \
		.preset_text = "nobody",                                                           \
		.help = "Believe what proxies of these addresses say about their clients; "        \
			"repeatable",                                                              \
	}
#define SERVICE_MAX_CONNECTIONS(type)                                                              \
	{                                                                                          \
		.name = "max-connections", .kind = OPTION_NUMBER,                                  \
		SERVICE_FIELD(type, max_connections), .metavar = "N",                              \
		.preset_text = "what the descriptors allow", .least = 1, .most = 10000000,         \
		.help = "Connections at a time; more wait for a place, and are then refused",      \
	}
#define SERVICE_REQUEST_TIMEOUT(type)                                                              \
	{                                                                                          \
		.name = "request-timeout", .kind = OPTION_DURATION,                                \
		SERVICE_FIELD(type, request_timeout_ms), .metavar = "DURATION", .preset = "inf",   \
		.help = "Time for a request, from its head to the end of its answer",              \
	}
#define SERVICE_PROXY_PROTOCOL(type)                                                               \
	{                                                                                          \
		.name = "proxy-protocol", .kind = OPTION_FLAG,                                     \
		SERVICE_FIELD(type, proxy_protocol),                                               \
		.help = "Every connection begins with a PROXY protocol header, version 1 or 2",    \
	}
#define SERVICE_THREADS(type)                                                                      \
	{                                                                                          \
		.name = "threads", .kind = OPTION_NUMBER, SERVICE_FIELD(type, threads),            \
		.metavar = "N", .preset_text = "the cores", .least = 1, .most = 64,                \
		.help = "Threads that serve connections",                                          \
	}
#define SERVICE_INSIST(type)                                                                       \
	{                                                                                          \
		.name = "insist", .kind = OPTION_CHOICE, SERVICE_FIELD(type, insist),              \
		.metavar = "WHEN", .preset = "now", .choices = service_insists,                    \
		.help = "Cut at once when a second stop signal comes, or never for that",          \
	}
#define SERVICE_FORCED_EXIT(type)                                                                  \
	{                                                                                          \
		.name = "forced-exit", .kind = OPTION_NUMBER, SERVICE_FIELD(type, forced_exit),    \
		.metavar = "CODE", .preset = "0", .most = 255,                                     \
		.help = "Exit code where the end was asked for but something had to be cut",       \
	}

/* What fits every command; grace, announce: what people are told of their defaults. */
#define SERVICE_OPTIONS_PRESET(type, grace, announce)                                              \
	SERVICE_LISTEN(type), SERVICE_ADMIN(type), SERVICE_GRACE(type, grace),                     \
		SERVICE_ANNOUNCE(type, announce), SERVICE_REPORT(type), SERVICE_LOG_LEVEL(type),   \
		SERVICE_LOG_FORMAT(type), SERVICE_TLS_CERT(type), SERVICE_TLS_KEY(type),           \
		SERVICE_PROXY_PROTOCOL(type), SERVICE_INSIST(type), SERVICE_FORCED_EXIT(type)

#define SERVICE_OPTIONS_OF_ALL(type)                                                               \
	SERVICE_OPTIONS_PRESET(type, GRACE_PRESET_TEXT, ANNOUNCE_PRESET_TEXT)

#define SERVICE_OPTIONS(type)                                                                      \
	SERVICE_OPTIONS_OF_ALL(type), SERVICE_MAX_CONNECTIONS(type),                               \
		SERVICE_TRUST_FORWARDED(type), SERVICE_REQUEST_TIMEOUT(type),                      \
		SERVICE_THREADS(type)

/*
 * Reads a serving command's arguments into config, whose service is this one: command_read, with
 * all defaults before it. Afterwards the environment has no variables of options any more, for
 * children. Returns whether to go on; if not, *exit_code is set.
 */
bool service_option_read(const struct command *command, char ***arguments, void *config,
	struct service_config *service, int *exit_code);

#endif
