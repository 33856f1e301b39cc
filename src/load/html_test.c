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
	result.run_id = CANNED_MARKUP;
	(void)snprintf(result.plan, sizeof(result.plan), "%s", CANNED_MARKUP);
	(void)snprintf(section.name, sizeof(section.name), "<b id=\"x\">");
	section.latency_name = CANNED_MARKUP "\033";
	(void)snprintf(section.rows[0].name, sizeof(section.rows[0].name), "%s", CANNED_MARKUP);
	(void)snprintf(section.rows[0].text, sizeof(section.rows[0].text), "%s", CANNED_MARKUP);
	html_write(&out, &result);
	text = buffer_text(&out);
	assert_null(strstr(text, "</script>"));
	assert_null(strstr(text, "<b id=\"x\""));
	assert_null(strstr(text, "<!--{"));
	assert_int_equal(occurrences(text,
				 "&lt;/script&gt;&lt;b id=&quot;x&quot; title=&#39;y&#39;"
				 "&gt;&amp;amp;"),
		11); /* title, target, label, note, scenario, run, plan, section: 4 */
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "<b>30 000</b> scheduled = <b>100</b> dropped"));
	assert_non_null(strstr(text, "class=\"absence\" x=\""));
	assert_non_null(strstr(text, "<title>p99 from when due: 4.26 ms</title>"));
	canned_free(&result, &section);
	buffer_fini(&out);
}

#define N "<td class=\"number\">"
#define E "</td>"
#define NAME "<tr><td class=\"name\">"

/* What the page says of the canned run: its tables, row by row. */
static const char *const told[] = {
	"<time id=\"began\">2026-11-18 11:06:40 UTC</time>",
	"<section id=\"end\" class=\"broken\">",
	"1000/s for 30 s; open loop, at most 1 000 in flight; 2 threads, seed 42",
	"<b>938.6/s</b><span class=\"faint\">succeeded a second</span>",
	"<div class=\"bad\"><b>5.8 %</b><span class=\"faint\">failed</span>",
	"<b>1.23 ms</b><span class=\"faint\">p50</span>",
	"<b>4.26 ms</b><span class=\"faint\">p99</span>",
	"<b>302 ms</b><span class=\"faint\">the slowest</span>",
	"<div class=\"warn\"><b>100</b><span class=\"faint\">dropped: no place in flight</span>",
	"<div class=\"bad\"><b>1.50 s</b><span class=\"faint\">the target was away</span>",
	NAME "errors&gt;10%" E N "errors are 5.24 %" E "<td class=\"number good\">kept" E,
	NAME "p99&gt;50ms" E N "p99 is 61.2 ms" E "<td class=\"number bad\">broken" E,
	NAME "12.0 s" E N "1.50 s" E N "1 501" E N "9" E N
	     "refused 1 492, reset_sent 8, timed_out 1" E,
	NAME "from when due" E N "28 158" E N "2.73 ms" E N "1.23 ms" E N "1.71 ms" E N
	     "4.26 ms" E N "276 ms" E N "301 ms" E N "302 ms" E,
	NAME "from when sent" E N "28 158" E N "1.25 ms" E N "1.17 ms" E N "1.65 ms" E N
	     "3.63 ms" E N "14.2 ms" E N "34.1 ms" E N "35.1 ms" E,
	NAME "failed" E N "1 739" E N "23.1 ms" E N "1.15 ms" E N "1.65 ms" E N "2.00 s" E,
	NAME "connecting" E N "50" E N "675 us" E N "684 us" E N "1.01 ms" E N "1.09 ms" E,
	NAME "schedule lag" E N "29 900" E N "1.40 ms" E N "51.0 us" E N "75.0 us" E N "80.0 us" E,
	"<b>30 000</b> scheduled = <b>100</b> dropped + <b>29 900</b> admitted</p>",
	"<b>29 900</b> admitted = <b>28 158</b> succeeded + <b>1 739</b> failed + <b>3</b> in "
	"flight at the end</p>",
	"<small>the connection was refused</small>" E N "1 492" E N "5.0 %" E,
	NAME "200" E N "28 158" E N "94.2 %" E,
	NAME "ended a second, failures too" E N "996.6/s" E,
	NAME "bytes received" E N "4.81 MB" E,
	NAME "bytes sent" E N "2.35 MB" E,
	NAME "connections made" E N "61" E,
	NAME "processor time of curfew load" E N "1.23 s" E,
	NAME "of that, for each request" E N "41.3 us" E,
	NAME "read" E N "21 130" E N "1 307" E N "5.8 %" E N "1.17 ms" E N "1.64 ms" E N
	     "3.60 ms" E N "13.9 ms" E N "35.1 ms" E,
	NAME "gas_per_second" E N "12.3 M" E,
	NAME "inclusion" E N "1 000" E N "2.00 s" E N "2.02 s" E N "2.81 s" E,
};

static void assert_has(const struct buffer *page, const char *part)
{
	if (!strstr(buffer_text(page), part)) {
		fail_msg("no %s", part);
	}
}

static void tells_a_run_in_tables(void **state)
{
	struct result_section section;
	struct buffer out = {0};
	struct result result;

	(void)state;
	canned_run(&result, &section);
	html_write(&out, &result);
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		assert_has(&out, told[i]);
	}
	assert_null(strstr(buffer_text(&out), "These sums are wrong"));
	canned_free(&result, &section);
	buffer_fini(&out);
}

/* In another mood, of a closed loop: without verdicts, and with no end to its second absence. */
static void tells_another_run_in_tables(void **state)
{
	struct result_section section;
	struct buffer out = {0};
	struct result result;

	(void)state;
	canned_run(&result, &section);
	result.is_open = false;
	result.verdict_count = 0;
	result.exit_code = 0;
	result.tally.in_flight++;
	result.tally.scheduled *= 2;
	load_timeline_end(&result.tally.timeline, 40 * NS_PER_S, LOAD_REFUSED, 0);
	result.ran_ns = result.ended_ns = 50 * NS_PER_S;
	html_write(&out, &result);
	assert_has(&out, "<section id=\"end\" class=\"doubtful\">");
	assert_has(&out, "; closed loop; 2 threads");
	assert_has(&out, NAME "succeeded" E N "28 158" E N "1.25 ms" E);
	assert_has(&out, "<b>5.8 %</b><span class=\"faint\">failed</span>");
	assert_has(&out, "<small>the connection was refused</small>" E N "1 492" E N "5.0 %" E);
	assert_has(&out, "These sums are wrong: a fault of curfew's.");
	assert_has(&out, E N "for good" E N "2" E N "1" E N "refused 1, timed_out 1" E);
	assert_has(&out, "<tr class=\"sum\"><td class=\"name\">all" E N "21.5 s" E N "1 503" E);
	assert_null(strstr(buffer_text(&out), "schedule lag"));
	assert_null(strstr(buffer_text(&out), "id=\"verdicts\""));
	canned_free(&result, &section);
	buffer_fini(&out);
}

/* A list of them ends in time, and says so; the sum is of all. */
static void lists_the_longest_absences(void **state)
{
	struct buffer out = {0};
	struct result result;

	(void)state;
	assert_int_equal(result_init(&result, 1), 0);
	result.expects_restart = true;
	html_write(&out, &result);
	assert_has(&out, "<td colspan=\"5\">none: it was never away</td>");
	buffer_fini(&out);
	for (int64_t row = 0; row < 120; row++) {
		load_timeline_end(&result.tally.timeline, row * TIMELINE_FIRST_NS,
			row % 2 ? LOAD_REFUSED : LOAD_OK, 0);
	}
	result.ran_ns = result.ended_ns = 120 * TIMELINE_FIRST_NS;
	html_write(&out, &result);
	assert_has(
		&out, "<td class=\"name\">all, the longest of them above" E N "600 ms" E N "60" E);
	assert_null(strstr(buffer_text(&out), "never away"));
	result_fini(&result);
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
		cmocka_unit_test(tells_a_run_in_tables),
		cmocka_unit_test(tells_another_run_in_tables),
		cmocka_unit_test(lists_the_longest_absences),
		cmocka_unit_test(a_run_of_nothing_is_a_page_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
