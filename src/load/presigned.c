/* SPDX-License-Identifier: Apache-2.0 */
#include "load/presigned.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "load/ethereum.h"
#include "load/evm.h"

#define LINES_BETWEEN 256 /* two looks for a signal */

int presigned_open(struct presigned *presigned, const char *path)
{
	*presigned = (struct presigned){.text = malloc(PRESIGNED_MOST + 1)};
	if (!presigned->text) {
		return -ENOMEM;
	}
	presigned->file = fopen(path, "re");
	return presigned->file ? 0 : -errno;
}

void presigned_close(struct presigned *presigned)
{
	if (presigned->file) {
		(void)fclose(presigned->file);
	}
	free(presigned->text);
	*presigned = (struct presigned){0};
}

/*
 * Reads a line with something in it. Returns its length; 0 at the end of the file; more than
 * PRESIGNED_MOST where it is too long.
 */
static size_t next_line(struct presigned *presigned)
{
	while (fgets(presigned->text, PRESIGNED_MOST + 1, presigned->file)) {
		size_t length = strlen(presigned->text);

		if (length == PRESIGNED_MOST) {
			return PRESIGNED_MOST + 1;
		}
		while (length && strchr(" \t\r\n", presigned->text[length - 1])) {
			length--;
		}
		if (length) {
			presigned->line++;
			return length;
		}
	}
	return 0;
}

static int read_raw(const char *text, size_t length, struct buffer *raw)
{
	size_t digits = length > 2 && text[0] == '0' && text[1] == 'x' ? length - 2 : length;
	char *room = buffer_reserve(raw, digits / 2);

	if (!room) {
		return -ENOMEM;
	}
	if (length > PRESIGNED_MOST || digits < 2 || digits % 2 ||
		!ethereum_read_hex(text, length, (uint8_t *)room, digits / 2)) {
		return -EINVAL;
	}
	buffer_commit(raw, digits / 2);
	return 0;
}

int presigned_read(struct presigned *presigned, uint64_t number, struct buffer *raw)
{
	size_t length;

	do {
		length = next_line(presigned);
	} while (length && length <= PRESIGNED_MOST && presigned->line <= number);
	return length ? read_raw(presigned->text, length, raw) : 1;
}

/* Writing. */

static bool write_line(
	const struct evm *evm, uint64_t number, struct buffer *raw, struct buffer *line, FILE *file)
{
	const struct ethereum_account *from = &evm->accounts[number % evm->account_count];
	uint64_t nonce = evm->setting.first_nonce + number / evm->account_count;
	uint8_t hash[ETHEREUM_HASH];

	raw->length = 0;
	line->length = 0;
	if (evm_sign(evm, from, nonce, number, raw, hash) < 0) {
		errno = ENOMEM;
		return false;
	}
	ethereum_hex(line, raw->data, raw->length);
	buffer_append_char(line, '\n');
	if (line->failed) {
		errno = ENOMEM;
		return false;
	}
	return fwrite(line->data, 1, line->length, file) == line->length;
}

/* Whether it can be signed without a node; what is missing is refused. */
static bool is_complete(const struct evm *evm, struct buffer *refusal)
{
	const struct evm_setting *setting = &evm->setting;
	bool has_price =
		setting->kind == ETHEREUM_LEGACY ? setting->gas_price > 0 : setting->max_fee > 0;

	if (setting->presigned) {
		buffer_append_text(refusal, "--presign: the profile's transactions are signed");
	} else if (!setting->chain_id) {
		buffer_append_text(
			refusal, "--presign asks no node: the profile has to say \"chain_id\"");
	} else if (!has_price) {
		buffer_appendf(refusal, "--presign asks no node: the profile has to say \"%s\"",
			setting->kind == ETHEREUM_LEGACY ? "gas_price" : "max_fee");
	}
	return !refusal->length;
}

/* Signals are blocked, and there is nobody yet who takes them. */
static bool is_asked_to_end(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGTERM) > 0 || sigismember(&pending, SIGINT) > 0);
}

int evm_presign(const struct evm *evm, uint64_t count, const char *path, struct buffer *refusal)
{
	struct buffer raw = {0}, line = {0};
	bool fine = true, is_stopped = false;
	FILE *file;

	if (!is_complete(evm, refusal)) {
		return -EINVAL;
	}
	file = fopen(path, "we");
	for (uint64_t i = 0; file && fine && !is_stopped && i < count; i++) {
		fine = write_line(evm, i, &raw, &line, file);
		is_stopped = i % LINES_BETWEEN == 0 && is_asked_to_end();
	}
	if (is_stopped) {
		buffer_appendf(refusal, "%s is not whole: a signal has ended its writing", path);
	} else if (!file || !fine || fflush(file)) {
		buffer_appendf(refusal, "cannot write %s: %s", path, strerror(errno));
	}
	if (file && fclose(file) && !refusal->length) {
		buffer_appendf(refusal, "cannot write %s: %s", path, strerror(errno));
	}
	buffer_fini(&raw);
	buffer_fini(&line);
	return refusal->length ? -EINVAL : 0;
}
