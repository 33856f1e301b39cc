/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/event.h"

const struct journal_event relay_events[] = {RELAY_EVENTS(JOURNAL_EVENT)};
