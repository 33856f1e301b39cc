/* SPDX-License-Identifier: Apache-2.0 */
/* All of libcurfew. curfew/uv.h, for programs on libuv, is apart. */
#ifndef CURFEW_H
#define CURFEW_H

#include <curfew/child.h>
#include <curfew/context.h>
#include <curfew/drain.h>
#include <curfew/group.h>
#include <curfew/lifecycle.h>
#include <curfew/link.h>
#include <curfew/listener.h>
#include <curfew/log.h>
#include <curfew/time.h>
#include <curfew/visibility.h>

#endif
