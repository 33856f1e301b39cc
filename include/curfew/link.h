/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What embeds a thing of the caller's in a list of the library's. Opaque; zero it before the
 * first use.
 */
#ifndef CURFEW_LINK_H
#define CURFEW_LINK_H

struct curfew_link {
	struct curfew_link *prev, *next;
};

#endif
