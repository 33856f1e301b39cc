/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct curfew_context *context;
static struct curfew_response response;

static int setup(void **state)
{
	(void)state;
	context = curfew_context_new(NULL, CURFEW_NEVER);
	if (!context) {
		return -1;
	}
	response = (struct curfew_response){
		.uses = {true, true, true, true},
		.token = curfew_context_token(context),
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	envelope_fini(&response.envelope);
	curfew_context_free(context);
	return 0;
}

static void assert_envelope(const char *wanted)
{
	struct buffer text = {0};

	envelope_write(&text, &response.envelope);
	assert_string_equal(buffer_text(&text), wanted);
	buffer_fini(&text);
}

static int set_output(const char *json)
{
	return curfew_response_output(&response, json, strlen(json));
}

static void all_that_is_set_is_in_the_envelope(void **state)
{
	(void)state;
	assert_int_equal(set_output("[1]"), 0);
	assert_int_equal(set_output("{\"a\":\n2}"), 0);
	assert_int_equal(curfew_response_usage(&response, "tokens", 7), 0);
	assert_int_equal(curfew_response_info(&response, "so"), 0);
	assert_int_equal(curfew_response_warning(&response, "so so"), 0);
	assert_int_equal(curfew_response_terminate_current(&response), 0);
	assert_int_equal(curfew_response_new_record(&response, "{}", 2), 0);
	assert_int_equal(curfew_response_file_data(&response, "{\"id\":1}", 8), 0);
	assert_false(response_finish(&response, 0));
	assert_envelope("{\"usage\":[{\"value\":7,\"name\":\"tokens\"}],\"status_code\":200,"
			"\"file_data\":{\"id\":1},\"filedata_meta\":{\"terminate_current\":true,"
			"\"new_records\":[{}]},\"status_code_text\":null,\"output\":{\"a\":2},"
			"\"message_channels\":{\"infos\":[\"so\"],\"warnings\":[\"so so\"]}}");
}

static void what_was_not_declared_is_refused(void **state)
{
	(void)state;
	response.uses = (struct response_uses){0};
	assert_int_equal(set_output("1"), -EPERM);
	assert_int_equal(curfew_response_usage(&response, "tokens", 7), -EPERM);
	assert_int_equal(curfew_response_info(&response, "so"), -EPERM);
	assert_int_equal(curfew_response_warning(&response, "so"), -EPERM);
	assert_int_equal(curfew_response_terminate_current(&response), -EPERM);
	assert_int_equal(curfew_response_new_record(&response, "1", 1), -EPERM);
	assert_int_equal(curfew_response_file_data(&response, "1", 1), -EPERM);
	assert_int_equal(curfew_response_yield(&response, "1", 1), -EPERM);
	assert_false(response.envelope.touched);
}

static void what_is_no_text_is_refused(void **state)
{
	(void)state;
	assert_int_equal(set_output("{"), -EINVAL);
	assert_int_equal(curfew_response_output(&response, NULL, 0), -EINVAL);
	assert_int_equal(curfew_response_usage(&response, NULL, 7), -EINVAL);
	assert_int_equal(curfew_response_info(&response, "\xff"), -EINVAL);
	assert_int_equal(curfew_response_info(&response, NULL), -EINVAL);
	assert_int_equal(curfew_response_warning(&response, NULL), -EINVAL);
	assert_int_equal(curfew_response_new_record(&response, "1 2", 3), -EINVAL);
	assert_int_equal(curfew_response_new_record(&response, NULL, 0), -EINVAL);
	assert_int_equal(curfew_response_file_data(&response, NULL, 0), -EINVAL);
	assert_false(response.envelope.touched);
}

static void assert_failure(int status, const char *text)
{
	assert_int_equal(response.envelope.status_code, status);
	assert_true(response.envelope.has_text);
	assert_string_equal(buffer_text(&response.envelope.text), text);
	assert_int_equal(response.envelope.output.length, 0);
}

static const struct {
	int code;
	const char *text;
} ends[] = {
	{-ENOENT, "[ENOENT] No such file or directory"},
	{-EAGAIN, "[EAGAIN] Resource temporarily unavailable"},
	{-ECANCELED, "[ECANCELED] Operation canceled"}, /* the token has not fired */
	{-3999, "[return -3999] the function returned no errno that there is"},
	{CURFEW_E_FAILED, "[failed] the function failed, and did not say why"},
	{1, "[return 1] the function returned neither 0 nor a negative errno"},
};

static void a_code_is_a_failure_with_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		assert_int_equal(set_output("1"), 0);
		assert_false(response_finish(&response, ends[i].code));
		assert_failure(500, ends[i].text);
		envelope_reset(&response.envelope);
		response.failed = false;
	}
}

/* Nothing of a result comes behind it, and no item of a stream that has an error in its middle. */
static void a_failure_is_the_last_that_is_said(void **state)
{
	struct item_queue items;

	(void)state;
	response.items = &items; /* which nobody looks at */
	(void)curfew_response_fail(&response, 404, "none");
	assert_int_equal(set_output("1"), CURFEW_E_FAILED);
	assert_int_equal(curfew_response_file_data(&response, "{}", 2), CURFEW_E_FAILED);
	assert_int_equal(curfew_response_yield(&response, "1", 1), CURFEW_E_FAILED);
	assert_false(response_finish(&response, 0));
	assert_failure(404, "none");
}

static void a_failure_says_what_it_says(void **state)
{
	char longest[2 * RESPONSE_TEXT_MOST];

	(void)state;
	assert_int_equal(set_output("1"), 0);
	assert_int_equal(curfew_response_fail(&response, 404, "no %s,\n%d times", "file", 2),
		CURFEW_E_FAILED);
	assert_false(response_finish(&response, CURFEW_E_FAILED));
	assert_failure(404, "no file, 2 times");
	assert_int_equal(curfew_response_fail(&response, 200, "fine"), CURFEW_E_FAILED);
	assert_failure(500, "fine"); /* no failure has such a status */
	(void)curfew_response_fail(&response, 600, "more");
	assert_failure(500, "more");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	(void)curfew_response_fail(&response, 599, "%s", longest);
	longest[RESPONSE_TEXT_MOST - 1] = '\0';
	assert_failure(599, longest);
}

static void a_fired_token_makes_it_a_cancellation(void **state)
{
	(void)state;
	curfew_context_cancel_for(context, CURFEW_CLIENT_GONE, NULL);
	assert_true(response_finish(&response, CURFEW_E_CANCELLED));
	assert_false(response_finish(&response, 0)); /* it has a result all the same */
	assert_int_equal(response.envelope.status_code, 0);
	assert_false(response_finish(&response, -EIO));
	assert_failure(500, "[EIO] Input/output error");
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(all_that_is_set_is_in_the_envelope),
		test(what_was_not_declared_is_refused),
		test(what_is_no_text_is_refused),
		test(a_code_is_a_failure_with_its_name),
		test(a_failure_says_what_it_says),
		test(a_failure_is_the_last_that_is_said),
		test(a_fired_token_makes_it_a_cancellation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
