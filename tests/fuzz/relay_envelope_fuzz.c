/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes beside cJSON: what ours reads theirs reads too, with the same name, frame and code; and
 * what is one value to ours may be put into an envelope, from which it comes back byte for byte.
 * Where cJSON is the laxer one is the business of the json target.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "relay/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last member of that name; NULL: none. */
static const cJSON *member_of(const cJSON *object, const char *name)
{
	const cJSON *found = NULL, *member;

	cJSON_ArrayForEach(member, object)
	{
		found = !strcmp(member->string, name) ? member : found;
	}
	return found;
}

static int may_confuse_theirs(const char *text)
{
	return strstr(text, "\\u0000") || strstr(text, "\\ud") || strstr(text, "\\uD");
}

/* As they write it: an infinity of theirs is not equal to itself. */
static void compare_frame(const struct envelope *envelope, const cJSON *theirs)
{
	cJSON *ours;
	char *our_text, *their_text;

	assert((envelope->frame != NULL) == (theirs != NULL));
	if (!theirs) {
		return;
	}
	ours = cJSON_ParseWithLength(envelope->frame, envelope->frame_length);
	our_text = cJSON_PrintUnformatted(ours);
	their_text = cJSON_PrintUnformatted(theirs);
	assert(our_text && their_text && !strcmp(our_text, their_text));
	free(our_text);
	free(their_text);
	cJSON_Delete(ours);
}

static void compare(const struct envelope *envelope, const char *text)
{
	cJSON *theirs = cJSON_Parse(text);
	const cJSON *name = member_of(theirs, "conn_id");
	const cJSON *code = member_of(theirs, "close_code");

	assert(cJSON_IsObject(theirs) && cJSON_IsString(name));
	assert(strlen(name->valuestring) == envelope->name_length);
	assert(!memcmp(name->valuestring, envelope->name, envelope->name_length));
	assert((code && !cJSON_IsNull(code) ? code->valuedouble : 0) == envelope->close_code);
	compare_frame(envelope, member_of(theirs, "frame"));
	cJSON_Delete(theirs);
}

/*
 * With white space behind it, it is read in the long way. Both ways take the same texts and find
 * the same in them.
 */
static void compare_ways(const char *text, size_t size)
{
	struct envelope quick = {0}, slow = {0};
	char *longer = malloc(size + 1);
	bool taken = !relay_envelope_read(&quick, text, size);

	assert(longer);
	memcpy(longer, text, size);
	longer[size] = ' ';
	assert(taken == !relay_envelope_read(&slow, longer, size + 1));
	if (taken) {
		assert(quick.close_code == slow.close_code);
		assert(quick.name_length == slow.name_length);
		assert(!memcmp(quick.name, slow.name, slow.name_length));
		assert(!quick.frame == !slow.frame && quick.frame_length == slow.frame_length);
		assert(!quick.frame || quick.frame - text == slow.frame - longer);
	}
	relay_envelope_fini(&quick);
	relay_envelope_fini(&slow);
	free(longer);
}

/* The fault is one theirs knows too, unless the text is well-formed or they are lax. */
static void check_read(const char *text, size_t size)
{
	struct envelope envelope = {0};

	if (!relay_envelope_read(&envelope, text, size)) {
		assert(envelope.frame || envelope.close_code);
		assert(envelope.close_code <= UINT16_MAX);
		if (!may_confuse_theirs(text)) {
			compare(&envelope, text);
		}
		if (envelope.frame) {
			assert(envelope.frame >= text);
			assert(envelope.frame + envelope.frame_length < text + size);
			assert(!envelope_frame_fault(envelope.frame, envelope.frame_length));
		}
	}
	relay_envelope_fini(&envelope);
}

static void check_frame(const char *text, size_t size)
{
	static const char name[] = "client-\"\\\xc3\xa9-00000001";
	struct envelope envelope = {0};
	struct buffer whole = {0};

	buffer_append_text(&whole, ENVELOPE_NAME);
	envelope_escape(&whole, name, sizeof(name) - 1);
	buffer_append_text(&whole, ENVELOPE_FRAME);
	buffer_append(&whole, text, size);
	buffer_append_text(&whole, ENVELOPE_END);
	if (!envelope_frame_fault(text, size)) {
		assert(!relay_envelope_read(&envelope, whole.data, whole.length));
		assert(envelope.name_length == sizeof(name) - 1);
		assert(!memcmp(envelope.name, name, sizeof(name) - 1));
		assert(envelope.close_code == 0 && envelope.frame_length <= size);
		assert(memmem(text, size, envelope.frame, envelope.frame_length));
	}
	relay_envelope_fini(&envelope);
	buffer_fini(&whole);
}

/* In memory of the exact size, so that a step too far is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1);
	char *text = malloc(size + 1);

	assert(exact && text);
	memcpy(exact, data, size);
	memcpy(text, data, size);
	text[size] = '\0';
	(void)envelope_frame_fault(exact, size);
	compare_ways(exact, size);
	check_frame(exact, size);
	free(exact);
	check_read(text, size);
	free(text);
	return 0;
}
