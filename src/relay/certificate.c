/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/certificate.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "net/pem.h"

#define DAY_S 86400
#define DAYS_MOST 36500

static bool read_time(const ASN1_TIME *from, time_t *time)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(from, &tm)) {
		return false;
	}
	*time = timegm(&tm);
	return true;
}

static bool read_serial(const X509 *from, char serial[CERTIFICATE_SERIAL])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(from), NULL);
	char *text = number ? BN_bn2hex(number) : NULL;

	(void)snprintf(serial, CERTIFICATE_SERIAL, "%s", text ? text : "");
	OPENSSL_free(text);
	BN_free(number);
	return text;
}

/* Returns whether it can be served; a reason otherwise. */
static bool check(const struct certificate *certificate, X509 *from, EVP_PKEY *key,
	const char *domain, struct buffer *refusal)
{
	char text[CERTIFICATE_TIME];

	if (X509_check_private_key(from, key) != 1) {
		buffer_append_text(refusal, "the key is not that of the certificate");
		return false;
	}
	if (X509_check_host(from, domain, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) != 1) {
		buffer_appendf(refusal, "the certificate is not one for %s", domain);
		return false;
	}
	if (certificate->not_after <= time(NULL)) {
		buffer_appendf(refusal, "the certificate has expired (%s)",
			certificate_time_text(certificate->not_after, text));
		return false;
	}
	return true;
}

int certificate_read(struct certificate *certificate, const char *cert, const char *key,
	const char *domain, struct buffer *refusal)
{
	STACK_OF(X509) *chain = pem_certificates("certificate", cert, refusal);
	EVP_PKEY *own = chain ? pem_key(key, refusal) : NULL;
	struct certificate found = {.not_after = 0};
	int result = -1;

	if (!own) {
		goto out;
	}
	X509 *first = sk_X509_value(chain, 0);

	if (!read_time(X509_get0_notBefore(first), &found.not_before) ||
		!read_time(X509_get0_notAfter(first), &found.not_after) ||
		!read_serial(first, found.serial)) {
		buffer_append_text(refusal, "the certificate's dates or number cannot be read");
	} else if (check(&found, first, own, domain, refusal)) {
		*certificate = found;
		result = 0;
	}
out:
	ERR_clear_error();
	EVP_PKEY_free(own);
	pem_certificates_free(chain);
	return result;
}

const char *certificate_time_text(time_t time, char text[CERTIFICATE_TIME])
{
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(text, CERTIFICATE_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		(void)snprintf(text, CERTIFICATE_TIME, "unknown");
	}
	return text;
}

int64_t certificate_due_ms(const struct certificate *certificate, time_t now)
{
	int64_t third = ((int64_t)certificate->not_after - certificate->not_before) / 3;
	int64_t due = (int64_t)certificate->not_after - (third > 0 ? third : 0);

	return due > now ? (due - now) * 1000 : 0;
}

int certificate_days(const struct certificate *certificate, time_t now)
{
	int64_t left = ((int64_t)certificate->not_after - now) / DAY_S;

	if (certificate_due_ms(certificate, now) > 0 || left < 0) {
		return 1;
	}
	return left < DAYS_MOST ? (int)left + 1 : DAYS_MOST;
}
