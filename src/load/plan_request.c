/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say of the request, where there is no profile: a template of one scenario. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/file.h"
#include "load/plan_state.h"
#include "load/template.h"

static int read_body_file(const char *path, struct buffer *body, struct buffer *refusal)
{
	int error = file_read(path, TEMPLATE_BODY_MOST, body);

	if (error == -EFBIG) {
		return plan_refuse(refusal, "--body-file: '%.200s' is above 64M", path);
	}
	return error ? plan_refuse(refusal, "--body-file: cannot read '%.200s': %s", path,
			       strerror(-error))
		     : 0;
}

/* URLs of both kinds. */
static int refuse_endpoint(const struct load_config *config, const struct template_refusal *wrong,
	struct buffer *refusal)
{
	return plan_refuse(refusal, "'%.200s' %s (the URLs of a run are of one kind)",
		config->urls[wrong->index], buffer_text(&wrong->text));
}

/* What the template's members are called on the command line. */
static int refuse_member(const struct load_config *config, const struct template_refusal *wrong,
	struct buffer *refusal)
{
	const char *text = buffer_text(&wrong->text);

	if (!strcmp(wrong->member, "endpoints")) {
		return refuse_endpoint(config, wrong, refusal);
	}
	if (!strcmp(wrong->member, "key") || !strcmp(wrong->member, "sizes")) {
		return plan_refuse(refusal,
			"--places without --profile has no ${%s} (%s, or write a profile)",
			*wrong->member == 'k' ? "key" : "fill",
			*wrong->member == 'k' ? "use ${random:1000}" : "use ${hex:64}");
	}
	if (!strcmp(wrong->member, "target")) {
		return plan_refuse(refusal, "--places: the path of a URL %s", text);
	}
	if (!strcmp(wrong->member, "fields")) {
		return plan_refuse(
			refusal, "--header '%.80s' %s", config->headers.word[wrong->index], text);
	}
	if (!strcmp(wrong->member, "method")) {
		return plan_refuse(refusal, "--method '%.80s' %s", config->method, text);
	}
	if (!strcmp(wrong->member, "body")) {
		return plan_refuse(refusal, "--body%s %s", config->body_file ? "-file" : "", text);
	}
	return plan_refuse(refusal, "the %s of the request %s", wrong->member, text);
}

static int make_template(struct plan *plan, const struct load_config *config,
	const struct template_scenario *scenario, struct buffer *refusal)
{
	struct template *template = template_new(plan->endpoints, plan->endpoint_count, plan->seed);
	struct template_refusal wrong = {0};
	int error = template ? template_add(template, scenario, &wrong) : -ENOMEM;

	plan->shared = template;
	plan->kind = &template_source_kind;
	if (error == -EINVAL) {
		error = refuse_member(config, &wrong, refusal);
	} else if (!error) {
		error = template_finish(template);
	}
	buffer_fini(&wrong.text);
	return error;
}

/* To a WebSocket, each request is a message. */
static int check_message(const struct load_config *config, struct buffer *refusal)
{
	if (config->method) {
		return plan_refuse(refusal,
			"--method with a WebSocket (what is sent to it are messages: --body)");
	}
	return config->body || config->body_file
		? 0
		: plan_refuse(
			  refusal, "no message for the WebSocket (--body or --body-file has it)");
}

static int read_request(struct plan *plan, const struct load_config *config, struct buffer *body,
	struct buffer *refusal)
{
	struct template_scenario scenario = {
		.kind = plan->endpoints[0].kind == ENDPOINT_WEBSOCKET ? TEMPLATE_WEBSOCKET
								      : TEMPLATE_HTTP,
		.weight = 1,
		.has_places = config->places,
		.method = config->method,
		.fields = config->headers.word,
		.field_count = config->headers.count,
	};
	int error = 0;

	if (config->body && config->body_file) {
		return plan_refuse(refusal, "--body with --body-file (give one of them)");
	}
	if (scenario.kind == TEMPLATE_WEBSOCKET) {
		error = check_message(config, refusal);
	}
	if (error) {
		return error;
	}
	if (config->body) {
		buffer_append_text(body, config->body);
	} else if (config->body_file) {
		error = read_body_file(config->body_file, body, refusal);
	}
	if (config->body || config->body_file) {
		scenario.body = buffer_text(body);
		scenario.body_length = body->length;
	}
	return error ? error : make_template(plan, config, &scenario, refusal);
}

int plan_read_request(struct plan *plan, const struct load_config *config, struct buffer *refusal)
{
	static const char *names[] = {"request"};
	struct buffer body = {0};
	int error = read_request(plan, config, &body, refusal);

	plan->scenarios = names;
	plan->scenario_count = 1;
	buffer_fini(&body);
	return error == -ENOMEM ? plan_refuse(refusal, "cannot start: out of memory") : error;
}
