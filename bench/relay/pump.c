/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump up|down PORT SERVERS CLIENTS DEPTH BYTES: messages through a relay, as many as it takes.
 *
 * SERVERS servers with CLIENTS clients each. Every client and its server have DEPTH messages of
 * BYTES bytes of JSON between them, which go to the other end and back: the client begins (up), or
 * its server does, with a message to each in turn (down). So a relay forwards two messages, one in
 * each direction, for each that comes back. Each one is looked at where it arrives: whose it is,
 * its number, which has to be the next, and its bytes.
 *
 * It says "open", and then reads lines from its input: "run MS" has it go on for so long and wait
 * until all have come back, and print
 *
 *	forwarded N ns T p50 A p99 B cpu C
 *
 * the messages, how long it took, the times from a message's sending until it is back, and our own
 * time on the CPU.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"
#include "ws/frame.h"

#define DEPTH_MOST 64
#define SAMPLES_MOST (1 << 22)
#define PREFIX_MOST 128
#define BACK_NS (10 * INT64_C(1000000000)) /* until when all that is under way has come back */

#define NUMBER_AT 9 /* where a message has its client's number, and its own */
#define NUMBER_DIGITS 6
#define SERIAL_AT (NUMBER_AT + NUMBER_DIGITS + 9)
#define SERIAL_DIGITS 10
#define MESSAGE_HEAD "{\"peer\":\"000000\",\"seq\":\"0000000000\",\"data\":\""
#define MESSAGE_LEAST (sizeof(MESSAGE_HEAD) - 1 + 2)

struct client {
	struct peer peer;
	struct peer *server;
	uint32_t sent, there, back; /* the numbers of messages */
	char prefix[PREFIX_MOST];   /* of its envelopes: {"conn_id":"...","frame": */
	size_t prefix_length;       /* 0: it has not been heard of */
	uint64_t began[DEPTH_MOST]; /* when messages were sent */
};

static struct peers peers;
static struct peer *servers;
static struct client *clients;
static unsigned client_count, depth, under_way;
static char *message; /* its numbers are written into it */
static size_t message_length;
static bool downwards, going;
static uint32_t *samples;
static size_t sample_count;
static uint64_t returned;

static void write_digits(char *to, unsigned digits, uint32_t number)
{
	while (digits--) {
		to[digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

static uint32_t read_digits(const char *from, unsigned digits)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < digits; i++) {
		number = number * 10 + (uint32_t)(from[i] - '0');
	}
	return number;
}

/* A token as a cipher makes them, in base64. */
static void make_message(size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t chance = 12345;

	message = malloc(length);
	if (!message || length < MESSAGE_LEAST) {
		complain("a message cannot be so short");
	}
	message_length = length;
	memcpy(message, MESSAGE_HEAD, sizeof(MESSAGE_HEAD) - 1);
	for (size_t i = sizeof(MESSAGE_HEAD) - 1; i < length - 2; i++) {
		chance = chance * 1664525 + 1013904223;
		message[i] = digits[chance >> 26];
	}
	message[length - 2] = '"';
	message[length - 1] = '}';
}

static void set_message(const struct client *client, uint32_t serial)
{
	write_digits(message + NUMBER_AT, NUMBER_DIGITS, (uint32_t)(client - clients));
	write_digits(message + SERIAL_AT, SERIAL_DIGITS, serial);
}

static void check_message(
	const struct client *client, const char *bytes, size_t length, uint32_t serial)
{
	set_message(client, serial);
	if (length != message_length || memcmp(bytes, message, length) != 0) {
		complain("a message is lost, late, or not what was sent");
	}
}

static void send_up(struct client *client, const char *bytes, size_t length)
{
	const struct peer_part part = {bytes, length};

	peer_send(&peers, &client->peer, WS_OPCODE_TEXT, &part, 1);
}

static void send_down(struct client *client, const char *bytes, size_t length)
{
	const struct peer_part parts[] = {
		{client->prefix, client->prefix_length}, {bytes, length}, {"}", 1}};

	peer_send(&peers, client->server, WS_OPCODE_TEXT, parts, 3);
}

static void begin(struct client *client)
{
	uint32_t serial = client->sent++;

	client->began[serial % DEPTH_MOST] = (uint64_t)now_ns();
	under_way++;
	set_message(client, serial);
	(downwards ? send_down : send_up)(client, message, message_length);
}

/* It has come back to where it began. */
static void returns(struct client *client, const char *bytes, size_t length)
{
	uint32_t serial = client->back++;
	uint64_t took = (uint64_t)now_ns() - client->began[serial % DEPTH_MOST];

	check_message(client, bytes, length, serial);
	under_way--;
	returned++;
	if (sample_count < SAMPLES_MOST) {
		samples[sample_count++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	}
	if (going) {
		begin(client);
	}
}

/* It has come to the other end. */
static void arrives(struct client *client, const char *bytes, size_t length)
{
	check_message(client, bytes, length, client->there++);
	(downwards ? send_up : send_down)(client, bytes, length);
}

static void greeted(struct client *client, const char *bytes, size_t prefix)
{
	if (client->prefix_length || prefix >= PREFIX_MOST) {
		complain("a greeting came twice, or in a strange envelope");
	}
	memcpy(client->prefix, bytes, prefix);
	client->prefix_length = prefix;
	under_way--;
}

/* An envelope has come to a server. */
static void take_envelope(const char *bytes, size_t length)
{
	static const char name[] = "\",\"frame\":";
	const char *found =
		memmem(bytes, length < PREFIX_MOST ? length : PREFIX_MOST, name, sizeof(name) - 1);
	size_t prefix = found ? (size_t)(found - bytes) + sizeof(name) - 1 : 0;
	struct client *client;
	uint32_t number;

	if (!found || length != prefix + message_length + 1 || bytes[length - 1] != '}') {
		complain("what is no envelope of a message has come to a server");
	}
	number = read_digits(bytes + prefix + NUMBER_AT, NUMBER_DIGITS);
	client = number < client_count ? &clients[number] : NULL;
	if (!client) {
		complain("a message of nobody");
	}
	if (!client->prefix_length) {
		greeted(client, bytes, prefix);
	} else if (prefix != client->prefix_length || memcmp(bytes, client->prefix, prefix) != 0) {
		complain("a message in somebody else's envelope");
	} else {
		(downwards ? returns : arrives)(client, bytes + prefix, message_length);
	}
}

static void frame(struct peer *peer, unsigned opcode, const uint8_t *payload, size_t length)
{
	const char *bytes = (const char *)payload;

	if (opcode == WS_OPCODE_PING) {
		const struct peer_part part = {payload, length};

		peer_send(&peers, peer, WS_OPCODE_PONG, &part, 1);
	} else if (opcode != WS_OPCODE_TEXT) {
		complain("something else than a message has come");
	} else if (peer->kind == PEER_SERVER) {
		take_envelope(bytes, length);
	} else {
		(downwards ? arrives : returns)((struct client *)peer, bytes, length);
	}
}

static void ended(struct peer *peer)
{
	(void)peer;
	complain("a connection has ended");
}

/* Each client says a word, so that its server knows it. */
static void greet(struct client *client)
{
	under_way++;
	set_message(client, 0);
	send_up(client, message, message_length);
}

static void wait_until_back(void)
{
	int64_t until = now_ns() + BACK_NS;

	while (under_way) {
		peers_round(&peers, until);
		if (now_ns() > until) {
			complain("messages have not come back");
		}
	}
}

static void open_all(unsigned server_count, unsigned clients_each)
{
	client_count = server_count * clients_each;
	servers = calloc(server_count, sizeof(*servers));
	clients = calloc(client_count, sizeof(*clients));
	samples = calloc(SAMPLES_MOST, sizeof(*samples));
	if (!servers || !clients || !samples) {
		give_up("calloc");
	}
	for (unsigned i = 0; i < server_count; i++) {
		char id[PEER_ID_MOST];

		snprintf(id, sizeof(id), "server-%u", i);
		peer_open(&peers, &servers[i], PEER_SERVER, id, i);
		for (unsigned j = 0; j < clients_each; j++) {
			struct client *client = &clients[i * clients_each + j];

			client->server = &servers[i];
			peer_open(&peers, &client->peer, PEER_CLIENT, id, i + j + 1);
			greet(client);
		}
		wait_until_back();
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void run(int64_t ms)
{
	int64_t cpu = cpu_ns(), began = now_ns(), until = began + ms * 1000000, took;

	sample_count = 0;
	returned = 0;
	going = true;
	for (unsigned i = 0; i < depth; i++) {
		for (unsigned j = 0; j < client_count; j++) {
			begin(&clients[j]);
		}
	}
	while (now_ns() < until) {
		peers_round(&peers, until);
	}
	going = false;
	wait_until_back();
	took = now_ns() - began;
	cpu = cpu_ns() - cpu;
	qsort(samples, sample_count, sizeof(*samples), by_size);
	printf("forwarded %" PRIu64 " ns %" PRId64 " p50 %" PRIu32 " p99 %" PRIu32 " cpu %" PRId64
	       "\n",
		2 * returned, took, samples[sample_count / 2], samples[sample_count * 99 / 100],
		cpu);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[64];

	downwards = argc == 7 && !strcmp(argv[1], "down");
	depth = argc == 7 ? (unsigned)atoi(argv[5]) : 0;
	if (!depth || depth > DEPTH_MOST) {
		complain("usage: pump up|down PORT SERVERS CLIENTS DEPTH BYTES");
	}
	peers = (struct peers){.port = atoi(argv[2]), .frame = frame, .ended = ended};
	peers_init(&peers);
	make_message((size_t)atoi(argv[6]));
	open_all((unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
	printf("open\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "run ", 4)) {
			run(atol(line + 4));
		}
	}
	return 0;
}
