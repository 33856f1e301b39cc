/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_describe -> the process runs, and what it prints is gathered -> its end, for which the
 * worker's rounds are run here -> the document is read. At --start-timeout, and when it prints too
 * much, it is stopped by the ladder; at a signal the lifecycle does the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/signal_name.h"
#include "serve/dialogue.h"
#include "serve/kept_process.h"
#include "serve/process.h"
#include "serve/program.h"
#include "json/reader.h"

#define WORD "--describe"
#define EXAMPLE "{\"name\":..,\"inputs\":..,\"outputs\":..}"
#define QUOTED_MOST 80 /* bytes of what is wrong that are quoted */

struct description {
	struct dialogue dialogue;
	struct timer patience;
	struct buffer text;
	struct curfew_child_exit exit;
	const char *lost; /* static */
	bool is_late;
	bool is_over;
};

static struct description *description_of(struct dialogue *dialogue)
{
	return container_of(dialogue, struct description, dialogue);
}

/* The process. */

static void give_up(struct description *description, const char *reason)
{
	description->lost = reason;
	dialogue_ignore(&description->dialogue);
	dialogue_stop(&description->dialogue);
}

static void take_line(struct dialogue *dialogue, const char *line, size_t length)
{
	struct description *description = description_of(dialogue);

	if (length >= SCHEMA_BYTES_MOST - description->text.length) {
		give_up(description, "it is longer than 1 MB");
		return;
	}
	buffer_append(&description->text, line, length);
	buffer_append_char(&description->text, '\n');
}

static void lose_line(struct dialogue *dialogue, const char *reason)
{
	(void)reason;
	give_up(description_of(dialogue), "it is longer than 1 MB");
}

static void ended(struct dialogue *dialogue, const struct curfew_child_exit *exit)
{
	struct description *description = description_of(dialogue);

	description->exit = *exit;
	description->is_over = true;
}

static const struct dialogue_ops dialogue_ops = {take_line, lose_line, ended};

static void patience_over(struct timer *timer)
{
	struct description *description = container_of(timer, struct description, patience);

	description->is_late = true;
	dialogue_stop(&description->dialogue);
}

static int run(struct description *description, struct serve *serve)
{
	struct agenda *agenda = &serve->worker->loop->agenda;
	int64_t patience_ms = serve->config->start_timeout_ms;
	int error = dialogue_start(&description->dialogue, serve, &dialogue_ops, WORD);

	if (error < 0) {
		return error;
	}
	description->dialogue.line_most = SCHEMA_BYTES_MOST;
	description->patience.fired = patience_over;
	if (patience_ms != CURFEW_NEVER) {
		agenda_start(agenda, &description->patience, curfew_after_ms(patience_ms));
	}
	dialogue_say(&description->dialogue, "", 0, true);
	while (!description->is_over) {
		worker_round(serve->worker, true);
	}
	agenda_stop(agenda, &description->patience);
	return 0;
}

/* What is wrong. Each returns -1. */

static int refuse(struct serve *serve, struct buffer *refusal, const char *what)
{
	buffer_appendf(refusal, "'%.200s " WORD "' %s", serve->config->command[0], what);
	return -1;
}

static int refuse_start(struct serve *serve, struct buffer *refusal, int *error)
{
	static const int ours[] = {ENOMEM, EAGAIN, EMFILE, ENFILE, ECHILD, ETIMEDOUT, ENOBUFS};
	const char *verb = "executed";

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (*error == ours[i]) {
			verb = "started";
		}
	}
	buffer_appendf(refusal, "'%.200s' cannot be %s: %s", serve->config->command[0], verb,
		strerror(*error));
	if (!strcmp(verb, "started")) {
		*error = 0;
	}
	return -1;
}

static int refuse_end(
	struct serve *serve, const struct description *description, struct buffer *refusal)
{
	const char *complaint = description->dialogue.complaint;
	char signal[SIGNAL_NAME_BYTES];

	(void)refuse(serve, refusal, "");
	if (description->is_late) {
		buffer_appendf(refusal, "was not done within %lld ms (--start-timeout)",
			(long long)serve->config->start_timeout_ms);
	} else if (description->exit.signal) {
		buffer_appendf(refusal, "was killed by SIG%s",
			signal_name(description->exit.signal, signal));
	} else {
		buffer_appendf(refusal, "exited with code %d", description->exit.code);
	}
	if (complaint[0]) {
		buffer_appendf(refusal, ": %s", complaint);
	}
	return -1;
}

/* The document. */

enum { NAME, ID, INPUTS, OUTPUTS, STREAM, PRECHECK, DESCRIPTION, PARTS };

static const struct json_path paths[PARTS] = {
	[NAME] = {{"name"}},
	[ID] = {{"id"}},
	[INPUTS] = {{"inputs"}},
	[OUTPUTS] = {{"outputs"}},
	[STREAM] = {{"stream"}},
	[PRECHECK] = {{"precheck"}},
	[DESCRIPTION] = {{"description"}},
};

struct document {
	struct serve *serve;
	const char *text;
	struct json_value parts[PARTS];
	struct buffer *refusal;
};

/* "printed a document whose id is no string: 17" */
static int refuse_part(const struct document *document, int part, const char *what)
{
	const struct json_value *value = &document->parts[part];

	(void)refuse(document->serve, document->refusal, "printed a document ");
	if (!value->kind) {
		buffer_appendf(
			document->refusal, "without \"%s\" (" EXAMPLE ")", paths[part].keys[0]);
		return -1;
	}
	buffer_appendf(document->refusal, "whose \"%s\" %s: %.*s%s", paths[part].keys[0], what,
		(int)(value->length < QUOTED_MOST ? value->length : QUOTED_MOST),
		document->text + value->start, value->length < QUOTED_MOST ? "" : "..");
	return -1;
}

/* Both return 0 or -1; what is absent, or null, leaves NULL and false. */

static int read_string(const struct document *document, int part, char **string)
{
	const struct json_value *value = &document->parts[part];
	struct buffer text = {0};

	*string = NULL;
	if (value->kind == JSON_ABSENT || value->kind == JSON_NULL) {
		return 0;
	}
	if (value->kind != JSON_STRING) {
		return refuse_part(document, part, "is no string");
	}
	json_string_decode(&text, document->text, value);
	if (text.length && memchr(text.data, '\0', text.length)) {
		buffer_fini(&text);
		return refuse_part(document, part, "has a NUL in it");
	}
	*string = buffer_take(&text);
	return *string ? 0 : refuse(document->serve, document->refusal, "needs memory");
}

static int read_flag(const struct document *document, int part, bool *flag)
{
	enum json_kind kind = document->parts[part].kind;

	*flag = kind == JSON_TRUE;
	if (kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_ARRAY ||
		kind == JSON_OBJECT) {
		return refuse_part(document, part, "is neither true nor false");
	}
	return 0;
}

static int read_schema(const struct document *document, int part, struct schema **schema)
{
	struct buffer why = {0};
	bool is_good;

	if (!document->parts[part].kind) {
		return refuse_part(document, part, "");
	}
	*schema = schema_read(document->text, &document->parts[part], paths[part].keys[0], &why);
	is_good = *schema && (part != INPUTS || schema_takes_parameters(*schema, &why));
	if (!is_good) {
		(void)refuse(document->serve, document->refusal, "printed a wrong schema: ");
		buffer_append_text(document->refusal, buffer_text(&why));
	}
	buffer_fini(&why);
	return is_good ? 0 : -1;
}

static int read_names(const struct document *document, struct function *function)
{
	const char *wanted = document->serve->config->function;

	if (read_string(document, NAME, &function->name) < 0 ||
		read_string(document, ID, &function->id) < 0 ||
		read_string(document, DESCRIPTION, &function->description) < 0) {
		return -1;
	}
	if (!function->name) {
		return refuse_part(document, NAME, "is no string");
	}
	if (!identifier_valid(function->name)) {
		return refuse_part(document, NAME, "is no name (letters, digits, - and _)");
	}
	if (function->id && !identifier_valid(function->id)) {
		return refuse_part(
			document, ID, "cannot stand in an answer (letters, digits, - and _)");
	}
	if (wanted && strcmp(wanted, function->name) != 0) {
		buffer_appendf(document->refusal,
			"--function: '%.80s' is not what '%.200s " WORD "' calls itself: %.80s",
			wanted, document->serve->config->command[0], function->name);
		return -1;
	}
	return 0;
}

/* --id, the document's own, or one that is made of the schemas. */
static int choose_id(struct serve *serve, struct function *function, struct buffer *refusal)
{
	char made[IDENTIFIER_DIGITS + 1];
	const char *given = serve->config->id;

	if (!given && function->id) {
		return 0;
	}
	if (!given && identifier_make(made, function->inputs, function->outputs) == 0) {
		given = made;
	}
	free(function->id);
	function->id = given ? strdup(given) : NULL;
	return function->id ? 0 : refuse(serve, refusal, "needs memory");
}

static int read_parts(const struct document *document, struct function *function)
{
	if (read_names(document, function) < 0 ||
		read_flag(document, STREAM, &function->streams) < 0 ||
		read_flag(document, PRECHECK, &function->has_precheck) < 0 ||
		read_schema(document, INPUTS, &function->inputs) < 0 ||
		read_schema(document, OUTPUTS, &function->outputs) < 0) {
		return -1;
	}
	return choose_id(document->serve, function, document->refusal);
}

static int read_document(struct serve *serve, const struct buffer *text, struct buffer *refusal)
{
	struct document document = {.serve = serve, .text = buffer_text(text), .refusal = refusal};
	struct json_reader reader = {.paths = paths, .values = document.parts, .count = PARTS};
	enum json_error error = json_read(&reader, document.text, text->length);

	if (error == JSON_EMPTY) {
		return refuse(serve, refusal, "printed nothing (one JSON object: " EXAMPLE ")");
	}
	if (error) {
		(void)refuse(serve, refusal, "printed no JSON: ");
		buffer_appendf(refusal, "byte %zu: %s", reader.offset, json_error_text(error));
		return -1;
	}
	if (reader.root.kind != JSON_OBJECT) {
		return refuse(serve, refusal, "printed no JSON object (" EXAMPLE ")");
	}
	return read_parts(&document, &serve->function);
}

static int judge(struct serve *serve, const struct description *description, struct buffer *refusal)
{
	if (service_is_ending(&serve->service)) {
		return 1;
	}
	if (description->lost) {
		(void)refuse(serve, refusal, "printed no document: ");
		buffer_append_text(refusal, description->lost);
		return -1;
	}
	if (description->is_late || description->exit.signal || description->exit.code) {
		return refuse_end(serve, description, refusal);
	}
	if (description->text.failed) {
		return refuse(serve, refusal, "needs memory");
	}
	return read_document(serve, &description->text, refusal);
}

int program_describe(struct serve *serve, struct buffer *refusal, int *error)
{
	struct description description = {0};
	int result;

	*error = 0;
	result = run(&description, serve);
	if (result == -ESHUTDOWN) {
		return 1;
	}
	if (result < 0) {
		*error = -result;
		return refuse_start(serve, refusal, error);
	}
	result = judge(serve, &description, refusal);
	buffer_fini(&description.text);
	if (!result) {
		serve->function.runner =
			serve->config->workers > 0 ? &kept_process_runner : &process_runner;
	}
	return result;
}
