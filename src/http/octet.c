/* SPDX-License-Identifier: Apache-2.0 */
#include "http/octet.h"

#define T HTTP_OCTET_TOKEN
#define H HTTP_OCTET_HOST
#define TH (HTTP_OCTET_TOKEN | HTTP_OCTET_HOST)

const uint8_t http_octets[256] = {
	['0' ... '9'] = TH,
	['A' ... 'Z'] = TH,
	['a' ... 'z'] = TH,
	['!'] = TH,
	['$'] = TH,
	['%'] = TH,
	['&'] = TH,
	['\''] = TH,
	['*'] = TH,
	['+'] = TH,
	['-'] = TH,
	['.'] = TH,
	['_'] = TH,
	['~'] = TH,
	['#'] = T,
	['^'] = T,
	['`'] = T,
	['|'] = T,
	['('] = H,
	[')'] = H,
	[':'] = H,
	[';'] = H,
	['='] = H,
	['['] = H,
	[']'] = H,
};
