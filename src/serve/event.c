/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/event.h"

const struct journal_event serve_events[] = {SERVE_EVENTS(JOURNAL_EVENT)};
