/* SPDX-License-Identifier: Apache-2.0 */
#include "load/label.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"

static bool is_utf8(const char *text)
{
	size_t length = strlen(text), at = 0;

	while (at < length) {
		if ((unsigned char)text[at] < 0x80) {
			at++;
		} else {
			size_t run = utf8_run(text + at, length - at);

			if (!run) {
				return false;
			}
			at += run;
		}
	}
	return true;
}

const char *run_id_refuse(const char *run_id)
{
	return is_utf8(run_id) ? NULL : "is not UTF-8";
}

static size_t name_length(const char *label)
{
	return strspn(label, NAME_BYTES);
}

static bool has_same_name(const char *a, const char *b)
{
	size_t length = name_length(a);

	return length == name_length(b) && !memcmp(a, b, length);
}

static const char *label_refuse(const struct words *labels, size_t which)
{
	const char *label = labels->word[which];
	size_t length = name_length(label);

	if (!length || label[length] != '=' || (label[0] >= '0' && label[0] <= '9')) {
		return "is no NAME=VALUE with a name of letters, digits and underscores";
	}
	if (length > LABEL_NAME_MOST) {
		return "has a name of more than 64 bytes";
	}
	if (!strncmp(label, "__", 2)) {
		return "has a name that Prometheus keeps for itself";
	}
	if (has_same_name(label, "run_id")) {
		return "has the name of the run's identity: use --run-id";
	}
	for (size_t i = 0; i < which; i++) {
		if (has_same_name(label, labels->word[i])) {
			return "has the name of another one";
		}
	}
	return is_utf8(label) ? NULL : "is not UTF-8";
}

const char *labels_refuse(const struct words *labels, size_t *which)
{
	for (*which = 0; *which < labels->count; ++*which) {
		const char *reason = label_refuse(labels, *which);

		if (reason) {
			return reason;
		}
	}
	return NULL;
}

const char *label_split(const char *label, char name[LABEL_NAME_MOST + 1])
{
	size_t length = name_length(label);

	assert(length <= LABEL_NAME_MOST);
	memcpy(name, label, length);
	name[length] = '\0';
	return label + length + 1;
}
