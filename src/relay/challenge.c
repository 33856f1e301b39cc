/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/open.h"

#define PATH "/.well-known/acme-challenge/"
#define HEAD_MS 5000
#define IDLE_MS 5000 /* and that of one that never says a word */
#define STALL_MS 5000
#define BODY_MOST 1024 /* which nobody reads */
#define NO_STORE "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

static bool is_base64url(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
		(byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

bool challenge_token(const char *target, size_t length, char token[CHALLENGE_TOKEN])
{
	size_t before = strlen(PATH);
	size_t own = length > before ? length - before : 0;

	if (!own || own >= CHALLENGE_TOKEN || memcmp(target, PATH, before) != 0) {
		return false;
	}
	for (size_t i = 0; i < own; i++) {
		if (!is_base64url(target[before + i])) {
			return false;
		}
	}
	memcpy(token, target + before, own);
	token[own] = '\0';
	return true;
}

/* Reads a file of a few bytes, which a token names. Returns whether there is one that fits. */
static bool read_answer(
	const struct challenge *challenge, const char *token, char text[CHALLENGE_ANSWER_MOST])
{
	int folder = open(challenge->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;
	struct stat status;
	ssize_t length = -1;

	if (folder >= 0) {
		fd = openat(
			folder, token, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		close(folder);
	}
	if (fd >= 0) {
		if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
			length = read(fd, text, CHALLENGE_ANSWER_MOST);
		}
		close(fd);
	}
	if (length <= 0 || length == CHALLENGE_ANSWER_MOST) {
		return false;
	}
	text[length] = '\0';
	return true;
}

static void request(struct http_connection *connection)
{
	struct challenge *challenge = connection->server->arg;
	const struct http_head *head = &connection->parser.head;
	struct http_text target = http_head_text(head, head->path);
	char token[CHALLENGE_TOKEN];
	char text[CHALLENGE_ANSWER_MOST];

	connection->last = true;
	if (http_head_says(head, head->method, "GET") &&
		challenge_token(target.bytes, target.length, token) &&
		read_answer(challenge, token, text)) {
		challenge->answered++;
		http_answer_whole(connection, 200, "application/octet-stream", text, NO_STORE);
	} else {
		http_answer_whole(
			connection, 404, "text/plain; charset=utf-8", "not found\n", NO_STORE);
	}
}

static void over(struct http_connection *connection, bool whole)
{
	(void)connection;
	(void)whole;
}

static const struct http_handler handler = {.request = request, .over = over};

static void accepted(int fd, void *arg)
{
	struct challenge *challenge = arg;

	if (challenge->server.connections < CHALLENGE_CONNECTIONS_MOST) {
		(void)http_server_take(&challenge->server, fd, NULL);
	} else {
		close(fd);
	}
}

int challenge_open(
	struct challenge *challenge, const char *listen, const char *folder, struct buffer *refusal)
{
	const char *wrong;

	*challenge = (struct challenge){.folder = folder, .fd = -1};
	wrong = address_parse(listen, &challenge->address);
	if (wrong) {
		buffer_appendf(refusal,
			"--acme-listen cannot be '%.80s': it %s (write HOST:PORT or :PORT)", listen,
			wrong);
		return -1;
	}
	challenge->fd = listen_open(&challenge->address, refusal);
	return challenge->fd < 0 ? -1 : 0;
}

int challenge_start(struct challenge *challenge, struct service *service)
{
	struct worker *worker = &service->pool.workers[0];

	http_limits_default(&challenge->limits);
	challenge->limits.head_ms = HEAD_MS;
	challenge->limits.idle_ms = IDLE_MS;
	challenge->limits.stall_ms = STALL_MS;
	challenge->limits.body_most = BODY_MOST;
	challenge->server = (struct http_server){
		.worker = worker,
		.drain = &worker->drain,
		.handler = &handler,
		.limits = &challenge->limits,
		.scheme = "http",
		.arg = challenge,
		.uncounted = true,
	};
	challenge->listener =
		curfew_listener_new(service->life, challenge->fd, accepted, challenge);
	if (!challenge->listener) {
		return -errno;
	}
	challenge->fd = -1;
	return 0;
}

void challenge_fini(struct challenge *challenge)
{
	if (!challenge->folder) {
		return;
	}
	curfew_listener_free(challenge->listener);
	if (challenge->fd >= 0) {
		close(challenge->fd);
	}
	if (challenge->address.is_unix) {
		listen_unlink(&challenge->address);
	}
	*challenge = (struct challenge){.fd = -1};
}
