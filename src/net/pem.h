/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and keys from PEM files (RFC 7468). What cannot be used gets one line in refusal,
 * which says what is wrong and, where that is not plain, how to mend it. Blocking: at the start,
 * and when certificates are read again.
 */
#ifndef NET_PEM_H
#define NET_PEM_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buffer.h"

#define PEM_FILE_MOST (4 << 20) /* bytes; all CAs of a system are a quarter of a megabyte */

/*
 * Returns the certificates of a file in their order, at least one; what else there is in it, such
 * as a key, is passed over. what is what the file is for, "certificate". NULL with a refusal.
 */
STACK_OF(X509) * pem_certificates(const char *what, const char *path, struct buffer *refusal);
void pem_certificates_free(STACK_OF(X509) * certificates);

/* Returns the private key in a file, for EVP_PKEY_free; NULL with a refusal. */
EVP_PKEY *pem_key(const char *path, struct buffer *refusal);

/* Writes that what is in a file cannot be used, with OpenSSL's reason, and forgets that. */
void pem_refuse(struct buffer *refusal, const char *what, const char *path);

#endif
