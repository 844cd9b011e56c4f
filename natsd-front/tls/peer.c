#include "config.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "natsd-front/tls/peer.h"

#define SUBJECT_MAX 8192u
#define CHAIN_MAX 16

struct tls_peer_block {
	struct tls_peer_block *next;
	_Alignas(max_align_t) uint8_t data[];
};

static int leaf_names(struct tls_peer *, X509 *);
static int leaf_subject(struct tls_peer *, X509 *);
static int cert_facts(struct tls_peer *, struct tls_cert *, X509 *);

static void *
peer_alloc(struct tls_peer *p, size_t n)
{
	struct tls_peer_block *b = calloc(1, sizeof(*b) + n);

	if (b == NULL)
		return (NULL);
	b->next = p->blocks;
	p->blocks = b;
	return (b->data);
}

void
tls_peer_free(struct tls_peer *p)
{
	struct tls_peer_block *b;

	if (p == NULL)
		return;
	while ((b = p->blocks) != NULL) {
		p->blocks = b->next;
		free(b);
	}
	free(p);
}

static int
peer_fill(struct tls_peer *p, X509 *leaf, const STACK_OF(X509) *chain)
{
	int i, n = chain == NULL ? 0 : sk_X509_num(chain);

	/* A resumed session knows the leaf only. */
	n = n < 0 ? 0 : n > CHAIN_MAX ? CHAIN_MAX : n;
	p->certs = peer_alloc(p, ((size_t)n + 1) * sizeof(*p->certs));
	if (p->certs == NULL || cert_facts(p, &p->certs[0], leaf) != 0 ||
	    leaf_names(p, leaf) != 0 || leaf_subject(p, leaf) != 0)
		return (-1);
	p->ncerts = 1;
	/* At the accepting side the leaf does not stand in the chain. */
	for (i = 0; i < n; i++) {
		if (X509_cmp(sk_X509_value(chain, i), leaf) == 0)
			continue;
		if (cert_facts(p, &p->certs[p->ncerts], sk_X509_value(chain, i)) != 0)
			return (-1);
		p->ncerts++;
	}
	return (0);
}

int
tls_peer_of(SSL *ssl, struct tls_peer **peer)
{
	X509 *leaf = SSL_get1_peer_certificate(ssl);
	int rc;

	*peer = NULL;
	if (leaf == NULL)
		return (0);
	*peer = calloc(1, sizeof(**peer));
	rc = *peer == NULL ? -1 : peer_fill(*peer, leaf, SSL_get_peer_cert_chain(ssl));
	X509_free(leaf);
	if (rc != 0) {
		tls_peer_free(*peer);
		*peer = NULL;
	}
	return (rc);
}

bool
tls_peer_pinned(const struct tls_peer *p, const struct tls_options *o)
{
	size_t i;

	for (i = 0; p != NULL && i < o->npins; i++)
		if (CRYPTO_memcmp(o->pins[i], p->certs[0].spki, TLS_PIN_BYTES) == 0)
			return (true);
	return (false);
}

/* ---- alternative names ---- */

static int
copy_str(struct tls_peer *p, struct str *to, const void *from, int n)
{
	char *at;

	if (n < 0 || (at = peer_alloc(p, (size_t)n + 1)) == NULL)
		return (-1);
	memcpy(at, from, (size_t)n);
	*to = (struct str){ at, (size_t)n };
	return (0);
}

static int
names_of(struct tls_peer *p, const GENERAL_NAMES *all, int type, const struct str **list, size_t *n)
{
	int i, total = sk_GENERAL_NAME_num(all);
	struct str *at = peer_alloc(p, (size_t)(total < 0 ? 0 : total) * sizeof(*at));
	const GENERAL_NAME *name;
	const ASN1_STRING *text;

	if (at == NULL)
		return (-1);
	*list = at;
	for (i = 0; i < total; i++) {
		name = sk_GENERAL_NAME_value(all, i);
		if (name->type != type)
			continue;
		text = name->d.ia5;
		if (copy_str(p, &at[*n], ASN1_STRING_get0_data(text), ASN1_STRING_length(text)) != 0)
			return (-1);
		(*n)++;
	}
	return (0);
}

static int
leaf_names(struct tls_peer *p, X509 *cert)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct cert_identity *id = &p->identity;
	int rc;

	if (all == NULL)
		return (0);
	rc = names_of(p, all, GEN_EMAIL, &id->emails, &id->nemails) == 0 &&
	    names_of(p, all, GEN_DNS, &id->dns, &id->ndns) == 0 &&
	    names_of(p, all, GEN_URI, &id->uris, &id->nuris) == 0 ? 0 : -1;
	GENERAL_NAMES_free(all);
	return (rc);
}

/* ---- the subject ---- */

static const struct {
	int nid;
	enum cert_type type;
	const char *name;
} attr_types[] = {
	{ NID_serialNumber, CERT_SERIALNUMBER, "SERIALNUMBER" },
	{ NID_commonName, CERT_CN, "CN" },
	{ NID_organizationalUnitName, CERT_OU, "OU" },
	{ NID_organizationName, CERT_O, "O" },
	{ NID_postalCode, CERT_POSTALCODE, "POSTALCODE" },
	{ NID_streetAddress, CERT_STREET, "STREET" },
	{ NID_localityName, CERT_L, "L" },
	{ NID_stateOrProvinceName, CERT_ST, "ST" },
	{ NID_countryName, CERT_C, "C" },
};
#define ATTR_TYPES (sizeof(attr_types) / sizeof(attr_types[0]))

static enum cert_type
attr_type(const X509_NAME_ENTRY *entry)
{
	int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
	size_t i;

	for (i = 0; i < ATTR_TYPES; i++)
		if (attr_types[i].nid == nid)
			return (attr_types[i].type);
	return (nid == NID_domainComponent ? CERT_DC : CERT_OTHER);
}

/* How many RDNs: entries of one have the same number, and stand together. */
static size_t
count_rdns(const X509_NAME *name)
{
	int i, n = X509_NAME_entry_count(name), last = -1;
	size_t sets = 0;

	for (i = 0; i < n; i++) {
		int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i));

		sets += i == 0 || set != last;
		last = set;
	}
	return (sets);
}

static int
take_attr(struct tls_peer *p, struct cert_attr *a, const X509_NAME_ENTRY *entry)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry)), rc;

	a->type = n < 0 ? CERT_OTHER : attr_type(entry);
	rc = copy_str(p, &a->value, n < 0 ? (const void *)"" : utf8, n < 0 ? 0 : n);
	OPENSSL_free(utf8);
	return (rc);
}

static int
leaf_subject(struct tls_peer *p, X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int i, n = X509_NAME_entry_count(name), last = -1;
	struct cert_attr *attrs = peer_alloc(p, (size_t)(n < 0 ? 0 : n) * sizeof(*attrs));
	struct cert_rdn *rdns = peer_alloc(p, count_rdns(name) * sizeof(*rdns));
	size_t nrdns = 0;

	if (attrs == NULL || rdns == NULL)
		return (-1);
	for (i = 0; i < n; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int set = X509_NAME_ENTRY_set(entry);

		if (take_attr(p, &attrs[i], entry) != 0)
			return (-1);
		if (i == 0 || set != last)
			rdns[nrdns++] = (struct cert_rdn){ .at = &attrs[i], .n = 1 };
		else
			rdns[nrdns - 1].n++;
		last = set;
	}
	p->identity.rdns = rdns;
	p->identity.nrdns = nrdns;
	return (0);
}

/* ---- subject as text ---- */

static void
put_escaped(struct buf *b, const unsigned char *p, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if ((p[i] != '\0' && strchr(",+\"\\<>;", p[i]) != NULL) ||
		    (p[i] == ' ' && (i == 0 || i == n - 1)) || (p[i] == '#' && i == 0))
			buf_add(b, "\\", 1);
		buf_add(b, &p[i], 1);
	}
}

/* All attributes of one type, joined: the library of nats-server keeps the last CN and
 * SERIALNUMBER only. */
static void
put_type(struct buf *b, const X509_NAME *name, size_t type)
{
	bool single = attr_types[type].type == CERT_CN || attr_types[type].type == CERT_SERIALNUMBER;
	int i = -1, next, len;
	unsigned char *utf8;
	bool first = true;

	while ((next = X509_NAME_get_index_by_NID(name, attr_types[type].nid, i)) >= 0) {
		i = next;
		if (single && X509_NAME_get_index_by_NID(name, attr_types[type].nid, i) >= 0)
			continue;
		utf8 = NULL;
		len = ASN1_STRING_to_UTF8(&utf8,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
		if (len >= 0) {
			buf_addf(b, "%s%s=", first ? (b->len == 0 ? "" : ",") : "+",
			    attr_types[type].name);
			put_escaped(b, utf8, len);
			first = false;
		}
		OPENSSL_free(utf8);
	}
}

static bool
is_named(const X509_NAME_ENTRY *entry)
{
	enum cert_type type = attr_type(entry);

	return (type != CERT_DC && type != CERT_OTHER);
}

/* A text as the library of nats-server encodes it anew. */
static void
put_der(struct buf *b, const unsigned char *p, int n)
{
	static const char others[] = " '()+,-./:=?*&";
	bool printable = true;
	int i;

	for (i = 0; i < n; i++)
		if (!(p[i] >= '0' && p[i] <= '9') && !((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') &&
		    (p[i] == '\0' || strchr(others, p[i]) == NULL))
			printable = false;
	buf_addf(b, "%02x", printable ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING);
	buf_addf(b, n < 0x80 ? "%02x" : n < 0x100 ? "81%02x" : "82%04x", (unsigned)n);
	for (i = 0; i < n; i++)
		buf_addf(b, "%02x", p[i]);
}

/* Types without a name come last, as numbers and the encoded value. */
static void
put_others(struct buf *b, const X509_NAME *name)
{
	unsigned char *utf8;
	char oid[128];
	int i, n;

	for (i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

		if (is_named(entry))
			continue;
		OBJ_obj2txt(oid, sizeof(oid), X509_NAME_ENTRY_get_object(entry), 1);
		buf_addf(b, "%s%s=#", b->len == 0 ? "" : ",", oid);
		utf8 = NULL;
		n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
		if (n >= 0)
			put_der(b, utf8, n);
		OPENSSL_free(utf8);
	}
}

static void
put_subject(struct buf *b, X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	size_t i;

	for (i = 0; i < ATTR_TYPES; i++)
		put_type(b, name, i);
	put_others(b, name);
}

static int
hash_of(uint8_t hash[TLS_HASH_BYTES], int n, const unsigned char *der)
{
	return (n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1);
}

static int
cert_facts(struct tls_peer *p, struct tls_cert *c, X509 *cert)
{
	struct buf text = BUF_INIT(SUBJECT_MAX);
	unsigned char *key = NULL, *whole = NULL;
	int nkey = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key);
	int nwhole = i2d_X509(cert, &whole), rc = -1;
	struct str subject = STR_NONE;

	put_subject(&text, cert);
	if (hash_of(c->spki, nkey, key) == 0 && hash_of(c->whole, nwhole, whole) == 0 &&
	    copy_str(p, &subject, text.len == 0 ? (const void *)"" : text.data, (int)text.len) == 0)
		rc = 0;
	c->subject = subject.p;
	OPENSSL_free(key);
	OPENSSL_free(whole);
	buf_free(&text);
	return (rc);
}

void
tls_cert_text(X509 *cert, char *out, size_t size)
{
	struct buf text = BUF_INIT(SUBJECT_MAX);
	uint8_t hash[TLS_HASH_BYTES] = { 0 };
	unsigned char *whole = NULL;
	int n = i2d_X509(cert, &whole);
	unsigned i;

	put_subject(&text, cert);
	buf_addf(&text, " SHA-256: ");
	if (hash_of(hash, n, whole) == 0)
		for (i = 0; i < sizeof(hash); i++)
			buf_addf(&text, "%02x", hash[i]);
	snprintf(out, size, "%.*s", (int)text.len, text.data == NULL ? "" : (char *)text.data);
	OPENSSL_free(whole);
	buf_free(&text);
}
