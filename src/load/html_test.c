/* SPDX-License-Identifier: Apache-2.0 */
#include "load/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "load/canned_run.h"

static int occurrences(const char *text, const char *word)
{
	int count = 0;

	for (; (text = strstr(text, word)); text++) {
		count++;
	}
	return count;
}

static void the_page_needs_nothing_from_elsewhere(void **state)
{
	(void)state;
	assert_null(strstr(report_page, "://"));
	assert_null(strstr(report_page, "<script"));
	assert_null(strstr(report_page, " style=\""));
	assert_non_null(strstr(report_page, "content=\"default-src 'none'; style-src 'sha256-"));
	assert_null(strstr(report_page, "unsafe"));
	assert_non_null(strstr(report_page_policy, "default-src 'none'"));
}

static void each_outcome_has_a_colour(void **state)
{
	char rule[64];

	(void)state;
	for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
		(void)snprintf(rule, sizeof(rule), "\n.k-%s { fill: var(",
			load_outcome_word((enum load_outcome)i));
		if (!strstr(report_page, rule)) {
			fail_msg("no rule \"%s\"", rule);
		}
	}
}

static void texts_from_outside_are_no_markup(void **state)
{
	struct result_section section;
	struct buffer out = {0};
	struct result result;
	const char *text;

	(void)state;
	canned_run(&result, &section);
	html_write(&out, &result);
	text = buffer_text(&out);
	assert_null(strstr(text, "</script>"));
	assert_null(strstr(text, "<b id=\"x\""));
	assert_null(strstr(text, "<!--{"));
	assert_int_equal(occurrences(text,
				 "&lt;/script&gt;&lt;b id=&quot;x&quot; title=&#39;y&#39;"
				 "&gt;&amp;amp;"),
		5); /* title, target, label, note, scenario */
	assert_non_null(strstr(text, "<b>30 000</b> scheduled = <b>100</b> dropped"));
	assert_non_null(strstr(text, "class=\"absence\" x=\""));
	assert_non_null(strstr(text, "<title>p99 from when due: 4.26 ms</title>"));
	canned_free(&result, &section);
	buffer_fini(&out);
}

static void a_run_of_nothing_is_a_page_too(void **state)
{
	struct buffer out = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	html_write(&out, &result);
	assert_non_null(strstr(buffer_text(&out), "No request has succeeded."));
	assert_non_null(strstr(buffer_text(&out), "</html>"));
	assert_null(strstr(buffer_text(&out), "nan"));
	result_fini(&result);
	buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_needs_nothing_from_elsewhere),
		cmocka_unit_test(each_outcome_has_a_colour),
		cmocka_unit_test(texts_from_outside_are_no_markup),
		cmocka_unit_test(a_run_of_nothing_is_a_page_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
