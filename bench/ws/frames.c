/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	frames [--quick]
 *
 * What it costs a server to read and unmask frames, as they come from reads of up to 64 kB, beside
 * wslay's two interfaces: that of events, which gathers whole messages, and that of frames. Each
 * gets the bytes by one copy into its buffer, as from read(2). Each figure is the median of ROUNDS
 * rounds. Then masking alone, beside the loop of RFC 6455, 5.3.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wslay/wslay.h>

#include "ws/frame.h"
#include "ws/mask.h"
#include "ws/parser.h"

#define ROUNDS 7
#define READ_BYTES 65536
#define STREAM_BYTES (4 << 20)

static size_t repeats = 20; /* of the stream, in a round */

/* Frames of one size, one behind the other. */
struct stream {
	uint8_t *bytes;
	size_t length, frames, payload;
	size_t at; /* how far wslay has read */
	size_t seen, messages;
};

/* Returns nanoseconds for the whole stream, repeats times. */
typedef double measure_fn(struct stream *stream);

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time); /* other processes do not count */
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void give_up(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static void check(const struct stream *stream)
{
	if (stream->seen != repeats * stream->frames * stream->payload ||
		stream->messages != repeats * stream->frames) {
		give_up("a parser did not see all frames");
	}
}

static void fill(struct stream *stream, size_t payload, uint8_t opcode, const char *text)
{
	size_t room = payload + WS_HEADER_MOST, wide = strlen(text);

	*stream = (struct stream){.payload = payload, .frames = STREAM_BYTES / room};
	stream->bytes = malloc(STREAM_BYTES);
	if (!stream->bytes) {
		give_up("out of memory");
	}
	for (size_t i = 0; i < stream->frames; i++) {
		struct ws_frame frame = {
			.fin = true, .opcode = opcode, .length = payload, .masked = true};
		uint32_t key = (uint32_t)(i * 2654435761U + 12345);
		uint8_t *at = stream->bytes + stream->length;
		size_t size;

		memcpy(frame.key, &key, sizeof(key));
		size = ws_frame_write(at, &frame);
		for (size_t j = 0; j < payload; j++) {
			at[size + j] =
				(uint8_t)(j < payload - payload % wide ? text[j % wide] : '.');
		}
		ws_mask(at + size, at + size, payload, key);
		stream->length += size + payload;
	}
}

static void parse_read(
	struct ws_parser *parser, struct stream *stream, uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		struct ws_event event;

		at += ws_parser_next(parser, bytes + at, length - at, &event);
		if (event.kind == WS_DATA) {
			stream->seen += event.length;
			stream->messages += event.ends;
		}
	}
}

static double ours(struct stream *stream)
{
	static uint8_t buffer[READ_BYTES];
	struct ws_parser parser;
	double began = now_ns();

	ws_parser_init(&parser, WS_SERVER, 1 << 20);
	for (size_t i = 0; i < repeats; i++) {
		for (size_t at = 0; at < stream->length;) {
			size_t left = stream->length - at;
			size_t length = left < READ_BYTES ? left : READ_BYTES;

			memcpy(buffer, stream->bytes + at, length);
			parse_read(&parser, stream, buffer, length);
			at += length;
		}
	}
	return now_ns() - began;
}

/* Gives wslay what it asks for, at most 4096 bytes, and nothing behind the end of the stream. */
static ssize_t give(struct stream *stream, uint8_t *bytes, size_t length)
{
	size_t left = stream->length - stream->at;
	size_t taken = left < length ? left : length;

	memcpy(bytes, stream->bytes + stream->at, taken);
	stream->at += taken;
	return taken ? (ssize_t)taken : -1;
}

static ssize_t give_event(
	wslay_event_context_ptr context, uint8_t *bytes, size_t length, int flags, void *arg)
{
	ssize_t given = give(arg, bytes, length);

	(void)flags;
	if (given < 0) {
		wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
	}
	return given;
}

static void take_message(wslay_event_context_ptr context,
	const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct stream *stream = arg;

	(void)context;
	stream->seen += message->msg_length;
	stream->messages++;
}

static double wslay_events(struct stream *stream)
{
	struct wslay_event_callbacks callbacks = {
		.recv_callback = give_event, .on_msg_recv_callback = take_message};
	wslay_event_context_ptr context;
	double began = now_ns();

	if (wslay_event_context_server_init(&context, &callbacks, stream)) {
		give_up("wslay_event_context_server_init");
	}
	for (size_t i = 0; i < repeats; i++) {
		stream->at = 0;
		if (wslay_event_recv(context)) {
			give_up("wslay_event_recv");
		}
	}
	wslay_event_context_free(context);
	return now_ns() - began;
}

static ssize_t give_frame(uint8_t *bytes, size_t length, int flags, void *arg)
{
	(void)flags;
	return give(arg, bytes, length);
}

static double wslay_frames(struct stream *stream)
{
	struct wslay_frame_callbacks callbacks = {.recv_callback = give_frame};
	struct wslay_frame_iocb frame;
	wslay_frame_context_ptr context;
	double began = now_ns();
	size_t whole = 0;

	if (wslay_frame_context_init(&context, &callbacks, stream)) {
		give_up("wslay_frame_context_init");
	}
	for (size_t i = 0; i < repeats; i++) {
		stream->at = 0;
		while (wslay_frame_recv(context, &frame) >= 0) {
			stream->seen += frame.data_length;
			whole += frame.data_length;
			if (whole == frame.payload_length) {
				stream->messages++;
				whole = 0;
			}
		}
	}
	wslay_frame_context_free(context);
	return now_ns() - began;
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(measure_fn *measure, struct stream *stream)
{
	double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		stream->seen = 0;
		stream->messages = 0;
		took[i] = measure(stream);
		check(stream);
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_size);
	return took[ROUNDS / 2];
}

static void print_cell(double ns, double base, const struct stream *stream)
{
	double frames = (double)(repeats * stream->frames);

	printf("  %8.1f ns %6.2f GB/s %5.1fx", ns / frames, frames * (double)stream->payload / ns,
		ns / base);
}

static void print_row(const char *label, uint8_t opcode, size_t payload, const char *text)
{
	struct stream stream;
	double base;

	fill(&stream, payload, opcode, text);
	base = median(ours, &stream);
	printf("%-16s", label);
	print_cell(base, base, &stream);
	print_cell(median(wslay_events, &stream), base, &stream);
	print_cell(median(wslay_frames, &stream), base, &stream);
	printf("\n");
	free(stream.bytes);
}

__attribute__((noinline)) static void mask_bytes(
	uint8_t *bytes, size_t length, const uint8_t key[4])
{
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= key[i % 4];
	}
}

static double mask_ns(uint8_t *bytes, size_t length, bool wide)
{
	static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
	size_t times = repeats * (STREAM_BYTES / length);
	double took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double began = now_ns();

		for (size_t j = 0; j < times; j++) {
			if (wide) {
				ws_mask(bytes, bytes, length, ws_mask_key(key));
			} else {
				mask_bytes(bytes, length, key);
			}
		}
		took[i] = (now_ns() - began) / (double)times;
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_size);
	return took[ROUNDS / 2];
}

static void print_masks(void)
{
	static const size_t lengths[] = {16, 128, 4096, 65536};
	static uint8_t bytes[65536 + 1];

	printf("\nmask, in place at an odd address    ws_mask            byte loop\n");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		double length = (double)lengths[i];
		double wide = mask_ns(bytes + 1, lengths[i], true);
		double narrow = mask_ns(bytes + 1, lengths[i], false);

		printf("%6zu B               %8.1f ns %6.2f GB/s %8.1f ns %6.2f GB/s %5.1fx\n",
			lengths[i], wide, length / wide, narrow, length / narrow, narrow / wide);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--quick")) {
		repeats = 2;
	}
	printf("%-16s  %-29s  %-29s  %-29s\n", "per frame", "curfew", "wslay, events",
		"wslay, frames");
	print_row("binary 16 B", WS_OPCODE_BINARY, 16, "x");
	print_row("binary 128 B", WS_OPCODE_BINARY, 128, "x");
	print_row("binary 4 kB", WS_OPCODE_BINARY, 4096, "x");
	print_row("binary 64 kB", WS_OPCODE_BINARY, 65536, "x");
	print_row("ASCII 16 B", WS_OPCODE_TEXT, 16, "x");
	print_row("ASCII 128 B", WS_OPCODE_TEXT, 128, "x");
	print_row("ASCII 4 kB", WS_OPCODE_TEXT, 4096, "x");
	print_row("ASCII 64 kB", WS_OPCODE_TEXT, 65536, "x");
	print_row("German 4 kB", WS_OPCODE_TEXT, 4096,
		"W\xc3\xa4hrend die Stra\xc3\x9f"
		"e leer ist ");
	print_row("Chinese 4 kB", WS_OPCODE_TEXT, 4096,
		"\xe5\xae\xb5\xe7\xa6\x81\xe6\x99\x82\xe9\x96\x93");
	print_masks();
	return 0;
}
