#include "config.h"

#include <openssl/bio.h>
#include <string.h>

#include "natsd-front/tls/bio.h"
#include "natsd-front/tls/library.h"

static int
bio_read(BIO *b, char *to, size_t n, size_t *done)
{
	struct tls_io *io = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	*done = n < io->in_n ? n : io->in_n;
	if (*done == 0) {
		BIO_set_retry_read(b);
		return (0);
	}
	memcpy(to, io->in, *done);
	io->in += *done;
	io->in_n -= *done;
	return (1);
}

static int
bio_write(BIO *b, const char *from, size_t n, size_t *done)
{
	struct tls_io *io = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (io->out == NULL || buf_add(io->out, from, n) != 0) {
		BIO_set_retry_write(b);
		*done = 0;
		return (0);
	}
	*done = n;
	return (1);
}

static long
bio_ctrl(BIO *b, int what, long number, void *arg)
{
	(void)b;
	(void)number;
	(void)arg;
	return (what == BIO_CTRL_FLUSH ? 1 : 0);
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return (1);
}

BIO_METHOD *
tls_bio_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "natsd");

	if (m == NULL || BIO_meth_set_read_ex(m, bio_read) != 1 ||
	    BIO_meth_set_write_ex(m, bio_write) != 1 || BIO_meth_set_ctrl(m, bio_ctrl) != 1 ||
	    BIO_meth_set_create(m, bio_create) != 1) {
		BIO_meth_free(m);
		return (NULL);
	}
	return (m);
}

BIO *
tls_bio_new(struct tls_io *io)
{
	const BIO_METHOD *m = tls_library_bio();
	BIO *b = m == NULL ? NULL : BIO_new(m);

	if (b != NULL)
		BIO_set_data(b, io);
	return (b);
}
