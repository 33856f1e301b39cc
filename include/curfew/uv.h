/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lifecycle on a host's libuv loop. The handle is the caller's memory; it closes by itself when
 * the lifecycle is DONE, so that uv_run can return. Link with libuv; the library itself does not
 * need it.
 */
#ifndef CURFEW_UV_H
#define CURFEW_UV_H

#include <uv.h>

#include <curfew/lifecycle.h>

static inline void curfew_uv_readable(uv_poll_t *handle, int status, int events)
{
	struct curfew_lifecycle *life = (struct curfew_lifecycle *)handle->data;

	(void)status;
	(void)events;
	curfew_lifecycle_dispatch(life);
	if (curfew_lifecycle_done(life) && !uv_is_closing((uv_handle_t *)handle)) {
		uv_close((uv_handle_t *)handle, NULL);
	}
}

/* Dispatches life whenever it is due, on loop. Returns 0 or a libuv error. In the loop's thread. */
static inline int curfew_uv_attach(
	uv_loop_t *loop, uv_poll_t *handle, struct curfew_lifecycle *life)
{
	int error = uv_poll_init(loop, handle, curfew_lifecycle_fd(life));

	if (error) {
		return error;
	}
	handle->data = life;
	return uv_poll_start(handle, UV_READABLE, curfew_uv_readable);
}

#endif
