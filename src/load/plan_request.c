/* SPDX-License-Identifier: Apache-2.0 */
/* What the options say of the request, where there is no profile: a template of one scenario. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/plan_state.h"
#include "load/template.h"

#define READ_AT_ONCE 65536

/* A request with such a method is expected to have a body, if an empty one (RFC 9110, 8.6). */
static bool wants_body(const char *method)
{
	return method &&
		(!strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH"));
}

static int read_descriptor(int fd, struct buffer *into)
{
	ssize_t n = 1;

	while (n != 0 && into->length <= TEMPLATE_BODY_MOST) {
		char *room = buffer_reserve(into, READ_AT_ONCE);

		if (!room) {
			return -ENOMEM;
		}
		n = read(fd, room, READ_AT_ONCE);
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n > 0) {
			buffer_commit(into, (size_t)n);
		}
	}
	return n ? -EFBIG : 0;
}

static int read_body_file(const char *path, struct buffer *body, struct buffer *refusal)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int error = fd < 0 ? -errno : read_descriptor(fd, body);

	if (fd >= 0) {
		close(fd);
	}
	if (error == -EFBIG) {
		return plan_refuse(refusal, "--body-file: '%.200s' is above 64M", path);
	}
	return error ? plan_refuse(refusal, "--body-file: cannot read '%.200s': %s", path,
			       strerror(-error))
		     : 0;
}

/* What the template's members are called on the command line. */
static int refuse_member(const struct load_config *config, const struct template_refusal *wrong,
	struct buffer *refusal)
{
	const char *text = buffer_text(&wrong->text);

	if (!strcmp(wrong->member, "fields")) {
		return plan_refuse(
			refusal, "--header '%.80s' %s", config->headers.word[wrong->index], text);
	}
	if (!strcmp(wrong->member, "method")) {
		return plan_refuse(refusal, "--method '%.80s' %s", config->method, text);
	}
	if (!strcmp(wrong->member, "body")) {
		return plan_refuse(refusal, "--body %s", text);
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

static int read_request(struct plan *plan, const struct load_config *config, struct buffer *body,
	struct buffer *refusal)
{
	struct template_scenario scenario = {
		.kind = plan->endpoints[0].kind == ENDPOINT_WEBSOCKET ? TEMPLATE_WEBSOCKET
								      : TEMPLATE_HTTP,
		.weight = 1,
		.method = config->method,
		.fields = config->headers.word,
		.field_count = config->headers.count,
	};
	int error = 0;

	if (config->body && config->body_file) {
		return plan_refuse(refusal, "--body with --body-file (give one of them)");
	}
	if (config->body) {
		buffer_append_text(body, config->body);
	} else if (config->body_file) {
		error = read_body_file(config->body_file, body, refusal);
	}
	if (config->body || config->body_file || wants_body(config->method)) {
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
