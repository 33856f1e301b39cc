/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What curfew relay logs besides what all serving commands do (admin/event.h): no payloads, no
 * tokens, no headers.
 */
#ifndef RELAY_EVENT_H
#define RELAY_EVENT_H

#include "admin/event.h"

#define RELAY_EVENTS(X)                                                                            \
	X(REGISTERED, "registered", INFO, true, "server_id conn_id remote",                        \
		"a server or a client has its place")                                              \
	X(NOT_REGISTERED, "not_registered", WARNING, true, "server_id conn_id remote code",        \
		"one was closed instead")                                                          \
	X(CLOSED, "closed", INFO, true, "server_id conn_id remote code sent cause age_ms",         \
		"a connection is over: the peer's close code, ours, and why")                      \
	X(KEPT, "kept", INFO, true, "server_id clients", "a server dropped; its id is kept")       \
	X(EXPIRED, "expired", WARNING, true, "server_id clients",                                  \
		"a kept id was not claimed in time; its clients are closed")                       \
	X(TAKEN_OVER, "taken_over", WARNING, true, "server_id conn_id clients",                    \
		"another server has an id now; the clients are evicted")                           \
	X(NOT_ROUTED, "not_routed", WARNING, true, "server_id conn_id reason",                     \
		"a message was dropped, or ended its connection")                                  \
	X(REFUSED, "refused", WARNING, true, "remote endpoint status reason",                      \
		"a request was refused")                                                           \
	X(CERTIFICATE_LOADED, "certificate_loaded", INFO, false, "domain serial not_after",        \
		"a certificate is served from now on")                                             \
	X(CERTIFICATE_ISSUED, "certificate_issued", INFO, false, "domain serial not_after",        \
		"the CA has issued a certificate")                                                 \
	X(CERTIFICATE_FAILED, "certificate_failed", ERROR, false, "domain reason next_try_s",      \
		"none was issued; a warning where the old one is still good")                      \
	X(CERTIFICATE_UNUSABLE, "certificate_unusable", WARNING, false, "file reason",             \
		"what was in the cache at the start cannot be served; another one is issued")      \
	X(UACME_SAID, "uacme_said", INFO, false, "line", "a line of uacme, which asks the CA")

enum relay_event {
#define RELAY_EVENT(name, word, level, bulk, fields, text) RELAY_EVENT_##name,
	RELAY_EVENTS(RELAY_EVENT)
#undef RELAY_EVENT
};

/* By enum relay_event. */
extern const struct journal_event relay_events[];

#endif
