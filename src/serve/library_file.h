/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's file before it is loaded, which runs code of it and cannot be taken back: what the
 * dynamic linker would refuse in words of its own, crash over, or be ended by.
 */
#ifndef SERVE_LIBRARY_FILE_H
#define SERVE_LIBRARY_FILE_H

#include <stdbool.h>

#include "base/buffer.h"

#define LIBRARY_RUNTIME_MOST 64 /* bytes of a sanitizer's name, its NUL included */

/*
 * Whether the file is a whole shared object for this machine. If not, one sentence in *refusal,
 * which begins with the path. In a program that was built with a sanitizer, or has its runtime
 * preloaded, a plugin may need the same; in any other it is refused, since the runtime ends a
 * process in which it does not come first.
 */
bool library_file_check(const char *path, struct buffer *refusal);

/*
 * Appends that the plugin was built with a sanitizer whose runtime, "libasan.so.8", is missing
 * (NULL: clang's address sanitizer).
 */
void library_file_refuse_runtime(const char *path, const char *runtime, struct buffer *refusal);

#endif
