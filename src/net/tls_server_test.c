/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's certificate and key may be, and the one line for what they may not. */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/stat.h>

#include "net/certificate_script.h"
#include "tests/allocation.h"
#include "tests/descriptors.h"

static struct identity authority, server, other;
static struct buffer refusal;

static void *allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(memory, size);
}

static void release(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	free(memory);
}

static int set_up(void **state)
{
	(void)state;
	folder_make();
	authority = identity_make("authority", NULL, NULL, 30);
	server = identity_make("server", "DNS:localhost", &authority, 30);
	other = identity_make("other", "DNS:localhost", &authority, -1);
	certificate_write("cert", &server, &authority);
	key_write("key", &server);
	certificate_write("other-cert", &other, NULL);
	key_write("other-key", &other);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_free(&authority);
	identity_free(&server);
	identity_free(&other);
	folder_remove();
	buffer_fini(&refusal);
	return 0;
}

/* Expects a refusal: every $ in it stands for the folder. */
static void assert_refused(const char *expected)
{
	struct buffer line = {0};

	for (const char *at = expected; *at; at++) {
		if (*at == '$') {
			buffer_append_text(&line, folder);
		} else {
			buffer_append_char(&line, *at);
		}
	}
	if (strcmp(buffer_text(&refusal), buffer_text(&line)) != 0) {
		fail_msg("%s, not %s", buffer_text(&refusal), buffer_text(&line));
	}
	assert_int_equal(ERR_peek_error(), 0);
	buffer_fini(&line);
	buffer_fini(&refusal);
}

static void refuse(const char *cert, const char *key, const char *expected)
{
	buffer_fini(&refusal);
	assert_null(tls_server_new(in_folder(cert), in_folder(key), &refusal));
	assert_refused(expected);
}

static void good_files_are_taken(void **state)
{
	struct tls_server *made;
	BIO *both = BIO_new(BIO_s_mem());

	(void)state;
	made = tls_server_new(in_folder("cert"), in_folder("key"), &refusal);
	assert_non_null(made);
	assert_int_equal(tls_server_reload(made, &refusal), 0);
	tls_server_free(made);
	made = tls_server_new(in_folder("other-cert"), in_folder("other-key"), &refusal);
	assert_non_null(made); /* expired, which is not for us to judge */
	tls_server_free(made);
	PEM_write_bio_PrivateKey(both, server.key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(both, server.certificate);
	bio_write_file("both", both);
	made = tls_server_new(in_folder("both"), in_folder("both"), &refusal);
	assert_non_null(made);
	tls_server_free(made);
	tls_server_free(NULL);
	assert_string_equal(buffer_text(&refusal), "");
}

static void files_that_cannot_be_read_are_refused(void **state)
{
	int count = descriptors_count();

	(void)state;
	refuse("none", "key", "cannot read the certificate $/none: no such file or directory");
	refuse("cert", "none", "cannot read the key $/none: no such file or directory");
	refuse("cert/below", "key", "cannot read the certificate $/cert/below: not a directory");
	refuse("", "key", "cannot read the certificate $/: it is a directory");
	refuse("cert", "", "cannot read the key $/: it is a directory");
	assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
	refuse("pipe", "key", "cannot read the certificate $/pipe: it is not a regular file");
	if (geteuid()) {
		assert_int_equal(chmod(in_folder("key"), 0), 0);
		refuse("cert", "key", "cannot read the key $/key: permission denied");
		assert_int_equal(chmod(in_folder("key"), 0600), 0);
	}
	descriptors_leave(0);
	errno = 0;
	assert_null(tls_server_new(in_folder("cert"), in_folder("key"), &refusal));
	descriptors_restore();
	assert_refused("cannot read the certificate $/cert: too many open files");
	assert_int_equal(descriptors_count(), count);
}

static void endless_files_are_refused(void **state)
{
	(void)state;
	file_write("huge", "", 0);
	assert_int_equal(truncate(in_folder("huge"), PATH_MAX * 1024L * 4), 0);
	refuse("huge", "key", "cannot read the certificate $/huge: file too large");
}

static void what_is_not_pem_is_refused(void **state)
{
	unsigned char *der = NULL;
	int length = i2d_X509(server.certificate, &der);

	(void)state;
	file_write("der", der, (size_t)length);
	OPENSSL_free(der);
	refuse("der", "key",
		"cannot read the certificate $/der: it is not PEM (convert it by openssl x509 "
		"-inform DER -in FILE)");
	refuse("cert", "der",
		"cannot read the key $/der: it is not PEM (convert it by openssl pkey -inform DER "
		"-in "
		"FILE)");
	file_write("text", "hello\n", 6);
	file_write("empty", "", 0);
	refuse("text", "key",
		"cannot read the certificate $/text: there is no PEM certificate in it");
	refuse("empty", "key",
		"cannot read the certificate $/empty: there is no PEM certificate in it");
	refuse("key", "key",
		"cannot read the certificate $/key: there is no PEM certificate in it");
	refuse("cert", "cert", "cannot read the key $/cert: there is no PEM private key in it");
	refuse("cert", "empty", "cannot read the key $/empty: there is no PEM private key in it");
}

/* Changes a byte in the middle of a file of PEM. */
static void spoil(const char *name, const char *from, long at, char byte)
{
	char bytes[8192];
	FILE *file = fopen(in_folder(from), "re");
	size_t length = fread(bytes, 1, sizeof(bytes), file);

	fclose(file);
	bytes[at < 0 ? (long)length + at : at] = byte;
	file_write(name, bytes, length);
}

static void broken_pem_is_refused(void **state)
{
	(void)state;
	spoil("spoiled", "cert", 100, '!');
	refuse("spoiled", "key", "cannot use the certificate $/spoiled: bad base64 decode");
	spoil("spoiled", "cert", -100, '!'); /* in the second one */
	refuse("spoiled", "key", "cannot use the certificate $/spoiled: bad base64 decode");
	spoil("spoiled", "key", 60, '!');
	refuse("cert", "spoiled", "cannot use the key $/spoiled: bad base64 decode");
}

static void keys_of_others_are_refused(void **state)
{
	static char phrase[] = "secret";
	struct identity rsa = {.key = EVP_RSA_gen(2048)};
	BIO *locked = BIO_new(BIO_s_mem());

	(void)state;
	refuse("cert", "other-key", "the key $/other-key is not that of the certificate $/cert");
	key_write("rsa-key", &rsa);
	refuse("cert", "rsa-key", "the key $/rsa-key is not that of the certificate $/cert");
	identity_free(&rsa);
	PEM_write_bio_PKCS8PrivateKey(locked, server.key, EVP_aes_128_cbc(), NULL, 0, NULL, phrase);
	bio_write_file("locked", locked);
	refuse("cert", "locked",
		"cannot read the key $/locked: it has a passphrase (take it off by openssl pkey "
		"-in "
		"FILE -out FILE)");
	locked = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey_traditional(
		locked, server.key, EVP_aes_128_cbc(), NULL, 0, NULL, phrase);
	bio_write_file("locked", locked);
	refuse("cert", "locked",
		"cannot read the key $/locked: it has a passphrase (take it off by openssl pkey "
		"-in "
		"FILE -out FILE)");
}

static void weak_keys_are_refused(void **state)
{
	struct identity weak = {
		.key = EVP_RSA_gen(1024), .certificate = X509_dup(server.certificate)};

	(void)state;
	X509_set_pubkey(weak.certificate, weak.key);
	assert_true(X509_sign(weak.certificate, authority.key, EVP_sha256()) > 0);
	certificate_write("weak-cert", &weak, NULL);
	key_write("weak-key", &weak);
	refuse("weak-cert", "weak-key", "cannot use the certificate $/weak-cert: ee key too small");
	identity_free(&weak);
}

static void refused_reload_leaves_the_old(void **state)
{
	struct tls_server *made = tls_server_new(in_folder("cert"), in_folder("key"), &refusal);
	struct stream_filter *filter;

	(void)state;
	assert_non_null(made);
	key_write("key", &other);
	assert_int_equal(tls_server_reload(made, &refusal), -1);
	assert_refused("the key $/key is not that of the certificate $/cert");
	filter = tls_accept(made);
	assert_non_null(filter);
	tls_server_free(made); /* the filter keeps what it needs */
	filter->ops->free(filter);
	key_write("key", &server);
}

static void files_may_come_later(void **state)
{
	const char *cert = in_folder("later-cert");
	const char *key = in_folder("later-key");
	struct tls_server *made = tls_server_new_later(cert, key, &refusal);
	struct stream_filter *filter;

	(void)state;
	assert_non_null(made);
	assert_null(tls_accept(made));
	assert_int_equal(errno, ENOKEY);
	assert_int_equal(tls_server_reload(made, &refusal), -1);
	assert_non_null(strstr(buffer_text(&refusal), "later-cert"));
	buffer_fini(&refusal);
	assert_null(tls_accept(made));
	certificate_write("later-cert", &server, NULL);
	key_write("later-key", &server);
	assert_int_equal(tls_server_reload(made, &refusal), 0);
	filter = tls_accept(made);
	assert_non_null(filter);
	filter->ops->free(filter);
	tls_server_free(made);
}

/* Also those of OpenSSL, which main has routed here; they are thousands: every 17th will do. */
static void any_allocation_may_fail(void **state)
{
	bool failed = true;
	int n;

	(void)state;
	for (n = 1; failed; n += 17) {
		struct tls_server *made;
		struct stream_filter *filter;

		buffer_fini(&refusal);
		allocation_fail(n);
		made = tls_server_new(in_folder("cert"), in_folder("key"), &refusal);
		filter = made ? tls_accept(made) : NULL;
		failed = allocation_failed();
		assert_true(made || refusal.length || refusal.failed);
		assert_true(!made || !refusal.length);
		assert_int_equal(ERR_peek_error(), 0);
		if (filter) {
			filter->ops->free(filter);
		}
		tls_server_free(made);
	}
	assert_true(n > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_are_taken),
		cmocka_unit_test(files_that_cannot_be_read_are_refused),
		cmocka_unit_test(endless_files_are_refused),
		cmocka_unit_test(what_is_not_pem_is_refused),
		cmocka_unit_test(broken_pem_is_refused),
		cmocka_unit_test(keys_of_others_are_refused),
		cmocka_unit_test(weak_keys_are_refused),
		cmocka_unit_test(refused_reload_leaves_the_old),
		cmocka_unit_test(files_may_come_later),
		cmocka_unit_test(any_allocation_may_fail),
	};

	if (!CRYPTO_set_mem_functions(allocate, reallocate, release)) {
		return 1;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
