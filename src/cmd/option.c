/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/option.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "cmd/option_value.h"

#define PREFIX "CURFEW_"
#define MOST_OPTIONS 64 /* bits of a mark */

const struct option option_help = {
	.name = "help",
	.letter = 'h',
	.internal = true,
	.kind = OPTION_FLAG,
	.help = "Print this",
};

const struct option *option_at(const struct option *table, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (!table[i].name) {
			return NULL;
		}
	}
	return table[index].name ? &table[index] : &option_help;
}

const char *option_variable(const struct option *option, char name[OPTION_VARIABLE_BYTES])
{
	size_t length = strlen(option->name);

	assert(sizeof(PREFIX) + length <= OPTION_VARIABLE_BYTES);
	if (option->internal) {
		return NULL;
	}
	memcpy(name, PREFIX, sizeof(PREFIX) - 1);
	for (size_t i = 0; i <= length; i++) {
		char c = option->name[i];

		name[sizeof(PREFIX) - 1 + i] = (char)(c == '-' ? '_'
				: c >= 'a' && c <= 'z'         ? c - 'a' + 'A'
							       : c);
	}
	return name;
}

void option_preset(const struct option *table, void *config)
{
	for (const struct option *option = table; option->name; option++) {
		const char *refusal =
			option->preset ? option_set(option, config, option->preset) : NULL;

		assert(!refusal);
	}
}

static int refuse_value(struct option_reading *reading, const struct option *option,
	const char *label, const char *value, const char *reason)
{
	struct buffer *refusal = &reading->refusal;

	buffer_appendf(refusal, "%s wants ", label);
	option_wants(option, refusal);
	if (!value) {
		buffer_append_text(refusal, ", but nothing follows");
		return -EINVAL;
	}
	buffer_appendf(refusal, ", not '%.80s'", value);
	if (*value && reason != text_malformed) {
		buffer_appendf(refusal, " (it %s)", reason);
	}
	return -EINVAL;
}

static int refuse_name(struct option_reading *reading, const char *argument)
{
	const char *word = argument + strspn(argument, "-");
	size_t length = strcspn(word, "=");
	char name[OPTION_VARIABLE_BYTES] = "";
	struct text_nearest nearest = {.word = name};
	const struct option *option;

	if (length < sizeof(name)) {
		memcpy(name, word, length);
	}
	for (size_t i = 0; (option = option_at(reading->table, i)); i++) {
		text_nearest_offer(&nearest, option->name);
	}
	length += (size_t)(word - argument);
	buffer_appendf(&reading->refusal, "unknown option '%.*s'", length < 80 ? (int)length : 80,
		argument);
	if (nearest.best) {
		buffer_appendf(&reading->refusal, " (did you mean '--%s'?)", nearest.best);
	} else {
		buffer_append_text(&reading->refusal, " (--help lists them)");
	}
	return -EINVAL;
}

static const struct option *find_long(const struct option *table, const char *name, size_t length)
{
	const struct option *option;

	for (size_t i = 0; (option = option_at(table, i)); i++) {
		if (strlen(option->name) == length && !memcmp(option->name, name, length)) {
			return option;
		}
	}
	return NULL;
}

static const struct option *find_letter(const struct option *table, char letter)
{
	const struct option *option;

	for (size_t i = 0; (option = option_at(table, i)); i++) {
		if (option->letter == letter) {
			return option;
		}
	}
	return NULL;
}

/* Notes that the command line gave an option, so that the environment does not. */
static void mark(const struct option_reading *reading, const struct option *option, uint64_t *given)
{
	size_t index = (size_t)(option - reading->table);

	assert(index < MOST_OPTIONS);
	*given |= UINT64_C(1) << index;
}

static int read_long(struct option_reading *reading, uint64_t *given)
{
	const char *argument = *reading->arguments++;
	const char *name = argument + 2;
	size_t length = strcspn(name, "=");
	const struct option *option = find_long(reading->table, name, length);
	char label[OPTION_VARIABLE_BYTES];
	const char *value, *reason;

	if (!option) {
		return refuse_name(reading, argument);
	}
	if (option == &option_help) {
		return OPTION_WANTS_HELP;
	}
	memcpy(label, argument, length + 2);
	label[length + 2] = '\0';
	if (name[length]) {
		value = name + length + 1;
	} else if (option->kind == OPTION_FLAG) {
		value = "yes";
	} else {
		value = *reading->arguments;
		if (!value) {
			return refuse_value(reading, option, label, NULL, NULL);
		}
		reading->arguments++;
	}
	reason = option_set(option, reading->config, value);
	if (reason) {
		return refuse_value(reading, option, label, value, reason);
	}
	mark(reading, option, given);
	return 0;
}

static int read_letters(struct option_reading *reading, uint64_t *given)
{
	const char *argument = *reading->arguments++;

	for (const char *letter = argument + 1; *letter; letter++) {
		const struct option *option = find_letter(reading->table, *letter);

		if (!option) {
			return refuse_name(reading, argument);
		}
		if (option == &option_help) {
			return OPTION_WANTS_HELP;
		}
		assert(option->kind == OPTION_FLAG);
		(void)option_set(option, reading->config, "yes");
		mark(reading, option, given);
	}
	return 0;
}

/* Returns the value of a variable, NULL if there is none. */
static const char *find_variable(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++) {
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=') {
			return *environment + length + 1;
		}
	}
	return NULL;
}

static int read_environment(struct option_reading *reading, uint64_t given)
{
	for (size_t i = 0; reading->table[i].name; i++) {
		const struct option *option = &reading->table[i];
		char name[OPTION_VARIABLE_BYTES];
		const char *value, *reason;

		if (given >> i & 1 || !option_variable(option, name)) {
			continue;
		}
		value = find_variable(reading->environment, name);
		if (!value || !*value) {
			continue;
		}
		reason = option_set(option, reading->config, value);
		if (reason) {
			return refuse_value(reading, option, name, value, reason);
		}
	}
	return 0;
}

/* Reads options up to something else, which may be their end. */
static int read_options(struct option_reading *reading, uint64_t *given)
{
	int result = 0;

	while (!result && *reading->arguments && (*reading->arguments)[0] == '-' &&
		(*reading->arguments)[1] && strcmp(*reading->arguments, "--") != 0) {
		result = (*reading->arguments)[1] == '-' ? read_long(reading, given)
							 : read_letters(reading, given);
	}
	return result;
}

static bool at_end(const struct option_reading *reading)
{
	return !*reading->arguments || !strcmp(*reading->arguments, "--");
}

/* What was read leaves the room in which the operands are gathered. */
static int read_mixed(struct option_reading *reading, uint64_t *given)
{
	char **operands = reading->arguments, **first = operands;
	int result = read_options(reading, given);

	while (!result && !at_end(reading)) {
		*operands++ = *reading->arguments++;
		result = read_options(reading, given);
	}
	reading->arguments += *reading->arguments != NULL;
	while (!result && *reading->arguments) {
		*operands++ = *reading->arguments++;
	}
	*operands = NULL;
	reading->arguments = first;
	return result;
}

static int read_leading(struct option_reading *reading, uint64_t *given)
{
	int result = read_options(reading, given);

	if (!result && *reading->arguments && at_end(reading)) {
		reading->arguments++;
	}
	return result;
}

int option_read(struct option_reading *reading)
{
	uint64_t given = 0;
	int result =
		reading->is_mixed ? read_mixed(reading, &given) : read_leading(reading, &given);

	return result ? result : read_environment(reading, given);
}

/* Returns whether a string of the environment is a variable of one of the options. */
static bool is_ours(const struct option *table, const char *variable)
{
	for (const struct option *option = table; option->name; option++) {
		char name[OPTION_VARIABLE_BYTES];
		size_t length;

		if (!option_variable(option, name)) {
			continue;
		}
		length = strlen(name);
		if (!strncmp(variable, name, length) &&
			(variable[length] == '=' || !variable[length])) {
			return true;
		}
	}
	return false;
}

void option_strip(const struct option *table, char **environment)
{
	size_t kept = 0;

	for (size_t i = 0; environment && environment[i]; i++) {
		if (!is_ours(table, environment[i])) {
			environment[kept++] = environment[i];
		}
	}
	if (environment) {
		environment[kept] = NULL;
	}
}
