/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of accounts, from files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/evm.h"

#define LINE_MOST 512 /* bytes; longer ones are none of a key */
#define KEY_LIKE 40   /* hexadecimal digits */

/* The key of a line, without what stands around it. NULL: the line has none. */
static char *trim(char *line)
{
	size_t length;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	length = strlen(line);
	while (length && strchr(" \t", line[length - 1])) {
		line[--length] = '\0';
	}
	return length ? line : NULL;
}

static bool read_key(const struct evm *evm, const char *text, struct ethereum_account *account)
{
	return ethereum_read_hex(text, strlen(text), account->key, ETHEREUM_KEY) &&
		ethereum_account_of_key(evm->ethereum, account);
}

static int add_account(struct evm *evm, const struct ethereum_account *account, size_t *capacity)
{
	if (evm->account_count == *capacity) {
		size_t larger = *capacity ? 2 * *capacity : 64;
		struct ethereum_account *accounts = calloc(larger, sizeof(*accounts));

		if (!accounts) {
			return -ENOMEM;
		}
		if (evm->accounts) {
			memcpy(accounts, evm->accounts, evm->account_count * sizeof(*accounts));
			explicit_bzero(evm->accounts, evm->account_count * sizeof(*accounts));
			free(evm->accounts);
		}
		evm->accounts = accounts;
		*capacity = larger;
	}
	evm->accounts[evm->account_count++] = *account;
	return 0;
}

/* Goes through the keys of a file: each() returns 0 to go on. */
static int each_key(const struct evm *evm, const char *path, struct buffer *refusal,
	int (*each)(void *arg, const struct ethereum_account *account), void *arg)
{
	FILE *file = fopen(path, "re");
	struct ethereum_account account;
	char line[LINE_MOST];
	int number = 0, error = 0;

	if (!file) {
		buffer_appendf(refusal, "%s cannot be read: %s", path, strerror(errno));
		return -EINVAL;
	}
	while (!error && fgets(line, sizeof(line), file)) {
		char *text = trim(line);

		number++;
		if (text && !read_key(evm, text, &account)) {
			buffer_appendf(refusal,
				"%s: line %d is no private key of 64 hexadecimal digits", path,
				number);
			error = -EINVAL;
		} else if (text) {
			error = each(arg, &account);
		}
	}
	if (!error && ferror(file)) {
		buffer_appendf(refusal, "%s cannot be read", path);
		error = -EINVAL;
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(&account, sizeof(account));
	(void)fclose(file);
	return error;
}

struct adding {
	struct evm *evm;
	size_t capacity;
};

static int add(void *arg, const struct ethereum_account *account)
{
	struct adding *adding = arg;

	return adding->evm->account_count < EVM_ACCOUNTS_MOST
		? add_account(adding->evm, account, &adding->capacity)
		: 0;
}

int evm_read_keys(struct evm *evm, const char *path, struct buffer *refusal)
{
	struct adding adding = {.evm = evm};
	int error = each_key(evm, path, refusal, add, &adding);

	if (!error && !evm->account_count) {
		buffer_appendf(refusal, "%s has no key in it", path);
		error = -EINVAL;
	}
	return error;
}

static int take_first(void *arg, const struct ethereum_account *account)
{
	*(struct ethereum_account *)arg = *account;
	return 1;
}

/* A key with a digit too few, or another one of somebody's secrets: no name of a file to show. */
static bool looks_like_key(const char *text)
{
	text += strncmp(text, "0x", 2) ? 0 : 2;
	return strlen(text) >= KEY_LIKE && !text[strspn(text, "0123456789abcdefABCDEF")];
}

int evm_read_rich(struct evm *evm, const char *key, const char *path, struct buffer *refusal)
{
	int result = 1;

	if (!read_key(evm, key, &evm->setting.rich)) {
		if (looks_like_key(key)) {
			buffer_append_text(refusal,
				"is no private key of 64 hexadecimal digits, nor a file with one");
			return -EINVAL;
		}
		result = each_key(evm, path, refusal, take_first, &evm->setting.rich);
	}
	if (!result) {
		buffer_appendf(refusal, "%s has no key in it", path);
	}
	evm->setting.has_rich = result > 0;
	return result > 0 ? 0 : result < 0 ? result : -EINVAL;
}
