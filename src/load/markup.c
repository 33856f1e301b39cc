/* SPDX-License-Identifier: Apache-2.0 */
#include "load/markup.h"

#include "load/figure.h"

static const char *entity_of(char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void markup_append(struct buffer *out, const char *text)
{
	struct buffer printable = {0};

	figure_append_text(&printable, text);
	for (size_t i = 0; i < printable.length; i++) {
		const char *entity = entity_of(printable.data[i]);

		if (entity) {
			buffer_append_text(out, entity);
		} else {
			buffer_append_char(out, printable.data[i]);
		}
	}
	out->failed = out->failed || printable.failed;
	buffer_fini(&printable);
}
