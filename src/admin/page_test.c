/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <curfew/lifecycle.h>

/* The page has the tables of the public headers once more, for people. */
static void the_page_knows_every_phase_by_its_text(void **state)
{
#define PHASE(name, word, text) "data-phase=\"" word "\" title=\"" text "\"",
	static const char *const items[] = {CURFEW_PHASES(PHASE)};

	(void)state;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (!strstr(admin_page, items[i])) {
			fail_msg("the page has no %s", items[i]);
		}
	}
}

static void the_page_knows_every_count_by_its_text(void **state)
{
#define COUNT(name, word, text) "data-count=\"" word "\"><td>" text "</td>",
	static const char *const items[] = {CURFEW_COUNTS(COUNT)};

	(void)state;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (!strstr(admin_page, items[i])) {
			fail_msg("the page has no %s", items[i]);
		}
	}
}

static void the_page_asks_for_nothing_from_elsewhere(void **state)
{
	(void)state;
	assert_null(strstr(admin_page, "://"));
	assert_null(strstr(admin_page, "innerHTML"));
	assert_null(strstr(admin_page, " style=\""));
	assert_non_null(strstr(admin_page_policy, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(admin_page_policy, "; script-src 'sha256-"));
	assert_null(strstr(admin_page_policy, "unsafe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_knows_every_phase_by_its_text),
		cmocka_unit_test(the_page_knows_every_count_by_its_text),
		cmocka_unit_test(the_page_asks_for_nothing_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
