/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/header_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 128

static const char name_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *header_env_check(const char *word)
{
	size_t header = strspn(word, name_characters);
	size_t name = word[header] == '=' ? strspn(word + header + 1, name_characters) : 0;

	if (!header || !name || header >= NAME_MOST || word[header + 1 + name]) {
		return "is no pair of a header and a variable (X-Api-Key=API_KEY)";
	}
	return strchr("0123456789", word[header + 1])
		? "names a variable that begins with a digit (X-Api-Key=API_KEY)"
		: NULL;
}

/* Returns whether there was memory. */
static bool add(struct header_env *environment, size_t *count, const char *word,
	const struct http_head *head)
{
	const char *name = strchr(word, '=') + 1;
	struct buffer variable = {0};
	const struct http_field *field;
	struct http_text value;
	char header[NAME_MOST];

	memcpy(header, word, (size_t)(name - 1 - word));
	header[name - 1 - word] = '\0';
	field = http_head_find(head, header, NULL);
	if (!field) {
		return true;
	}
	value = http_head_text(head, field->value);
	buffer_append_text(&variable, name);
	buffer_append_char(&variable, '=');
	buffer_append(&variable, value.bytes, value.length);
	environment->variables[*count] = buffer_take(&variable);
	return environment->variables[(*count)++];
}

int header_env_init(
	struct header_env *environment, const struct words *words, const struct http_head *head)
{
	size_t count = 0;

	memset(environment, 0, sizeof(*environment));
	for (size_t i = 0; i < words->count; i++) {
		if (!add(environment, &count, words->word[i], head)) {
			return -ENOMEM;
		}
	}
	return 0;
}

void header_env_fini(struct header_env *environment)
{
	for (size_t i = 0; i <= WORDS_MOST; i++) {
		free(environment->variables[i]);
	}
}
