#include "config.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include "natsd-supervisor/identity.h"

static int
make_key(int type, enum nkey_kind kind, char out[IDENTITY_TEXT], struct err *e)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
	uint8_t public[32];
	size_t n = sizeof(public);
	int rc = -1;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_keygen(ctx, &key) <= 0 ||
	    EVP_PKEY_get_raw_public_key(key, public, &n) <= 0 || n != sizeof(public))
		err_set(e, "server key: OpenSSL cannot make it");
	else {
		nkey_encode(out, kind, public);
		rc = 0;
	}
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return (rc);
}

int
identity_make(struct identity *id, struct err *e)
{
	if (getrandom(&id->life, sizeof(id->life), 0) != (ssize_t)sizeof(id->life))
		return (err_sys(e, "random number"));
	if (make_key(EVP_PKEY_ED25519, NKEY_SERVER, id->server_id, e) != 0)
		return (-1);
	return (make_key(EVP_PKEY_X25519, NKEY_CURVE, id->xkey, e));
}
