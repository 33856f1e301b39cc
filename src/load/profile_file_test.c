/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a profile names, beside itself; and texts that are taken as they are. */
#include "load/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/profile_script.h"
#include "load/template.h"

/* A folder with a profile and what stands beside it. */
static char folder[] = "/tmp/curfew-profile-XXXXXX";
static char profile_path[64], body_path[64];

static void write_file(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(profile_path, sizeof(profile_path), "%s/p.json", folder);
	(void)snprintf(body_path, sizeof(body_path), "%s/b", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(profile_path);
	(void)unlink(body_path);
	return rmdir(folder);
}

/* Loads a profile with a scenario of these members, in its second line. Returns the error. */
static int load(
	const char *members, struct plan *plan, struct profile **profile, struct buffer *refusal)
{
	struct buffer text = {0};

	buffer_appendf(&text, "{\"endpoints\":\"%s://h\",\"scenarios\":[\n{\"name\":\"a\",%s}]}",
		strstr(members, "websocket") ? "ws" : "http", members);
	write_file(profile_path, buffer_text(&text), text.length);
	buffer_fini(&text);
	*profile = profile_load(profile_path, refusal);
	return *profile ? profile_fill(*profile, plan, refusal) : -EINVAL;
}

/* The body of its third request. */
static void sends(const char *members, const char *expected, size_t length)
{
	struct buffer refusal = {0}, room = {0};
	struct load_request request = {.number = 3, .room = &room};
	struct plan plan = {.seed = 1};
	struct load_source *source;
	struct profile *profile;
	int error = load(members, &plan, &profile, &refusal);

	assert_string_equal(buffer_text(&refusal), "");
	assert_int_equal(error, 0);
	source = plan.kind->new (&plan, NULL, 0);
	assert_non_null(source);
	assert_int_equal(source->ops->next(source, &request), 0);
	assert_non_null(request.body);
	assert_int_equal(request.body_length, length);
	assert_memory_equal(request.body, expected, length);
	source->ops->free(source);
	buffer_fini(&room);
	plan_end(&plan);
	profile_free(profile);
}

/* expected: with %s for the folder. */
__attribute__((format(printf, 2, 3))) static void refuses(
	const char *members, const char *format, ...);

static void refuses(const char *members, const char *format, ...)
{
	struct buffer refusal = {0};
	struct plan plan = {.seed = 1};
	char expected[400];
	struct profile *profile;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	assert_int_equal(load(members, &plan, &profile, &refusal), -EINVAL);
	assert_memory_equal(buffer_text(&refusal), profile_path, strlen(profile_path));
	assert_string_equal(buffer_text(&refusal) + strlen(profile_path), expected);
	buffer_fini(&refusal);
	plan_end(&plan);
	profile_free(profile);
}

static void reads_bodies_beside_itself(void **state)
{
	struct buffer members = {0};

	(void)state;
	write_file(body_path, "<${number}>\n", 12);
	sends("\"kind\":\"http\",\"body_file\":\"b\"", "<3>\n", 4);
	sends("\"kind\":\"http\",\"body_file\":\"./b\"", "<3>\n", 4);
	sends("\"kind\":\"websocket\",\"message_file\":\"b\"", "<3>\n", 4);
	buffer_appendf(&members, "\"kind\":\"http\",\"body_file\":\"%s\"", body_path);
	sends(buffer_text(&members), "<3>\n", 4);
	buffer_fini(&members);
	write_file(body_path, "", 0);
	sends("\"kind\":\"http\",\"body_file\":\"b\"", "", 0);
}

static void takes_texts_as_they_are(void **state)
{
	(void)state;
	write_file(body_path, "\xff\0${number}${$${", 16);
	sends("\"kind\":\"http\",\"body_file\":\"b\",\"places\":false", "\xff\0${number}${$${", 16);
	sends("\"kind\":\"http\",\"body\":\"${number}\",\"places\":false", "${number}", 9);
	sends("\"kind\":\"http\",\"body\":\"${number}\",\"places\":true", "3", 1);
	sends("\"kind\":\"jsonrpc\",\"method\":\"m\",\"params\":[\"${x}\"],\"places\":false",
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"m\",\"params\":[\"${x}\"]}", 55);
}

static void refuses_files_that_cannot_be(void **state)
{
	(void)state;
	refuses("\"kind\":\"http\",\n\"body_file\":\"none\"",
		": line 3: scenarios[0].body_file cannot be read: %s/none: No such file or "
		"directory",
		folder);
	refuses("\"kind\":\"http\",\"body_file\":\".\"",
		": line 2: scenarios[0].body_file cannot be read: %s/.: Is a directory", folder);
	write_file(body_path, "", 0);
	assert_int_equal(truncate(body_path, TEMPLATE_BODY_MOST + 1), 0);
	refuses("\"kind\":\"http\",\"body_file\":\"b\"",
		": line 2: scenarios[0].body_file is above 64M: %s/b", folder);
}

static void refuses_what_does_not_go_together(void **state)
{
	(void)state;
	write_file(body_path, "${nmber}", 8);
	refuses("\"kind\":\"http\",\"body_file\":\"b\",\n\"body\":\"x\"",
		": line 3: scenarios[0].body cannot stand beside \"body_file\" (give one of them)");
	refuses("\"kind\":\"websocket\",\"message_file\":\"b\",\n\"message\":\"x\"",
		": line 3: scenarios[0].message cannot stand beside \"message_file\" (give one of "
		"them)");
	refuses("\"kind\":\"http\",\n\"body_file\":\"b\"",
		": line 3: scenarios[0].body_file has ${nmber}, which is no place (did you mean "
		"${number}?)");
	refuses("\"kind\":\"http\",\"body_file\":1",
		": line 2: scenarios[0].body_file is 1, where a string belongs");
	refuses("\"kind\":\"websocket\",\"message_file\":\"\"",
		": line 2: scenarios[0].message_file cannot be read: %s/: Is a directory", folder);
}

#define KEY "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff8"

static void reads_keys_beside_itself(void **state)
{
	struct buffer refusal = {0};
	struct plan plan = {.seed = 1};
	struct profile *profile;

	(void)state;
	write_file(body_path, KEY "0\n" KEY "1\n", 130);
	assert_int_equal(load("\"kind\":\"evm-transfer\",\"keys\":\"b\",\"fund_from\":\"./b\"",
				 &plan, &profile, &refusal),
		0);
	plan_end(&plan);
	profile_free(profile);
	write_file(body_path, "0xc0\n", 5);
	assert_int_equal(
		load("\"kind\":\"evm-transfer\",\"presigned\":\"b\"", &plan, &profile, &refusal),
		0);
	plan_end(&plan);
	profile_free(profile);
	assert_string_equal(buffer_text(&refusal), "");
	refuses("\"kind\":\"evm-transfer\",\n\"keys\":\"none\"",
		": line 3: scenarios[0].keys %s/none cannot be read: No such file or directory",
		folder);
	refuses("\"kind\":\"evm-transfer\",\n\"fund_from\":\"none\"",
		": line 3: scenarios[0].fund_from %s/none cannot be read: No such file or "
		"directory",
		folder);
}

/* One with a digit too few is no file, and nobody's log should have it. */
static void shows_no_key(void **state)
{
	(void)state;
	refuses("\"kind\":\"evm-transfer\",\"fund_from\":\"0x" KEY "\"",
		": line 2: scenarios[0].fund_from is no private key of 64 hexadecimal digits, nor "
		"a file with one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_bodies_beside_itself),
		cmocka_unit_test(takes_texts_as_they_are),
		cmocka_unit_test(refuses_files_that_cannot_be),
		cmocka_unit_test(refuses_what_does_not_go_together),
		cmocka_unit_test(reads_keys_beside_itself),
		cmocka_unit_test(shows_no_key),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
