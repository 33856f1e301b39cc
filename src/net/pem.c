/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096

/* The C library's words as they stand in the middle of a line. */
static void append_error(struct buffer *refusal, int error)
{
	const char *words = strerrordesc_np(error);

	if (!words) {
		buffer_appendf(refusal, "error %d", error);
	} else if (words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a') {
		buffer_append_char(refusal, (char)(words[0] - 'A' + 'a'));
		buffer_append_text(refusal, words + 1);
	} else {
		buffer_append_text(refusal, words);
	}
}

/* words NULL: those of the error. */
static void refuse_file(
	struct buffer *refusal, const char *what, const char *path, const char *words, int error)
{
	buffer_appendf(refusal, "cannot read the %s %s: ", what, path);
	if (words) {
		buffer_append_text(refusal, words);
	} else {
		append_error(refusal, error);
	}
}

void pem_refuse(struct buffer *refusal, const char *what, const char *path)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	buffer_appendf(refusal, "cannot use the %s %s: %s", what, path,
		reason ? reason : "OpenSSL does not take it");
	ERR_clear_error();
}

/* Copies what is left of a file. Such a BIO wipes its memory, where a key may have been. */
static BIO *read_all(int fd, int *error)
{
	char chunk[CHUNK];
	BIO *content = BIO_new(BIO_s_mem());
	ssize_t n = content ? 1 : -1;
	size_t total = 0;

	errno = ENOMEM;
	if (content) {
		BIO_set_flags(content, BIO_FLAGS_NONCLEAR_RST); /* BIO_reset goes to the start */
	}
	while (n > 0) {
		n = read(fd, chunk, sizeof(chunk));
		total += n > 0 ? (size_t)n : 0;
		if (total > PEM_FILE_MOST) {
			errno = EFBIG;
			n = -1;
		} else if (n > 0 && BIO_write(content, chunk, (int)n) != n) {
			errno = ENOMEM;
			n = -1;
		}
	}
	*error = errno;
	OPENSSL_cleanse(chunk, sizeof(chunk));
	if (n < 0) {
		BIO_free(content);
		return NULL;
	}
	return content;
}

/* A pipe could stop us for ever, when it is read the second time: only a regular file is taken. */
static BIO *open_file(const char *what, const char *path, struct buffer *refusal)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = errno;
	struct stat status;
	BIO *content;

	if (fd < 0) {
		refuse_file(refusal, what, path, NULL, error);
		return NULL;
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		refuse_file(refusal, what, path,
			S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a regular file",
			0);
		close(fd);
		return NULL;
	}
	content = read_all(fd, &error);
	close(fd);
	if (!content) {
		ERR_clear_error();
		refuse_file(refusal, what, path, NULL, error);
	}
	return content;
}

/* What is there instead of what was looked for. ASN.1's SEQUENCE begins every DER file. */
static void refuse_absent(struct buffer *refusal, const char *what, const char *path,
	const char *wanted, BIO *content)
{
	char first = '\0';

	(void)BIO_reset(content);
	(void)BIO_read(content, &first, 1);
	refuse_file(refusal, what, path, "", 0);
	buffer_appendf(refusal,
		first == '0' ? "it is not PEM (convert it by openssl %s -inform DER -in FILE)"
			     : "there is no PEM %s in it",
		first == '0' ? (!strcmp(wanted, "certificate") ? "x509" : "pkey") : wanted);
}

/* Whether the last read has found no more, rather than something that is broken. */
static bool found_none(void)
{
	return ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_PEM &&
		ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

void pem_certificates_free(STACK_OF(X509) * certificates)
{
	sk_X509_pop_free(certificates, X509_free);
}

/* Appends all there are. Returns false with OpenSSL's reason. */
static bool read_certificates(BIO *content, STACK_OF(X509) * certificates)
{
	X509 *certificate;

	while ((certificate = PEM_read_bio_X509(content, NULL, NULL, NULL))) {
		if (!sk_X509_push(certificates, certificate)) {
			X509_free(certificate);
			return false;
		}
	}
	return found_none();
}

STACK_OF(X509) * pem_certificates(const char *what, const char *path, struct buffer *refusal)
{
	BIO *content = open_file(what, path, refusal);
	STACK_OF(X509) *certificates = content ? sk_X509_new_null() : NULL;
	bool all;

	if (!content) {
		return NULL;
	}
	all = certificates && read_certificates(content, certificates);
	if (!all) {
		pem_refuse(refusal, what, path);
	} else if (!sk_X509_num(certificates)) {
		refuse_absent(refusal, what, path, "certificate", content);
		all = false;
	}
	ERR_clear_error();
	BIO_free(content);
	if (!all) {
		pem_certificates_free(certificates);
		certificates = NULL;
	}
	return certificates;
}

static bool is_key(const char *name)
{
	static const char end[] = "PRIVATE KEY";
	size_t length = strlen(name);

	return length >= sizeof(end) - 1 && !strcmp(name + length - (sizeof(end) - 1), end);
}

/* One block of a file: a key, unless it is something else, or is locked. */
struct block {
	char *name;
	char *header; /* of old forms: "Proc-Type: 4,ENCRYPTED" */
	unsigned char *bytes;
	long length;
};

static void free_block(struct block *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(block->bytes, (size_t)block->length);
	*block = (struct block){0};
}

/* Finds the first key. Returns false with OpenSSL's reason; then there is nothing to free. */
static bool find_key(BIO *content, struct block *block)
{
	*block = (struct block){0};
	while (PEM_read_bio(content, &block->name, &block->header, &block->bytes, &block->length)) {
		if (is_key(block->name)) {
			return true;
		}
		free_block(block);
	}
	return false;
}

static EVP_PKEY *read_key(const struct block *block, const char *path, struct buffer *refusal)
{
	const unsigned char *bytes = block->bytes;
	EVP_PKEY *key;

	if (*block->header || !strncmp(block->name, "ENCRYPTED", strlen("ENCRYPTED"))) {
		refuse_file(refusal, "key", path,
			"it has a passphrase (take it off by openssl pkey -in FILE -out FILE)", 0);
		return NULL;
	}
	key = d2i_AutoPrivateKey(NULL, &bytes, block->length);
	if (!key) {
		pem_refuse(refusal, "key", path);
	}
	return key;
}

EVP_PKEY *pem_key(const char *path, struct buffer *refusal)
{
	BIO *content = open_file("key", path, refusal);
	EVP_PKEY *key = NULL;
	struct block block;

	if (!content) {
		return NULL;
	}
	if (find_key(content, &block)) {
		key = read_key(&block, path, refusal);
		free_block(&block);
	} else if (found_none()) {
		refuse_absent(refusal, "key", path, "private key", content);
	} else {
		pem_refuse(refusal, "key", path);
	}
	ERR_clear_error();
	BIO_free(content);
	return key;
}
