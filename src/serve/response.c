/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/response.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_FAILED 500

int curfew_response_output(struct curfew_response *response, const char *json, size_t length)
{
	if (!response->uses.output) {
		return -EPERM;
	}
	if (response->failed) {
		return CURFEW_E_FAILED;
	}
	return json ? envelope_set_output(&response->envelope, json, length) : -EINVAL;
}

int curfew_response_usage(struct curfew_response *response, const char *name, int64_t value)
{
	if (!response->uses.usage) {
		return -EPERM;
	}
	return name ? envelope_add_usage(&response->envelope, name, value) : -EINVAL;
}

int curfew_response_info(struct curfew_response *response, const char *text)
{
	if (!response->uses.message_channels) {
		return -EPERM;
	}
	return text ? envelope_add_info(&response->envelope, text) : -EINVAL;
}

int curfew_response_warning(struct curfew_response *response, const char *text)
{
	if (!response->uses.message_channels) {
		return -EPERM;
	}
	return text ? envelope_add_warning(&response->envelope, text) : -EINVAL;
}

int curfew_response_terminate_current(struct curfew_response *response)
{
	if (!response->uses.filedata_meta) {
		return -EPERM;
	}
	response->envelope.terminate_current = true;
	response->envelope.touched = true;
	return 0;
}

int curfew_response_new_record(struct curfew_response *response, const char *json, size_t length)
{
	if (!response->uses.filedata_meta) {
		return -EPERM;
	}
	return json ? envelope_add_new_record(&response->envelope, json, length) : -EINVAL;
}

int curfew_response_file_data(struct curfew_response *response, const char *json, size_t length)
{
	if (!response->uses.output) {
		return -EPERM;
	}
	if (response->failed) {
		return CURFEW_E_FAILED;
	}
	return json ? envelope_set_file_data(&response->envelope, json, length) : -EINVAL;
}

int curfew_response_yield(struct curfew_response *response, const char *json, size_t length)
{
	int error;

	if (!response->items) {
		return -EPERM;
	}
	if (curfew_token_cancelled(response->token)) {
		return CURFEW_E_CANCELLED;
	}
	error = curfew_response_output(response, json, length);
	return error ? error : item_queue_put(response->items, &response->envelope);
}

int curfew_response_fail(struct curfew_response *response, int status, const char *format, ...)
{
	char text[RESPONSE_TEXT_MOST];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text[sizeof(text) - 1] = '\0';
	status = status >= 400 && status <= 599 ? status : STATUS_FAILED;
	envelope_fail(&response->envelope, status, text, length < 0 ? 0 : strlen(text));
	response->failed = true;
	return CURFEW_E_FAILED;
}

/* A failure that the plugin has not put into words. */
static void fail_by_code(struct curfew_response *response, int code)
{
	const char *name = code == INT_MIN ? NULL : strerrorname_np(-code);

	if (code == CURFEW_E_FAILED) {
		(void)curfew_response_fail(response, STATUS_FAILED,
			"[failed] the function failed, and did not say why");
	} else if (code > 0) {
		(void)curfew_response_fail(response, STATUS_FAILED,
			"[return %d] the function returned neither 0 nor a negative errno", code);
	} else if (name) {
		(void)curfew_response_fail(
			response, STATUS_FAILED, "[%s] %s", name, strerrordesc_np(-code));
	} else {
		(void)curfew_response_fail(response, STATUS_FAILED,
			"[return %d] the function returned no errno that there is", code);
	}
}

bool response_finish(struct curfew_response *response, int code)
{
	if (code == CURFEW_E_CANCELLED && curfew_token_cancelled(response->token)) {
		return true;
	}
	if (code && (code != CURFEW_E_FAILED || !response->failed)) {
		fail_by_code(response, code);
	}
	return false;
}
