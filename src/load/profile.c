/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file. load/profile_settings.c reads what it says of the run, load/profile_fill.c its
 * scenarios.
 */
#include "load/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "load/file.h"
#include "load/profile_state.h"
#include "json/reader.h"

static bool parse(struct profile *profile, struct buffer *refusal)
{
	struct json_reader reader = {.length_most = PROFILE_MOST};
	struct member_reading reading = {.text = profile->text,
		.length = profile->length,
		.refusal = refusal,
		.owner = profile_owner};

	if (json_read(&reader, profile->text, profile->length) != JSON_OK) {
		const struct json_value at = {.start = reader.offset};

		return member_refuse(
			&reading, NULL, &at, "is no JSON: %s", json_error_text(reader.error));
	}
	profile->root = reader.root;
	return profile_settings_read(profile, &reading);
}

/* Takes over the text. */
static struct profile *make(char *text, size_t length, struct buffer *refusal)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (!profile) {
		free(text);
		buffer_append_text(refusal, profile_no_memory);
		return NULL;
	}
	profile->text = text;
	profile->length = length;
	if (parse(profile, refusal)) {
		return profile;
	}
	profile_refuse_memory(refusal);
	profile_free(profile);
	return NULL;
}

const char profile_no_memory[] = "it cannot be read: out of memory";

void profile_refuse_memory(struct buffer *refusal)
{
	if (refusal->failed) {
		buffer_fini(refusal);
		buffer_append_text(refusal, profile_no_memory);
	}
}

struct profile *profile_read(const char *text, size_t length, struct buffer *refusal)
{
	struct buffer copy = {0};

	buffer_append(&copy, text, length);
	buffer_append_char(&copy, '\0');
	if (copy.failed) {
		buffer_fini(&copy);
		buffer_append_text(refusal, profile_no_memory);
		return NULL;
	}
	return make(buffer_take(&copy), length, refusal);
}

struct profile *profile_load(const char *path, struct buffer *refusal)
{
	struct buffer content = {0}, wrong = {0};
	struct profile *profile = NULL;
	int error = file_read(path, PROFILE_MOST, &content);

	if (error == -EFBIG) {
		buffer_appendf(refusal, "%.200s: it is larger than 16M", path);
	} else if (error) {
		buffer_appendf(refusal, "%.200s: it cannot be read: %s", path, strerror(-error));
	} else {
		profile = profile_read(buffer_text(&content), content.length, &wrong);
	}
	if (!error && !profile) {
		buffer_appendf(refusal, "%.200s: %s", path, buffer_text(&wrong));
	}
	if (profile) {
		profile->path = path;
	}
	buffer_fini(&content);
	buffer_fini(&wrong);
	return profile;
}

void profile_free(struct profile *profile)
{
	if (!profile) {
		return;
	}
	profile_settings_fini(profile);
	for (size_t i = 0; i < profile->name_count; i++) {
		free((void *)(uintptr_t)profile->names[i]);
	}
	free(profile->text);
	free(profile);
}
