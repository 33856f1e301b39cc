/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "relay/event.h"
#include "ws/opening.h"

#define FULL_WAIT_S 5
#define ENDING_WAIT_S 1  /* another one may be there at once */
#define TOLD_AT_ONCE 256 /* of a lane: whoever finds the port may ask for anything */
#define TOLD_EACH_MS 100
#define FIELD_MOST (ENDPOINT_PREFIX_MOST + 16)

/* What is asked for, until it is answered. */
struct asked {
	struct lane *lane;
	struct http_connection *from;
	const char *endpoint; /* for the log */
	struct member_asked member;
	char remote[INET6_ADDRSTRLEN];
};

static struct lane *lane_of(struct http_connection *connection)
{
	return connection->server->arg;
}

/* Refusals. */

static void count_attempt(struct asked *asked, enum relay_outcome outcome)
{
	relay_count(&asked->lane->counts.upgrades[asked->member.role][outcome], 1);
}

static void tell_refused(struct asked *asked, unsigned status, const char *reason)
{
	if (!telling_allows(&asked->lane->telling, curfew_now(), TOLD_AT_ONCE, TOLD_EACH_MS)) {
		return;
	}
	journal_tell(&asked->lane->relay->service.journal, &relay_events[RELAY_EVENT_REFUSED],
		journal_text(asked->remote), journal_text(asked->endpoint), journal_number(status),
		journal_text(reason));
}

static void refuse(struct asked *asked, unsigned status, const char *reason, const char *fields)
{
	char text[160];

	tell_refused(asked, status, reason);
	(void)snprintf(text, sizeof(text), "%s\n", reason);
	http_answer_whole(asked->from, status, "text/plain; charset=utf-8", text, fields);
}

static void refuse_until(struct asked *asked, unsigned status, const char *reason, int64_t wait_s)
{
	char fields[48];

	(void)snprintf(fields, sizeof(fields), "Retry-After: %lld\r\n", (long long)wait_s);
	refuse(asked, status, reason, fields);
}

/* The head. */

static const char *prefix(const struct asked *asked)
{
	return asked->lane->relay->config->header_prefix;
}

/* Finds the only field of a name. Returns why not, static: it is missing, empty, or there twice. */
static const char *find_only(
	const struct http_head *head, const char *name, struct http_text *value)
{
	const struct http_field *field = http_head_find(head, name, NULL);

	if (!field) {
		return "is missing";
	}
	*value = http_head_text(head, field->value);
	if (http_head_find(head, name, field)) {
		return "is there twice";
	}
	return value->length ? NULL : "is empty";
}

/* The same of X-Relay-NAME, or of the name with the other prefix, which is looked for first. */
static const char *find_ours(const struct asked *asked, const char *name, struct http_text *value)
{
	const struct http_head *head = &asked->from->parser.head;
	char whole[FIELD_MOST];

	if (prefix(asked)) {
		(void)snprintf(whole, sizeof(whole), "%s-%s", prefix(asked), name);
		if (http_head_find(head, whole, NULL)) {
			return find_only(head, whole, value);
		}
	}
	(void)snprintf(whole, sizeof(whole), ENDPOINT_PREFIX "-%s", name);
	return find_only(head, whole, value);
}

/* Also those of two bytes, U+0080 to U+009F. */
static bool is_control(const char *bytes, size_t length)
{
	unsigned char first = (unsigned char)bytes[0];

	return first < ' ' || first == 0x7f ||
		(length > 1 && first == 0xc2 && (unsigned char)bytes[1] < 0xa0);
}

/* Returns what is wrong with a server-id, or NULL. */
static const char *check_id(struct http_text id)
{
	size_t length;
	bool whole = true;

	if (id.length > MEMBER_ID_MOST) {
		return "is too long";
	}
	for (size_t at = 0; at < id.length; at += length) {
		bool is_ascii = (unsigned char)id.bytes[at] <= 0x7f;

		length = is_ascii ? 1 : utf8_sequence(id.bytes + at, id.length - at, &whole);
		if (!whole) {
			return "is not UTF-8";
		}
		if (is_control(id.bytes + at, length)) {
			return "has control characters";
		}
	}
	return NULL;
}

static bool refuse_field(struct asked *asked, const char *name, bool is_ours, const char *wrong)
{
	const char *before = prefix(asked) ? prefix(asked) : ENDPOINT_PREFIX;
	char reason[FIELD_MOST + 64];

	(void)snprintf(reason, sizeof(reason), "the header field %s%s%s %s", is_ours ? before : "",
		is_ours ? "-" : "", name, wrong);
	count_attempt(asked, RELAY_BAD_REQUEST);
	refuse(asked, 400, reason, NULL);
	return false;
}

/* Each of these returns whether to go on; if not, the request was answered. */

static bool check_fields(struct asked *asked)
{
	const char *last = asked->member.role == MEMBER_SERVER ? "Version" : "Token";
	struct http_text id, ignored;
	const char *wrong = find_ours(asked, "Server", &id);

	wrong = wrong ? wrong : check_id(id);
	if (wrong) {
		return refuse_field(asked, "Server", true, wrong);
	}
	asked->member.id = id.bytes;
	asked->member.id_length = id.length;
	wrong = find_ours(asked, last, &ignored); /* it is there, and that is all */
	if (wrong) {
		return refuse_field(asked, last, true, wrong);
	}
	wrong = find_only(&asked->from->parser.head, "User-Agent", &ignored);
	return wrong ? refuse_field(asked, "User-Agent", false, wrong) : true;
}

static bool check_host(struct asked *asked)
{
	const char *domain = asked->lane->relay->config->domain;
	const struct http_head *head = &asked->from->parser.head;
	const struct http_field *field = http_head_find(head, "Host", NULL);
	struct http_text host = {"", 0};
	const char *colon;

	if (!domain) {
		return true;
	}
	if (field) {
		host = http_head_text(head, field->value);
	}
	colon = memchr(host.bytes, ':', host.length);
	host.length = colon ? (size_t)(colon - host.bytes) : host.length;
	if (http_text_equal(host, domain)) {
		return true;
	}
	count_attempt(asked, RELAY_WRONG_HOST);
	refuse(asked, 421, "this is another host", NULL);
	return false;
}

static bool check_opening(struct asked *asked)
{
	unsigned status = ws_opening_status(asked->from);
	enum relay_outcome outcome = status == 400 ? RELAY_BAD_REQUEST : RELAY_NO_UPGRADE;

	if (status) {
		count_attempt(asked, outcome);
		tell_refused(asked, status, "no opening handshake of a WebSocket");
		ws_opening_refuse(asked->from, status);
	}
	return !status;
}

static bool check_method(struct asked *asked)
{
	const struct http_head *head = &asked->from->parser.head;

	return http_head_says(head, head->method, "GET") || check_opening(asked);
}

/* Places. */

enum place { PLACE_TOO_OFTEN, PLACE_TOO_MANY, PLACE_FULL, PLACE_ENDING, PLACE_NO_MEMORY };

/* Why there is none; wait_s 0: until the address has a token. */
static const struct {
	enum relay_outcome outcome;
	unsigned status;
	const char *reason;
	int wait_s;
} places[] = {
	[PLACE_TOO_OFTEN] = {RELAY_RATE_LIMITED, 429, "this address asks too often", 0},
	[PLACE_TOO_MANY] = {RELAY_RATE_LIMITED, 429, "this address has too many connections",
		FULL_WAIT_S},
	[PLACE_FULL] = {RELAY_FULL, 503, "there are too many connections", FULL_WAIT_S},
	[PLACE_ENDING] = {RELAY_ENDING, 503, "the relay is shutting down", ENDING_WAIT_S},
	[PLACE_NO_MEMORY] = {RELAY_FAILED, 503, "there is no memory for the connection",
		FULL_WAIT_S},
};

static void refuse_place(struct asked *asked, enum place place)
{
	struct relay *relay = asked->lane->relay;
	int64_t wait_s = places[place].wait_s;

	if (!wait_s) {
		wait_s = limiter_wait_s(&relay->limiter, asked->remote, curfew_now());
	}
	count_attempt(asked, places[place].outcome);
	refuse_until(asked, places[place].status, places[place].reason, wait_s);
}

/* Takes one of relay->most. */
static bool take_place(struct relay *relay)
{
	if (atomic_fetch_add(&relay->connections, 1) < relay->most) {
		return true;
	}
	atomic_fetch_sub(&relay->connections, 1);
	return false;
}

static void open_member(struct asked *asked)
{
	struct relay *relay = asked->lane->relay;
	int error = member_open(relay, asked->from, &asked->member);

	if (!error) {
		count_attempt(asked, RELAY_OPENED);
		return;
	}
	atomic_fetch_sub(&relay->connections, 1);
	limiter_leave(&relay->limiter, asked->remote);
	refuse_place(asked, error == -ESHUTDOWN ? PLACE_ENDING : PLACE_NO_MEMORY);
}

static void ask_for_place(struct asked *asked)
{
	struct relay *relay = asked->lane->relay;
	enum limiter_answer answer;

	if (atomic_load(&relay->ending)) {
		refuse_place(asked, PLACE_ENDING);
		return;
	}
	answer = limiter_enter(&relay->limiter, asked->remote, curfew_now());
	if (answer != LIMITER_WELCOME) {
		refuse_place(asked, answer == LIMITER_TOO_OFTEN ? PLACE_TOO_OFTEN : PLACE_TOO_MANY);
	} else if (!take_place(relay)) {
		limiter_leave(&relay->limiter, asked->remote);
		refuse_place(asked, PLACE_FULL);
	} else {
		open_member(asked);
	}
}

/* Where it goes. */

static void ask_for_member(struct asked *asked)
{
	if (check_method(asked) && check_host(asked) && check_fields(asked) &&
		check_opening(asked)) {
		ask_for_place(asked);
	}
}

static void ask_server(struct asked *asked)
{
	asked->member.role = MEMBER_SERVER;
	ask_for_member(asked);
}

static void ask_client(struct asked *asked)
{
	asked->member.role = MEMBER_CLIENT;
	ask_for_member(asked);
}

static void ask_health(struct asked *asked)
{
	const struct relay *relay = asked->lane->relay;
	const struct http_head *head = &asked->from->parser.head;
	uint64_t servers = 0, clients = 0;
	char text[256];

	if (!http_head_says(head, head->method, "GET") &&
		!http_head_says(head, head->method, "HEAD")) {
		refuse(asked, 405, "it can only be read", "Allow: GET, HEAD\r\n");
		return;
	}
	for (int i = 0; i < relay->lane_count; i++) {
		servers += atomic_load(&relay->lanes[i].counts.servers);
		clients += atomic_load(&relay->lanes[i].counts.clients);
	}
	(void)snprintf(text, sizeof(text),
		"{\"status\":\"ok\",\"version\":\"%s\",\"connected_binaries\":%llu,"
		"\"connected_phones\":%llu,\"uptime_seconds\":%lld}\n",
		CURFEW_VERSION, (unsigned long long)servers, (unsigned long long)clients,
		(long long)(clock_ms_between(relay->started, curfew_now()) / 1000));
	http_answer_whole(
		asked->from, 200, "application/json", text, "Cache-Control: no-store\r\n");
}

static void ask_elsewhere(struct asked *asked)
{
	refuse(asked, 404, "there is nothing here", NULL);
}

static const struct route {
	const char *path; /* NULL: any other */
	const char *name;
	void (*ask)(struct asked *asked);
} routes[] = {
	{"/v1/server", "server", ask_server},
	{"/v1/client", "client", ask_client},
	{"/healthz", "healthz", ask_health},
	{NULL, "none", ask_elsewhere},
};

static const struct route *find_route(const struct http_head *head)
{
	struct http_text path = http_head_text(head, head->path);
	const char *query = memchr(path.bytes, '?', path.length);
	const struct route *route = routes;

	path.length = query ? (size_t)(query - path.bytes) : path.length;
	while (route->path &&
		(strlen(route->path) != path.length ||
			memcmp(route->path, path.bytes, path.length) != 0)) {
		route++;
	}
	return route;
}

static void requested(struct http_connection *connection)
{
	struct lane *lane = lane_of(connection);
	const struct route *route = find_route(&connection->parser.head);
	struct asked asked = {.lane = lane, .from = connection, .endpoint = route->name};

	request_metrics_begin(&lane->requests);
	asked.member.remote = http_trusted_client(&lane->relay->trusted, connection, asked.remote);
	route->ask(&asked);
}

static void over(struct http_connection *connection, bool whole)
{
	(void)whole;
	request_metrics_end(&lane_of(connection)->requests, connection->status,
		curfew_now() - connection->began);
}

static void refused(struct http_connection *connection, unsigned status)
{
	struct lane *lane = lane_of(connection);
	struct asked asked = {.lane = lane, .endpoint = "none"};

	request_metrics_begin(&lane->requests);
	request_metrics_end(&lane->requests, status, 0);
	(void)snprintf(asked.remote, sizeof(asked.remote), "%s", http_peer(connection));
	tell_refused(&asked, status, "what came is no whole request");
}

const struct http_handler endpoint_handler = {
	.request = requested,
	.over = over,
	.refused = refused,
};
