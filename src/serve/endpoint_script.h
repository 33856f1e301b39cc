/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: the endpoint on a worker, before a runner that writes down what it is asked and ends
 * calls when the test says so; and the client as a bare socket (http/server_script.h).
 */
#ifndef SERVE_ENDPOINT_SCRIPT_H
#define SERVE_ENDPOINT_SCRIPT_H

#include "http/server_script.h"
#include "serve/endpoint.h"
#include "serve/exchange.h"
#include "json/reader.h"

#define POST "POST /invoke HTTP/1.1\r\nHost: localhost\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define BODY "{\"path\":\"/a\"}"
#define LINE(output)                                                                               \
	"{\"usage\":[],\"status_code\":200,\"file_data\":null,\"filedata_meta\":"                  \
	"{\"terminate_current\":false,\"new_records\":[]},\"status_code_text\":null,"              \
	"\"output\":" output ",\"message_channels\":{\"infos\":[],\"warnings\":[]}}"
#define FAILURE(status, text)                                                                      \
	"{\"usage\":[],\"status_code\":" status ",\"file_data\":null,\"filedata_meta\":"           \
	"{\"terminate_current\":false,\"new_records\":[]},\"status_code_text\":\"" text "\","      \
	"\"output\":null,\"message_channels\":{\"infos\":[],\"warnings\":[]}}"

static struct serve_config config;
static struct serve host;
static struct invocation *call; /* the last that was begun and has not ended */
static struct buffer asked;     /* of the runner: a line for each */

/* The runner. */

static inline int runner_begin(struct invocation *invocation)
{
	call = invocation;
	buffer_append_text(
		&asked, invocation->kind == INVOCATION_PRECHECK ? "precheck " : "begin ");
	buffer_append(&asked, buffer_text(&invocation->arguments.text),
		invocation->arguments.text.length);
	buffer_append_char(&asked, '\n');
	return 0;
}

static inline void runner_cancel(struct invocation *invocation)
{
	struct curfew_cause cause = curfew_token_cause(curfew_context_token(invocation->context));

	buffer_appendf(&asked, "cancel: %s\n", curfew_reason_name(cause.reason));
}

static inline void runner_resume(struct invocation *invocation)
{
	assert_ptr_equal(invocation, call);
	buffer_append_text(&asked, "resume\n");
}

static inline void runner_cut(struct invocation *invocation)
{
	assert_ptr_equal(invocation, call);
	buffer_append_text(&asked, "cut\n");
}

static const struct runner_ops runner = {
	.begin = runner_begin,
	.cancel = runner_cancel,
	.resume = runner_resume,
	.cut = runner_cut,
};

static inline void end_call(enum invocation_outcome how, const char *output)
{
	struct envelope envelope = {0};
	struct invocation *ended = call;

	call = NULL;
	if (output) {
		assert_int_equal(envelope_set_output(&envelope, output, strlen(output)), 0);
	}
	invocation_end(ended, how, &envelope);
	envelope_fini(&envelope);
}

static inline void fail_call(int status, const char *text)
{
	struct envelope envelope = {0};
	struct invocation *ended = call;

	call = NULL;
	envelope_fail(&envelope, status, text, strlen(text));
	invocation_end(ended, INVOCATION_DONE, &envelope);
	envelope_fini(&envelope);
}

static inline bool yield(const char *output)
{
	struct envelope envelope = {0};
	bool more;

	assert_int_equal(envelope_set_output(&envelope, output, strlen(output)), 0);
	more = invocation_item(call, &envelope);
	envelope_fini(&envelope);
	return more;
}

/* The test's side. */

static inline struct schema *schema_of(const char *text)
{
	struct json_reader reader = {.count = 0};
	struct buffer refusal = {0};
	struct schema *schema;

	assert_int_equal(json_read(&reader, text, strlen(text)), JSON_OK);
	schema = schema_read(text, &reader.root, "inputs", &refusal);
	assert_string_equal(buffer_text(&refusal), "");
	assert_non_null(schema);
	return schema;
}

static inline void connect_client(void)
{
	int fds[2];

	tcp_pair(fds);
	client = fds[1];
	script.left = 0;
	assert_int_equal(serve_endpoint_take(&host, fds[0], NULL), 0);
}

static inline int endpoint_setup(void **state)
{
	(void)state;
	workers_begin(1, 20000);
	config = (struct serve_config){
		.queue = 1,
		.max_body = 1024,
		.request_timeout_ms = CURFEW_NEVER,
	};
	host = (struct serve){.config = &config, .worker = worker, .slots = 1};
	host.service.config = &config.service;
	host.service.life = life;
	host.function = (struct function){
		.name = strdup("extract"),
		.id = strdup("the-id"),
		.inputs = schema_of("{\"type\":\"object\",\"required\":[\"path\"],\"properties\":"
				    "{\"path\":{\"type\":\"string\"}}}"),
		.outputs = schema_of("{\"type\":\"string\"}"),
		.runner = &runner,
	};
	buffer_append_text(&host.function.schema, "{\"inputs\":1,\"outputs\":2}");
	buffer_append_text(&host.function.openapi, "{\"openapi\":3}");
	host.context = curfew_context_new(NULL, CURFEW_NEVER);
	assert_non_null(host.context);
	invocations_init(&host);
	serve_endpoint_init(&host);
	host.server.left = script_left;
	asked = got = (struct buffer){0};
	script = (struct script){.left = 0};
	call = NULL;
	connect_client();
	return 0;
}

static inline int endpoint_teardown(void **state)
{
	(void)state;
	if (call) {
		end_call(INVOCATION_DONE, NULL);
	}
	if (client >= 0) {
		close(client);
	}
	run_until(host.server.connections == 0);
	settle();
	assert_int_equal(host.server.connections, 0);
	assert_int_equal(host.requests.begun, host.requests.ended);
	assert_int_equal(host.gathered, 0);
	assert_int_equal(host.running, 0);
	assert_int_equal(host.queued, 0);
	function_fini(&host.function);
	curfew_context_free(host.context);
	buffer_fini(&asked);
	buffer_fini(&got);
	return workers_end() ? 0 : -1;
}

#define endpoint_test(test) cmocka_unit_test_setup_teardown(test, endpoint_setup, endpoint_teardown)

/* Sends a request: what its head begins with, whole lines of its fields, and a body or NULL. */
static inline void ask(const char *head, const char *fields, const char *body)
{
	struct buffer text = {0};

	buffer_append_text(&text, head);
	buffer_append_text(&text, fields);
	if (body) {
		buffer_appendf(&text, "Content-Length: %zu\r\n", strlen(body));
	}
	buffer_appendf(&text, "\r\n%s", body ? body : "");
	send_bytes(text.data, text.length);
	buffer_fini(&text);
}

/* A call, until it runs. */
static inline void begin_call(void)
{
	ask(POST, JSON_TYPE, BODY);
	run_until(call);
}

/* Waits for an answer that begins so, and has this in it; what has come is forgotten. */
static inline void expect_answer(const char *status, const char *part)
{
	struct buffer text = {0};
	bool more = true;

	while (more && !strstr(buffer_text(&got), "\r\n\r\n")) {
		more = client_wait();
	}
	settle();
	if (more) {
		(void)client_read();
	}
	readable(&got, &text);
	if (strncmp(buffer_text(&text), status, strlen(status)) != 0 ||
		!strstr(buffer_text(&text), part)) {
		fail_msg("not '%s' with '%s': %s", status, part, buffer_text(&text));
	}
	buffer_fini(&text);
	buffer_consume(&got, got.length);
}

static inline void expect_asked(const char *expected)
{
	assert_string_equal(buffer_text(&asked), expected);
	buffer_consume(&asked, asked.length);
}

#endif
