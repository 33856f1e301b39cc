/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates, made anew for each run in a folder of its own. */
#ifndef NET_CERTIFICATE_SCRIPT_H
#define NET_CERTIFICATE_SCRIPT_H

#include <dirent.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY 86400L

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static char folder[] = "/tmp/curfew-net-XXXXXX";

/* Returns the path of a file in the folder; a few of them stay valid. */
static inline const char *in_folder(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

static inline void folder_make(void)
{
	assert_non_null(mkdtemp(folder));
}

static inline void folder_remove(void)
{
	DIR *open = opendir(folder);
	struct dirent *entry;

	assert_non_null(open);
	while ((entry = readdir(open))) {
		(void)(unlink(in_folder(entry->d_name)) && rmdir(in_folder(entry->d_name)));
	}
	closedir(open);
	assert_int_equal(rmdir(folder), 0);
}

static inline void add_extension(X509 *certificate, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/*
 * Makes a key and a certificate for names ("DNS:localhost,IP:127.0.0.1"; NULL: an authority), of
 * an issuer (NULL: signed by itself), good for the days to come (negative: until those ago).
 */
static inline struct identity identity_make(
	const char *common_name, const char *names, const struct identity *issuer, long days)
{
	static long serial = 1;
	struct identity made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
	X509 *certificate = made.certificate;
	X509_NAME *name = X509_get_subject_name(certificate);

	assert_non_null(made.key);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -30 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(
		certificate, X509_get_subject_name(issuer ? issuer->certificate : certificate));
	X509_set_pubkey(certificate, made.key);
	add_extension(certificate, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
	if (names) {
		add_extension(certificate, NID_subject_alt_name, names);
	}
	assert_true(X509_sign(certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static inline void identity_free(struct identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
}

/* Writes bytes to a file in the folder, and returns its path. */
static inline const char *file_write(const char *name, const void *bytes, size_t length)
{
	const char *path = in_folder(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}

static inline const char *bio_write_file(const char *name, BIO *bio)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);
	const char *path = file_write(name, bytes, (size_t)length);

	BIO_free(bio);
	return path;
}

/* Writes a certificate, and another one behind it unless that is NULL. */
static inline const char *certificate_write(
	const char *name, const struct identity *identity, const struct identity *issuer)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, identity->certificate), 1);
	if (issuer) {
		assert_int_equal(PEM_write_bio_X509(bio, issuer->certificate), 1);
	}
	return bio_write_file(name, bio);
}

static inline const char *key_write(const char *name, const struct identity *identity)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
		PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL), 1);
	return bio_write_file(name, bio);
}

#endif
