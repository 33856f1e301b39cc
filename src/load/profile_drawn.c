/* SPDX-License-Identifier: Apache-2.0 */
#include "load/profile_drawn.h"

/* {"count": 1000, "distribution": "zipf", "exponent": 1.1} */
struct key {
	uint64_t count;
	unsigned distribution;
	double exponent;
};

static const char *const distributions[] = {
	[TEMPLATE_UNIFORM] = "uniform", [TEMPLATE_ZIPF] = "zipf", NULL};

static const struct member key_members[] = {
	{.name = "count",
		.kind = MEMBER_WHOLE,
		.offset = offsetof(struct key, count),
		.is_required = true,
		.least = 1,
		.most = TEMPLATE_KEYS_MOST},
	{.name = "distribution",
		.kind = MEMBER_CHOICE,
		.offset = offsetof(struct key, distribution),
		.choices = distributions},
	{.name = "exponent", .kind = MEMBER_NUMBER, .offset = offsetof(struct key, exponent)},
	{.name = NULL},
};

bool profile_read_key(struct member_reading *reading, const struct member_place *scenario,
	const struct json_value *value, struct template_key *into)
{
	const struct member_place place = {.outer = scenario, .name = "key"};
	struct key key = {.exponent = 0};

	if (!value->kind) {
		return true;
	}
	if (!member_read(reading, &place, value, key_members, &key)) {
		return false;
	}
	if (key.exponent > 0 && key.distribution != TEMPLATE_ZIPF) {
		return member_refuse(reading, &place, value,
			"has an exponent without \"distribution\": \"zipf\"");
	}
	*into = (struct template_key){.count = key.count,
		.distribution = (enum template_distribution)key.distribution,
		.exponent = key.exponent > 0 ? key.exponent : 1};
	return true;
}

/* {"bytes": "1k", "weight": 9} */
struct bucket {
	uint64_t bytes;
	double weight;
};

static const struct member bucket_members[] = {
	{.name = "bytes",
		.kind = MEMBER_SIZE,
		.offset = offsetof(struct bucket, bytes),
		.is_required = true,
		.most = TEMPLATE_SIZE_MOST},
	{.name = "weight",
		.kind = MEMBER_NUMBER,
		.offset = offsetof(struct bucket, weight),
		.is_required = true},
	{.name = NULL},
};

static bool read_bucket(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, struct template_size *size)
{
	struct bucket bucket;

	if (place->index == TEMPLATE_SIZES_MOST) {
		return member_refuse(reading, place, value, "is one more than the %d there may be",
			TEMPLATE_SIZES_MOST);
	}
	if (!member_read(reading, place, value, bucket_members, &bucket)) {
		return false;
	}
	*size = (struct template_size){.bytes = bucket.bytes, .weight = bucket.weight};
	return true;
}

static bool read_one_size(struct member_reading *reading, const struct member_place *place,
	const struct json_value *value, struct template_size *size)
{
	static const struct member member = {
		.kind = MEMBER_SIZE,
		.most = TEMPLATE_SIZE_MOST,
		.wants = "a size such as 4096 or \"64k\", up to 64M, or a list of {\"bytes\": "
			 "\"64k\", \"weight\": 1}",
	};
	uint64_t bytes;

	if (!member_value(reading, place, value, &member, &bytes)) {
		return false;
	}
	*size = (struct template_size){.bytes = bytes, .weight = 1};
	return true;
}

bool profile_read_sizes(struct member_reading *reading, const struct member_place *scenario,
	const struct json_value *value, struct template_size sizes[TEMPLATE_SIZES_MOST],
	size_t *count)
{
	const struct member_place outer = {.outer = scenario, .name = "sizes"};
	struct json_value element = {0};

	*count = 0;
	if (!value->kind) {
		return true;
	}
	if (value->kind != JSON_ARRAY) {
		*count = 1;
		return read_one_size(reading, &outer, value, sizes);
	}
	for (; json_element_next(reading->text, value, &element); ++*count) {
		const struct member_place place = {.outer = &outer, .index = *count};

		if (!read_bucket(reading, &place, &element, &sizes[*count])) {
			return false;
		}
	}
	return *count || member_refuse(reading, &outer, value, "has no size");
}
