/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/inquiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct inquiry {
	struct curfew_link link;
	char key[16];
	struct buffer id;      /* the child's, as JSON text */
	struct buffer request; /* {"method":...,"params":...} */
};

static void inquiry_free(struct inquiry *inquiry)
{
	buffer_fini(&inquiry->id);
	buffer_fini(&inquiry->request);
	free(inquiry);
}

void inquiries_init(struct inquiries *inquiries)
{
	*inquiries = (struct inquiries){0};
	list_init(&inquiries->list);
}

void inquiries_fini(struct inquiries *inquiries)
{
	list_each_safe(link, &inquiries->list) {
		inquiry_free(container_of(link, struct inquiry, link));
	}
	list_init(&inquiries->list);
	inquiries->count = 0;
}

static void append_value(
	struct buffer *out, const char *name, const char *text, const struct json_value *value)
{
	buffer_append_text(out, name);
	buffer_append(out, text + value->start, value->length);
}

int inquiries_add(struct inquiries *inquiries, const struct message *asked)
{
	static const struct json_path path = {{"params"}};
	struct json_value params;
	struct json_reader reader = {.paths = &path, .values = &params, .count = 1};
	struct inquiry *inquiry;

	if (inquiries->count >= INQUIRIES_MOST) {
		return -E2BIG;
	}
	inquiry = calloc(1, sizeof(*inquiry));
	if (!inquiry) {
		return -ENOMEM;
	}
	(void)json_read(&reader, asked->text, asked->length);
	append_value(&inquiry->id, "", asked->text, &asked->id);
	append_value(&inquiry->request, "{\"method\":", asked->text, &asked->method);
	if (params.kind) {
		append_value(&inquiry->request, ",\"params\":", asked->text, &params);
	}
	buffer_append_char(&inquiry->request, '}');
	if (inquiry->id.failed || inquiry->request.failed) {
		inquiry_free(inquiry);
		return -ENOMEM;
	}
	(void)snprintf(inquiry->key, sizeof(inquiry->key), "%u", ++inquiries->last);
	list_append(&inquiries->list, &inquiry->link);
	inquiries->count++;
	return 0;
}

void inquiries_write(
	struct buffer *out, const struct inquiries *inquiries, const struct message *request)
{
	const char *comma = "";

	append_value(out, "{\"jsonrpc\":\"2.0\",\"id\":", request->text, &request->id);
	buffer_append_text(
		out, ",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{");
	list_each(link, &inquiries->list) {
		const struct inquiry *inquiry = container_of(link, struct inquiry, link);

		buffer_appendf(out, "%s\"%s\":", comma, inquiry->key);
		buffer_append(out, inquiry->request.data, inquiry->request.length);
		out->failed = out->failed || inquiry->request.failed;
		comma = ",";
	}
	buffer_appendf(out, "},\"requestState\":\"%s\"}}", inquiries->ticket);
}

static void answer(struct inquiry *inquiry, struct backend *backend, const char *text,
	const struct json_value *with)
{
	struct buffer line = {0};
	struct message message;

	buffer_append_text(&line, "{\"jsonrpc\":\"2.0\",\"id\":");
	buffer_append(&line, inquiry->id.data, inquiry->id.length);
	append_value(&line, ",\"result\":", text, with);
	buffer_append_char(&line, '}');
	if (!line.failed && message_read(&message, line.data, line.length, NULL) == JSON_OK) {
		backend_send(backend, &message); /* line breaks in it are taken out */
	}
	buffer_fini(&line);
}

void inquiries_answer(struct inquiries *inquiries, struct backend *backend,
	const struct message *request, const struct era *era)
{
	if (era->inputs.kind != JSON_OBJECT) {
		return;
	}
	list_each_safe(link, &inquiries->list) {
		struct inquiry *inquiry = container_of(link, struct inquiry, link);
		const struct json_path path = {{"params", "inputResponses", inquiry->key}};
		struct json_value value;
		struct json_reader reader = {.paths = &path, .values = &value, .count = 1};

		(void)json_read(&reader, request->text, request->length);
		if (value.kind == JSON_OBJECT) {
			answer(inquiry, backend, request->text, &value);
			link_remove(link);
			inquiries->count--;
			inquiry_free(inquiry);
		}
	}
}
