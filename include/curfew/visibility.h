/* SPDX-License-Identifier: Apache-2.0 */
/* What the library exports: exactly the functions that carry CURFEW_API. */
#ifndef CURFEW_VISIBILITY_H
#define CURFEW_VISIBILITY_H

#define CURFEW_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define CURFEW_BEGIN extern "C" {
#define CURFEW_END }
#else
#define CURFEW_BEGIN
#define CURFEW_END
#endif

#endif
