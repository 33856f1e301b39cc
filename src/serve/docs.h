/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page at /docs: the schema as a form, a call from the browser, streamed lines as they come.
 * One HTML file with all that it needs in it; it reads /schema, /id and /openapi.json by itself.
 */
#ifndef SERVE_DOCS_H
#define SERVE_DOCS_H

extern const char docs_page[]; /* made of docs.html by the build */

/* Its Content-Security-Policy. */
extern const char docs_page_policy[];

#endif
