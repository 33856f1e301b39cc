/* SPDX-License-Identifier: Apache-2.0 */
#include "http/octet.h"

#define V HTTP_OCTET_VALUE
#define UV (HTTP_OCTET_TARGET | V)
#define HUV (HTTP_OCTET_HOST | UV)
#define TUV (HTTP_OCTET_TOKEN | UV)
#define THUV (HTTP_OCTET_TOKEN | HUV)

const uint8_t http_octets[256] = {
	['0' ... '9'] = THUV,
	['A' ... 'Z'] = THUV,
	['a' ... 'z'] = THUV,
	['!'] = THUV,
	['$'] = THUV,
	['%'] = THUV,
	['&'] = THUV,
	['\''] = THUV,
	['*'] = THUV,
	['+'] = THUV,
	['-'] = THUV,
	['.'] = THUV,
	['_'] = THUV,
	['~'] = THUV,
	['^'] = TUV,
	['`'] = TUV,
	['|'] = TUV,
	['('] = HUV,
	[')'] = HUV,
	[':'] = HUV,
	[';'] = HUV,
	['='] = HUV,
	['['] = HUV,
	[']'] = HUV,
	['"'] = UV,
	[','] = UV,
	['/'] = UV,
	['<'] = UV,
	['>'] = UV,
	['?'] = UV,
	['@'] = UV,
	['\\'] = UV,
	['{'] = UV,
	['}'] = UV,
	['#'] = HTTP_OCTET_TOKEN | V,
	['\t'] = V,
	[' '] = V,
	[0x80 ... 0xff] = V,
};
