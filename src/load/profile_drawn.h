/* SPDX-License-Identifier: Apache-2.0 */
/* What of a scenario is drawn for each request: its key and its size. */
#ifndef LOAD_PROFILE_DRAWN_H
#define LOAD_PROFILE_DRAWN_H

#include "load/member.h"
#include "load/template.h"

/* The values may be absent. Both return false after a refusal. */
bool profile_read_key(struct member_reading *reading, const struct member_place *scenario,
	const struct json_value *value, struct template_key *key);
bool profile_read_sizes(struct member_reading *reading, const struct member_place *scenario,
	const struct json_value *value, struct template_size sizes[TEMPLATE_SIZES_MOST],
	size_t *count);

#endif
