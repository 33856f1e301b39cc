/* SPDX-License-Identifier: Apache-2.0 */
#include "ethereum/rlp.h"

#define STRING 0x80
#define LIST 0xc0
#define SHORT_MOST 55 /* longer ones have the length of their length in front */
#define NUMBER_BYTES 8

/* Fills in a number from the end; returns where it begins. */
static size_t number_begin(uint8_t bytes[NUMBER_BYTES], uint64_t number)
{
	size_t begin = NUMBER_BYTES;

	for (; number; number >>= 8) {
		bytes[--begin] = (uint8_t)number;
	}
	return begin;
}

static void write_head(struct buffer *out, unsigned kind, size_t length)
{
	uint8_t bytes[NUMBER_BYTES];
	size_t begin;

	if (length <= SHORT_MOST) {
		buffer_append_char(out, (char)(kind + length));
		return;
	}
	begin = number_begin(bytes, length);
	buffer_append_char(out, (char)(kind + SHORT_MOST + NUMBER_BYTES - begin));
	buffer_append(out, bytes + begin, NUMBER_BYTES - begin);
}

void rlp_bytes(struct buffer *out, const void *bytes, size_t length)
{
	if (length != 1 || *(const uint8_t *)bytes >= STRING) {
		write_head(out, STRING, length);
	}
	buffer_append(out, bytes, length);
}

void rlp_number(struct buffer *out, uint64_t number)
{
	uint8_t bytes[NUMBER_BYTES];
	size_t begin = number_begin(bytes, number);

	rlp_bytes(out, bytes + begin, NUMBER_BYTES - begin);
}

void rlp_big(struct buffer *out, const uint8_t *bytes, size_t length)
{
	for (; length && !*bytes; length--) {
		bytes++;
	}
	rlp_bytes(out, bytes, length);
}

void rlp_list(struct buffer *out, const struct buffer *items)
{
	write_head(out, LIST, items->length);
	buffer_append(out, items->data, items->length);
	out->failed = out->failed || items->failed;
}

/* Reading. */

struct item {
	size_t head, length; /* bytes */
};

/* An item in front; false: it is not whole. */
static bool read_item(const uint8_t *bytes, size_t left, struct item *item)
{
	size_t size, count;

	if (!left) {
		return false;
	}
	*item = (struct item){.head = bytes[0] >= STRING, .length = 1};
	if (bytes[0] < STRING) {
		return true;
	}
	size = bytes[0] - (bytes[0] < LIST ? STRING : LIST);
	count = size > SHORT_MOST ? size - SHORT_MOST : 0;
	if (count >= left) {
		return false;
	}
	item->head += count;
	item->length = count ? 0 : size;
	for (size_t i = 1; i <= count; i++) {
		if (item->length > left) {
			return false;
		}
		item->length = item->length << 8 | bytes[i];
	}
	return item->length <= left - item->head;
}

bool rlp_is_list(const uint8_t *bytes, size_t length)
{
	struct item item;
	bool is_whole = length && bytes[0] >= LIST && read_item(bytes, length, &item) &&
		item.head + item.length == length;

	for (size_t at = is_whole ? item.head : length; is_whole && at < length;
		at += item.head + item.length) {
		is_whole = read_item(bytes + at, length - at, &item);
	}
	return is_whole;
}
