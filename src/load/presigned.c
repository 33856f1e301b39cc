/* SPDX-License-Identifier: Apache-2.0 */
#include "load/presigned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ethereum/ethereum.h"
#include "load/evm.h"
#include "load/file.h"

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

/* Reads up to the next end of a line. Returns how many bytes; or more than PRESIGNED_MOST. */
static size_t read_row(struct presigned *presigned)
{
	size_t length = 0;
	int byte;

	while ((byte = getc_unlocked(presigned->file)) != EOF && byte != '\n') {
		if (length == PRESIGNED_MOST) {
			return length + 1;
		}
		presigned->text[length++] = (char)byte;
	}
	return length;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/*
 * Reads a line with something in it. Returns its length; 0 at the end of the file; more than
 * PRESIGNED_MOST where it is too long.
 */
static size_t next_line(struct presigned *presigned)
{
	while (!feof(presigned->file) && !ferror(presigned->file)) {
		size_t length = read_row(presigned);

		presigned->row++;
		if (length > PRESIGNED_MOST) {
			return length;
		}
		while (length && is_blank(presigned->text[length - 1])) {
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

/* Checking. */

/* Until a signal is there: then nothing is going to be sent anyway. */
static int check_lines(struct presigned *presigned, const char *path, struct buffer *refusal)
{
	struct buffer raw = {0};
	int result = 0;

	while (!result && (presigned->line % LINES_BETWEEN || !file_end_is_asked())) {
		raw.length = 0;
		result = presigned_read(presigned, presigned->line, &raw);
		if (result == -EINVAL ||
			(!result && !ethereum_is_transaction(raw.data, raw.length))) {
			buffer_appendf(refusal,
				"%s: line %" PRIu64 " is no whole signed transaction", path,
				presigned->row);
			result = -EINVAL;
		}
	}
	buffer_fini(&raw);
	if (result == 1 && (ferror(presigned->file) || !presigned->line)) {
		buffer_appendf(refusal, "%s %s", path,
			presigned->line ? "cannot be read" : "has no transaction in it");
		result = -EINVAL;
	}
	return result < 0 ? result : 0;
}

/* Each thread reads the file for itself, so it has to be one that can be read again. */
static int check_file(struct presigned *presigned, const char *path, struct buffer *refusal)
{
	struct stat status;

	if (fstat(fileno(presigned->file), &status) == 0 && !S_ISREG(status.st_mode)) {
		buffer_appendf(refusal, "%s is no regular file", path);
		return -EINVAL;
	}
	return check_lines(presigned, path, refusal);
}

int presigned_check(const char *path, struct buffer *refusal)
{
	struct presigned presigned;
	int result = presigned_open(&presigned, path);

	if (!result) {
		result = check_file(&presigned, path, refusal);
	} else if (result != -ENOMEM) {
		buffer_appendf(refusal, "%s cannot be read: %s", path, strerror(-result));
		result = -EINVAL;
	}
	presigned_close(&presigned);
	return result;
}

/* Writing. */

static bool write_line(
	const struct evm *evm, uint64_t number, struct buffer *raw, struct buffer *line, FILE *file)
{
	uint64_t nonce;
	const struct ethereum_account *from = evm_turn(evm, number, &nonce);
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
	struct buffer names = {0};

	if (evm->setting.presigned) {
		buffer_append_text(refusal, "--presign: the profile's transactions are signed");
	} else if (evm_lacks(evm, &names)) {
		buffer_appendf(refusal, "--presign asks no node: the profile has to say %s",
			buffer_text(&names));
	}
	buffer_fini(&names);
	return !refusal->length;
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
		is_stopped = i % LINES_BETWEEN == 0 && file_end_is_asked();
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
