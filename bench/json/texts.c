/* SPDX-License-Identifier: Apache-2.0 */
#include "texts.h"

static void write_ping(struct buffer *out)
{
	buffer_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"ping\"}");
}

static void write_call(struct buffer *out)
{
	buffer_append_text(out,
		"{\"method\":\"tools/call\",\"params\":{\"name\":\"search_files\",\"arguments\":"
		"{\"path\":\"/srv/project\",\"pattern\":\"*.c\",\"limit\":50,\"deep\":true},"
		"\"_meta\":{\"progressToken\":7}},\"jsonrpc\":\"2.0\",\"id\":7}");
}

static void write_envelope(struct buffer *out)
{
	buffer_append_text(
		out, "{\"conn_id\":\"client-home-0badcafe\",\"frame\":{\"n\":1,\"c\":\"");
	for (int i = 0; i < 4000; i++) {
		buffer_append_char(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789+/"[i * 7 % 44]);
	}
	buffer_append_text(out, "\"}}");
}

static void write_tools(struct buffer *out)
{
	buffer_append_text(out, "{\"result\":{\"tools\":[");
	for (int i = 0; i < 120; i++) {
		buffer_appendf(out,
			"%s{\"name\":\"tool_%d\",\"description\":\"Does what its name says, and "
			"more.\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"path\":"
			"{\"type\":\"string\",\"minLength\":1},\"count\":{\"type\":\"integer\","
			"\"minimum\":0,\"maximum\":%d},\"tags\":{\"type\":\"array\",\"items\":"
			"{\"type\":\"string\",\"enum\":[\"a\",\"b\",\"c\"]}}},\"required\":["
			"\"path\"],"
			"\"additionalProperties\":false}}",
			i ? "," : "", i, i * 1000);
	}
	buffer_append_text(out, "]},\"jsonrpc\":\"2.0\",\"id\":3}");
}

static void write_source(struct buffer *out)
{
	buffer_append_text(out,
		"{\"id\":4,\"jsonrpc\":\"2.0\",\"result\":{\"content\":[{\"type\":\"text\","
		"\"text\":\"");
	for (int i = 0; i < 2000; i++) {
		buffer_appendf(out,
			"\\tif (!strcmp(line[%d], \\\"begin\\\")) {\\n\\t\\treturn %d;\\n\\t}\\n",
			i, i);
	}
	buffer_append_text(out, "\"}]}}");
}

static void write_japanese(struct buffer *out)
{
	buffer_append_text(out, "{\"id\":5,\"jsonrpc\":\"2.0\",\"result\":{\"text\":\"");
	for (int i = 0; i < 3000; i++) {
		buffer_append_text(
			out, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xa7\xe3\x80\x82 ");
	}
	buffer_append_text(out, "\"}}");
}

static void write_numbers(struct buffer *out)
{
	buffer_append_text(out, "{\"id\":6,\"jsonrpc\":\"2.0\",\"result\":{\"embedding\":[");
	for (int i = 0; i < 6000; i++) {
		buffer_appendf(out, "%s-0.%08d", i ? "," : "", i * 7919 % 100000000);
	}
	buffer_append_text(out, "]}}");
}

static void write_pretty(struct buffer *out)
{
	buffer_append_text(out, "{\n    \"id\": 8,\n    \"result\": [\n");
	for (int i = 0; i < 500; i++) {
		buffer_appendf(out,
			"%s        {\n            \"number\": %d,\n            \"open\": true,\n"
			"            \"name\": \"row %d\"\n        }",
			i ? ",\n" : "", i, i);
	}
	buffer_append_text(out, "\n    ]\n}\n");
}

const struct text texts[] = {
	{"ping", write_ping},
	{"tools/call", write_call},
	{"relay envelope", write_envelope},
	{"tools/list", write_tools},
	{"source, escaped", write_source},
	{"Japanese", write_japanese},
	{"numbers", write_numbers},
	{"indented", write_pretty},
	{NULL, NULL},
};

const char *const malformed[] = {
	"[1,]",
	"[1 2]",
	"[,]",
	"{\"a\"}",
	"{\"a\":1,}",
	"{\"a\" 1}",
	"{1:2}",
	"{\"a\":1}}",
	"[]]",
	"[01]",
	"[1.]",
	"[-]",
	"[1e]",
	"[nul]",
	"[truefalse]",
	"[\"\t\"]",
	"[\"\\u00g0\"]",
	"[\"\xff\"]",
	"[\"\xc0\xaf\"]",
	"[\"\xed\xa0\x80\"]",
	"{} x",
	"\xef\xbb\xbf{}",
	"[\x0b]",
	NULL,
};
