/* SPDX-License-Identifier: Apache-2.0 */
/* For dialogue.c alone: what is said to the process. */
#ifndef SERVE_DIALOGUE_INPUT_H
#define SERVE_DIALOGUE_INPUT_H

#include "serve/dialogue.h"

/* Nothing more is said; its input ends too, if closes is set. */
void dialogue_end_saying(struct dialogue *dialogue, bool closes);

/* Of struct dialogue: written at the end of the round, and when the pipe has room again. */
void dialogue_flush(struct worker_flush *flush);
void dialogue_writable(struct source *source, uint32_t events);

#endif
