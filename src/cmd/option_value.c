/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/option_value.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/signal_map.h"
#include "base/signal_name.h"
#include "base/text.h"

static const char empty[] = "is empty";
static const char uncatchable[] = "cannot be caught";

static const char *set_flag(const struct option *option, void *field, const char *text)
{
	static const char *const words[] = {"no", "yes", "0", "1", "false", "true", "off", "on"};

	(void)option;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcasecmp(text, words[i])) {
			*(bool *)field = i % 2;
			return NULL;
		}
	}
	return text_malformed;
}

static const char *set_duration(const struct option *option, void *field, const char *text)
{
	(void)option;
	return text_parse_duration(text, field);
}

static const char *set_size(const struct option *option, void *field, const char *text)
{
	(void)option;
	return text_parse_size(text, field);
}

/* Rounded up: never more often than was said. */
static const char *set_rate(const struct option *option, void *field, const char *text)
{
	struct text_rate rate = {.count = 0};
	const char *refusal = strcmp(text, "0") == 0 ? NULL : text_parse_rate(text, &rate);

	(void)option;
	if (refusal || rate.count > rate.per_ms) {
		return refusal ? refusal : "is more than 1000 a second";
	}
	*(int64_t *)field = rate.count ? (rate.per_ms + rate.count - 1) / rate.count : 0;
	return NULL;
}

static const char *set_number(const struct option *option, void *field, const char *text)
{
	int64_t number;
	const char *refusal = text_parse_number(text, option->least, option->most, &number);

	if (!refusal) {
		*(int *)field = (int)number;
	}
	return refusal;
}

static const char *set_string(const struct option *option, void *field, const char *text)
{
	const char *refusal = !*text ? empty : option->check ? option->check(text) : NULL;

	if (!refusal) {
		*(const char **)field = text;
	}
	return refusal;
}

static const char *set_choice(const struct option *option, void *field, const char *text)
{
	for (unsigned i = 0; option->choices[i]; i++) {
		if (!strcmp(text, option->choices[i])) {
			*(unsigned *)field = i;
			return NULL;
		}
	}
	return text_malformed;
}

static const char *read_signal(const char *text, int *number)
{
	*number = signal_number(text);
	return *number ? NULL : text_malformed;
}

static const char *read_catchable(const char *text, int *number)
{
	const char *refusal = read_signal(text, number);

	if (!refusal && (*number == SIGKILL || *number == SIGSTOP)) {
		return uncatchable;
	}
	return refusal;
}

static const char *set_signal(const struct option *option, void *field, const char *text)
{
	int number;
	const char *refusal = read_signal(text, &number);

	(void)option;
	if (!refusal) {
		*(int *)field = number;
	}
	return refusal;
}

static const char *set_catchable(const struct option *option, void *field, const char *text)
{
	int number;
	const char *refusal = read_catchable(text, &number);

	(void)option;
	if (!refusal) {
		*(int *)field = number;
	}
	return refusal;
}

/* Copies what stands before the next comma, and moves behind it; NULL at the end. */
static const char *next_item(const char **text, char item[2 * SIGNAL_NAME_BYTES])
{
	size_t length = strcspn(*text, ",");

	if (length >= 2 * SIGNAL_NAME_BYTES) {
		return text_malformed;
	}
	memcpy(item, *text, length);
	item[length] = '\0';
	*text += length;
	*text = **text ? *text + 1 : NULL;
	return NULL;
}

static const char *set_signals(const struct option *option, void *field, const char *text)
{
	sigset_t set;

	(void)option;
	sigemptyset(&set);
	while (text) {
		char item[2 * SIGNAL_NAME_BYTES];
		const char *refusal = next_item(&text, item);
		int number;

		refusal = refusal ? refusal : read_catchable(item, &number);
		if (refusal) {
			return refusal == uncatchable ? "names one that cannot be caught" : refusal;
		}
		sigaddset(&set, number);
	}
	*(sigset_t *)field = set;
	return NULL;
}

static const char *map_item(struct signal_map *map, char *item)
{
	char *colon = strchr(item, ':');
	const char *refusal;
	int from, to = SIGNAL_DROPPED;

	if (!colon) {
		return text_malformed;
	}
	*colon = '\0';
	refusal = read_catchable(item, &from);
	if (!refusal && strcmp(colon + 1, "0") != 0) {
		refusal = read_signal(colon + 1, &to);
	}
	if (!refusal) {
		map->to[from] = (signed char)to;
	}
	return refusal == uncatchable ? "maps one that cannot be caught" : refusal;
}

static const char *set_signal_map(const struct option *option, void *field, const char *text)
{
	struct signal_map map = *(struct signal_map *)field;

	(void)option;
	while (text) {
		char item[2 * SIGNAL_NAME_BYTES];
		const char *refusal = next_item(&text, item);

		refusal = refusal ? refusal : map_item(&map, item);
		if (refusal) {
			return refusal;
		}
	}
	*(struct signal_map *)field = map;
	return NULL;
}

static const char *set_words(const struct option *option, void *field, const char *text)
{
	(void)option;
	if (!*text) {
		return empty;
	}
	return words_add(field, text) ? NULL : "is one too many";
}

/* NULL wants: it depends on the option. */
static const struct {
	const char *(*set)(const struct option *option, void *field, const char *text);
	const char *wants;
} kinds[] = {
	[OPTION_FLAG] = {set_flag, "yes or no"},
	[OPTION_DURATION] = {set_duration, "a duration such as 10s, 500ms or inf"},
	[OPTION_SIZE] = {set_size, "a size such as 64k, 8M or 1G"},
	[OPTION_RATE] = {set_rate, "a rate such as 10/s or 10/m, or 0 for no limit"},
	[OPTION_NUMBER] = {set_number, NULL},
	[OPTION_STRING] = {set_string, NULL},
	[OPTION_CHOICE] = {set_choice, NULL},
	[OPTION_SIGNAL] = {set_signal, "a signal such as TERM, 15 or RTMIN+1"},
	[OPTION_CATCHABLE] = {set_catchable, "a signal such as TERM, 15 or RTMIN+1"},
	[OPTION_SIGNALS] = {set_signals, "signals such as TERM,INT,QUIT"},
	[OPTION_SIGNAL_MAP] = {set_signal_map, "signals such as HUP:TERM, or USR1:0 to drop one"},
	[OPTION_WORDS] = {set_words, NULL},
};

const char *option_set(const struct option *option, void *config, const char *text)
{
	return kinds[option->kind].set(option, (char *)config + option->offset, text);
}

static void append_choices(const struct option *option, struct buffer *out)
{
	for (unsigned i = 0; option->choices[i]; i++) {
		if (i) {
			buffer_append_text(out, option->choices[i + 1] ? ", " : " or ");
		}
		buffer_append_text(out, option->choices[i]);
	}
}

void option_wants(const struct option *option, struct buffer *out)
{
	if (kinds[option->kind].wants) {
		buffer_append_text(out, kinds[option->kind].wants);
	} else if (option->kind == OPTION_NUMBER) {
		buffer_appendf(out, "a number from %d to %d", option->least, option->most);
	} else if (option->kind == OPTION_CHOICE) {
		append_choices(option, out);
	} else {
		buffer_appendf(out, "a value (%s)", option->metavar);
	}
}
