/* SPDX-License-Identifier: Apache-2.0 */
/* The text that is hashed is made of the one that /schema shows. */
#include "serve/identifier.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/buffer.h"
#include "serve/sorted_json.h"
#include "json/reader.h"

#define DIGEST_BYTES 32

static int hash(char id[IDENTIFIER_DIGITS + 1], const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[DIGEST_BYTES];

	if (!EVP_Digest(text, length, digest, NULL, EVP_sha256(), NULL)) {
		return -ENOMEM;
	}
	for (int i = 0; i < IDENTIFIER_DIGITS; i++) {
		id[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 0xf];
	}
	id[IDENTIFIER_DIGITS] = '\0';
	return 0;
}

int identifier_make(
	char id[IDENTIFIER_DIGITS + 1], const struct schema *inputs, const struct schema *outputs)
{
	struct buffer text = {0}, sorted = {0};
	struct json_reader reader = {0};
	int result = -ENOMEM;

	buffer_append_text(&text, "{\"inputs\":");
	schema_write(&text, inputs);
	buffer_append_text(&text, ",\"outputs\":");
	schema_write(&text, outputs);
	buffer_append_char(&text, '}');
	if (!text.failed && !json_read(&reader, text.data, text.length)) {
		sorted_json_append(&sorted, text.data, &reader.root);
	}
	if (sorted.length && !sorted.failed) {
		result = hash(id, sorted.data, sorted.length);
	}
	buffer_fini(&sorted);
	buffer_fini(&text);
	return result;
}

bool identifier_valid(const char *id)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < length; i++) {
		if (id[i] <= ' ' || id[i] > '~' || strchr("\"\\", id[i])) {
			return false;
		}
	}
	return length && length <= IDENTIFIER_MOST;
}
