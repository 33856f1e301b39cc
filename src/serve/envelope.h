/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a call, or an item of a stream, as a function's runner fills it in, and as it is
 * written:
 *
 *	{"usage":[{"value":1,"name":"tokens"}],"status_code":200,"file_data":null,
 *	 "filedata_meta":{"terminate_current":false,"new_records":[]},"status_code_text":null,
 *	 "output":...,"message_channels":{"infos":[],"warnings":[]}}
 *
 * All members are always there, in this order, without white space between them. What stands in
 * for the plugin's JSON is its text as it came, on one line: white space outside of strings that
 * could end a line is left out.
 *
 * Any thread; one at a time.
 */
#ifndef SERVE_ENVELOPE_H
#define SERVE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "json/value.h"

/* Zeroed: 200 and nothing else. */
struct envelope {
	int status_code;     /* 0: 200 */
	struct buffer usage; /* its elements as JSON texts, with commas between them */
	struct buffer infos; /* the same, of strings */
	struct buffer warnings;
	struct buffer new_records;
	struct buffer output;    /* a JSON text; empty: null */
	struct buffer file_data; /* the same */
	struct buffer text;      /* status_code_text, not escaped; has_text tells "" from null */
	bool has_text;
	bool terminate_current;
	bool touched; /* something was set since it was zeroed, or reset */
};

void envelope_fini(struct envelope *envelope);

/* As zeroed, but its memory is kept for the next item. */
void envelope_reset(struct envelope *envelope);

/* Each returns 0, -EINVAL (no JSON; not UTF-8) or -ENOMEM; then nothing was changed. */
int envelope_set_output(struct envelope *envelope, const char *json, size_t length);
int envelope_set_file_data(struct envelope *envelope, const char *json, size_t length);
int envelope_add_usage(struct envelope *envelope, const char *name, int64_t value);
int envelope_add_info(struct envelope *envelope, const char *text);
int envelope_add_warning(struct envelope *envelope, const char *text);
int envelope_add_new_record(struct envelope *envelope, const char *json, size_t length);

/*
 * A failure: a status, and one line; control characters in it become spaces. Output and file_data
 * go.
 */
void envelope_fail(struct envelope *envelope, int status, const char *text, size_t length);

/*
 * Reads a line that a process wrote: an object with any of the members, each of the type that it is
 * written with; status_code 200 to 599, of those that have a body. Others are ignored; *ended:
 * whether "end" is true. Returns 0; -EINVAL with one sentence in *refusal, nothing was changed;
 * -ENOMEM, it is to be reset.
 */
int envelope_read(struct envelope *envelope, const char *line, size_t length, bool *ended,
	struct buffer *refusal);

/* Appends the whole of it, without a newline. */
void envelope_write(struct buffer *out, const struct envelope *envelope);

/* Appends what /precheck answers: {"usage":[],"status_code":200,"status_code_text":null}. */
void envelope_write_precheck(struct buffer *out, const struct envelope *envelope);

#endif
