/* SPDX-License-Identifier: Apache-2.0 */
/* What a byte may stand for in a head: one look into a table for each of them. */
#ifndef HTTP_OCTET_H
#define HTTP_OCTET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of http_octets. */
enum http_octet {
	HTTP_OCTET_TOKEN = 1, /* methods, field names, options (RFC 9110, 5.6.2) */
	HTTP_OCTET_HOST = 2,  /* a name, an address, a port (RFC 3986, 3.2.2) */
};

extern const uint8_t http_octets[256];

/* Whether all of these bytes are; of none, too. */
static inline bool http_octets_are(const char *bytes, size_t length, enum http_octet kind)
{
	unsigned all = kind;

	for (size_t i = 0; i < length; i++) {
		all &= http_octets[(unsigned char)bytes[i]];
	}
	return all;
}

#endif
