#include "config.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "common/buf.h"
#include "natsd-front/tls/peer.h"
#include "natsd-front/tls/tls.h"
#include "natsd-front/tls/why.h"

#define VERIFY "tls: failed to verify certificate: x509: "
#define SUBJECT_MAX 300
#define SHOWN_MAX 4096u

static const struct {
	int reason;
	const char *text;
} reasons[] = {
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "tls: client didn't provide a certificate" },
	{ SSL_R_NO_SHARED_CIPHER, "tls: no cipher suite supported by both client and server" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "tls: client offered only unsupported versions" },
	{ SSL_R_VERSION_TOO_LOW, "tls: client offered only unsupported versions" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "tls: no key exchanges supported by both client and server" },
	{ SSL_R_NO_SUITABLE_GROUPS, "tls: no key exchanges supported by both client and server" },
	{ SSL_R_NO_CERTIFICATE_SET, "tls: no certificates configured" },
};

static const struct {
	int alert;
	const char *text;
} alerts[] = {
	{ SSL_AD_UNEXPECTED_MESSAGE, "unexpected message" },
	{ SSL_AD_BAD_RECORD_MAC, "bad record MAC" },
	{ SSL_AD_HANDSHAKE_FAILURE, "handshake failure" },
	{ SSL_AD_BAD_CERTIFICATE, "bad certificate" },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported certificate" },
	{ SSL_AD_CERTIFICATE_REVOKED, "revoked certificate" },
	{ SSL_AD_CERTIFICATE_EXPIRED, "expired certificate" },
	{ SSL_AD_CERTIFICATE_UNKNOWN, "unknown certificate" },
	{ SSL_AD_ILLEGAL_PARAMETER, "illegal parameter" },
	{ SSL_AD_UNKNOWN_CA, "unknown certificate authority" },
	{ SSL_AD_ACCESS_DENIED, "access denied" },
	{ SSL_AD_DECODE_ERROR, "error decoding message" },
	{ SSL_AD_DECRYPT_ERROR, "error decrypting message" },
	{ SSL_AD_PROTOCOL_VERSION, "protocol version not supported" },
	{ SSL_AD_INSUFFICIENT_SECURITY, "insufficient security level" },
	{ SSL_AD_INTERNAL_ERROR, "internal error" },
	{ SSL_AD_USER_CANCELLED, "user canceled" },
	{ SSL_AD_MISSING_EXTENSION, "missing extension" },
	{ SSL_AD_CERTIFICATE_REQUIRED, "certificate required" },
};

static const char *
alert_text(int alert)
{
	size_t i;

	for (i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (alerts[i].alert == alert)
			return (alerts[i].text);
	return (NULL);
}

static const char *
verify_text(long result)
{
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return ("certificate has expired or is not yet valid");
	case X509_V_ERR_INVALID_PURPOSE:
		return ("certificate specifies an incompatible key usage");
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return ("certificate signed by unknown authority");
	default:
		return (X509_verify_cert_error_string(result));
	}
}

static void
why_verify(SSL *ssl, struct err *e)
{
	const struct tls *t = tls_of(ssl);
	const char *shown = t->unverified == NULL ? "" : t->unverified;

	err_set(e, VERIFY "%s%s", verify_text(SSL_get_verify_result(ssl)), shown);
}

/* " (<subject> SHA-256: <hex>; ...)" of what the client showed. */
static char *
shown_text(const STACK_OF(X509) *chain)
{
	struct buf b = BUF_INIT(SHOWN_MAX);
	char text[SUBJECT_MAX], *shown;
	int i;

	buf_addf(&b, " (");
	for (i = 0; i < sk_X509_num(chain); i++) {
		tls_cert_text(sk_X509_value(chain, i), text, sizeof(text));
		buf_addf(&b, "%s%s", i == 0 ? "" : "; ", text);
	}
	buf_addf(&b, ")");
	shown = strndup(b.data == NULL ? "" : (const char *)b.data, b.len);
	buf_free(&b);
	return (shown);
}

int
tls_why_unverified(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
	struct tls *t = ssl == NULL ? NULL : tls_of(ssl);

	if (!ok && t != NULL && t->unverified == NULL && chain != NULL)
		t->unverified = shown_text(chain);
	return (ok);
}

void
tls_why(SSL *ssl, struct err *e)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *text;
	size_t i;

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		why_verify(ssl, e);
		ERR_clear_error();
		return;
	}
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
	    reason <= SSL_AD_REASON_OFFSET + UINT8_MAX) {
		text = alert_text(reason - SSL_AD_REASON_OFFSET);
		if (text != NULL)
			err_set(e, "remote error: tls: %s", text);
		else
			err_set(e, "remote error: tls: alert(%d)", reason - SSL_AD_REASON_OFFSET);
		ERR_clear_error();
		return;
	}
	text = ERR_reason_error_string(code);
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (ERR_GET_LIB(code) == ERR_LIB_SSL && reasons[i].reason == reason) {
			err_set(e, "%s", reasons[i].text);
			ERR_clear_error();
			return;
		}
	err_set(e, "tls: %s", text == NULL ? "unknown error" : text);
	ERR_clear_error();
}
