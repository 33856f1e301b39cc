/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients fresh|keep PORT CLIENTS PAUSE_US WARM_MS LIMIT_MS PID SIGNAL: what a server loses at its
 * end.
 *
 * CLIENTS threads, each a client with one request at a time: on a connection for each (fresh), or
 * on one that is kept until the server says `Connection: close` (keep). Between two requests it
 * pauses for a random time, PAUSE_US on average. After WARM_MS the SIGNAL is sent to PID, and the
 * time of it (CLOCK_MONOTONIC, ns) printed. A client is done when a connection is refused; LIMIT_MS
 * after the signal none begins anything any more.
 *
 * A request counts as sent once its connection is established, as its client sees it: connect(2)
 * has returned, or an answer before it has come whole and did not say `Connection: close`. It is
 * answered when a 200 with all of its body has come; all else is a loss, of one of five kinds. A
 * connection that is refused, or reset before connect(2) has returned, is none: the client knows
 * that nothing was begun, and may ask another server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MOST 200 /* each has a source address of its own, so that ports are never short */
#define ANSWER_MOST 4096
#define ANSWER_S 10 /* what takes longer to come than this is hung */

#define LOSSES(X)                                                                                  \
	X(reset)   /* before a byte of an answer */                                                \
	X(ended)   /* the same, by an end of the stream */                                         \
	X(partial) /* in the middle of an answer */                                                \
	X(refusal) /* a whole answer, but no 200 */                                                \
	X(hung)    /* nothing came */

enum result {
#define LOSS(name) LOST_##name,
	LOSSES(LOSS)
#undef LOSS
		LOSS_KINDS,
	ANSWERED = LOSS_KINDS,
	ANSWERED_LAST /* and the connection is not to be used again */
};

struct client {
	pthread_t thread;
	int fd; /* -1: not connected */
	in_addr_t own;
	unsigned seed;
	uint64_t sent, answered, refused, lost_before, lost[LOSS_KINDS];
};

static struct client clients[CLIENTS_MOST];
static struct sockaddr_in server = {.sin_family = AF_INET};
static bool fresh;
static unsigned pause_us;
static const char *request;
static atomic_bool signalled, stopping;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void give_up(const char *text)
{
	printf("failed: %s\n", text);
	exit(1);
}

/* Returns false if the connection was refused. */
static bool client_connect(struct client *client)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = client->own};
	struct timeval most = {.tv_sec = ANSWER_S};
	int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		give_up("no socket");
	}
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	if (bind(client->fd, (struct sockaddr *)&own, sizeof(own))) {
		give_up("no source address");
	}
	if (!connect(client->fd, (struct sockaddr *)&server, sizeof(server))) {
		return true;
	}
	if ((errno != ECONNREFUSED && errno != ECONNRESET) || !signalled) {
		give_up("cannot connect");
	}
	return false;
}

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
}

/* Returns the status of an answer that is whole, else 0; *last: the server says close. */
static int answer_status(char *answer, size_t held, bool *last)
{
	char *end = memmem(answer, held, "\r\n\r\n", 4), *length;
	int status = 0;
	size_t body;

	if (!end) {
		return 0;
	}
	*end = '\0';
	length = strcasestr(answer, "\r\nContent-Length:");
	*last = strcasestr(answer, "\r\nConnection: close");
	sscanf(answer, "HTTP/1.1 %d", &status);
	if (!length || !status) {
		give_up("an answer without a status or a Content-Length");
	}
	body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	*end = '\r';
	return end + 4 + body > answer + held ? 0 : status;
}

static enum result loss(ssize_t got, size_t held)
{
	if (held) {
		return LOST_partial;
	}
	if (!got) {
		return LOST_ended;
	}
	return errno == EAGAIN ? LOST_hung : LOST_reset;
}

/* One request, and what became of it. */
static enum result client_ask(struct client *client)
{
	char answer[ANSWER_MOST];
	size_t held = 0;
	ssize_t got;
	int status = 0;
	bool last;

	if (send(client->fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		return LOST_reset;
	}
	while (!status) {
		got = recv(client->fd, answer + held, sizeof(answer) - held, 0);
		if (got <= 0) {
			return loss(got, held);
		}
		held += got;
		status = answer_status(answer, held, &last);
		if (!status && held == sizeof(answer)) {
			give_up("an answer that is too long");
		}
	}
	if (status != 200) {
		return LOST_refusal;
	}
	return fresh || last ? ANSWERED_LAST : ANSWERED;
}

static void client_count(struct client *client, enum result result)
{
	client->sent++;
	if (result >= ANSWERED) {
		client->answered++;
	} else {
		client->lost[result]++;
		client->lost_before += !signalled;
	}
}

static void client_pause(struct client *client)
{
	if (pause_us) {
		usleep((unsigned)rand_r(&client->seed) % (2 * pause_us));
	}
}

static void *client_run(void *arg)
{
	struct client *client = arg;

	while (!stopping) {
		enum result result;

		if (client->fd < 0 && !client_connect(client)) {
			client->refused++;
			break;
		}
		result = client_ask(client);
		client_count(client, result);
		if (result != ANSWERED) {
			client_close(client);
		}
		client_pause(client);
	}
	if (client->fd >= 0) {
		client_close(client);
	}
	return NULL;
}

static void clients_start(int count)
{
	for (int i = 0; i < count; i++) {
		clients[i].fd = -1;
		clients[i].seed = (unsigned)i;
		clients[i].own = htonl(INADDR_LOOPBACK + 0x100 + (uint32_t)i);
		if (pthread_create(&clients[i].thread, NULL, client_run, &clients[i])) {
			give_up("no thread");
		}
	}
}

/* Waits until all are done; after limit_ms they are asked to stop. */
static void clients_end(int count, int64_t limit_ms)
{
	int64_t until_ns = now_ns() + limit_ms * 1000000;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

	for (int i = 0; i < count; i++) {
		if (pthread_clockjoin_np(clients[i].thread, NULL, CLOCK_MONOTONIC, &until)) {
			stopping = true;
			pthread_join(clients[i].thread, NULL);
		}
	}
}

static void send_signal(int64_t after_ms, pid_t pid, int number)
{
	struct timespec after = {after_ms / 1000, after_ms % 1000 * 1000000};
	int64_t at;

	nanosleep(&after, NULL);
	signalled = true;
	at = now_ns();
	if (kill(pid, number)) {
		give_up("no process to signal");
	}
	printf("signal %" PRId64 "\n", at);
	fflush(stdout);
}

static void report(int count)
{
	static const char *const names[] = {
#define LOSS(name) #name,
		LOSSES(LOSS)
#undef LOSS
	};
	struct client sum = {0};
	uint64_t lost = 0;

	for (int i = 0; i < count; i++) {
		for (int kind = 0; kind < LOSS_KINDS; kind++) {
			sum.lost[kind] += clients[i].lost[kind];
			lost += clients[i].lost[kind];
		}
		sum.lost_before += clients[i].lost_before;
		sum.sent += clients[i].sent;
		sum.answered += clients[i].answered;
		sum.refused += clients[i].refused;
	}
	for (int kind = 0; kind < LOSS_KINDS; kind++) {
		printf("%s %" PRIu64 " ", names[kind], sum.lost[kind]);
	}
	printf("lost %" PRIu64 " before %" PRIu64 " sent %" PRIu64 " answered %" PRIu64
	       " refused %" PRIu64 "\n",
		lost, sum.lost_before, sum.sent, sum.answered, sum.refused);
	if (sum.sent != sum.answered + lost) {
		give_up("requests were sent, and neither answered nor lost");
	}
}

int main(int argc, char **argv)
{
	int count = argc == 9 ? atoi(argv[3]) : 0;

	if (count < 1 || count > CLIENTS_MOST) {
		give_up("usage: clients fresh|keep PORT CLIENTS PAUSE_US WARM_MS LIMIT_MS PID "
			"SIGNAL");
	}
	fresh = !strcmp(argv[1], "fresh");
	request = fresh ? "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
			: "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pause_us = (unsigned)atoi(argv[4]);
	clients_start(count);
	send_signal(atol(argv[5]), (pid_t)atoi(argv[7]), atoi(argv[8]));
	clients_end(count, atol(argv[6]));
	report(count);
	return 0;
}
