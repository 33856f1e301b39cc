/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/docs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void the_page_asks_for_nothing_from_elsewhere(void **state)
{
	(void)state;
	assert_null(strstr(docs_page, "://"));
	assert_null(strstr(docs_page, "innerHTML"));
	assert_null(strstr(docs_page, " style=\""));
	assert_non_null(strstr(docs_page_policy, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(docs_page_policy, "; script-src 'sha256-"));
	assert_null(strstr(docs_page_policy, "unsafe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_asks_for_nothing_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
