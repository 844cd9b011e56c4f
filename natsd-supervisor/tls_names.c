#include "config.h"

#include "natsd-supervisor/tls_names.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/buf.h"

#define NAMES_MAX 4096u

enum suite_kind {
	SUITE_13,	/* of TLS 1.3: always on */
	SUITE_SECURE,
	SUITE_INSECURE,
	SUITE_GONE, /* insecure, and OpenSSL 3 does not have it */
};

struct suite {
	const char *name, *openssl;
	enum suite_kind kind;
};

/* In the order of preference of Go's library where there are instructions for AES. */
static const struct suite suites[] = {
	{ "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", SUITE_13 },
	{ "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", SUITE_13 },
	{ "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", SUITE_13 },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", SUITE_SECURE },
	{ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", SUITE_SECURE },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", SUITE_SECURE },
	{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", SUITE_SECURE },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
	    SUITE_SECURE },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", SUITE_SECURE },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", SUITE_SECURE },
	{ "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", SUITE_SECURE },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", SUITE_SECURE },
	{ "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", SUITE_SECURE },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", SUITE_INSECURE },
	{ "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", SUITE_INSECURE },
	{ "TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", SUITE_INSECURE },
	{ "TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", SUITE_INSECURE },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", SUITE_INSECURE },
	{ "TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", SUITE_INSECURE },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", SUITE_INSECURE },
	{ "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA", SUITE_GONE },
	{ "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", SUITE_GONE },
	{ "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA", SUITE_GONE },
	{ "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA", SUITE_GONE },
	{ "TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA", SUITE_GONE },
};

struct group {
	const char *name, *openssl;
	bool hybrid; /* with ML-KEM: from OpenSSL 3.5 on */
};

static const struct group groups[] = {
	{ "X25519MLKEM768", "X25519MLKEM768", true },
	{ "SecP256r1MLKEM768", "SecP256r1MLKEM768", true },
	{ "SecP384r1MLKEM1024", "SecP384r1MLKEM1024", true },
	{ "X25519", "X25519", false },
	{ "CurveP256", "P-256", false },
	{ "CurveP384", "P-384", false },
	{ "CurveP521", "P-521", false },
};

#define NSUITES (int)(sizeof(suites) / sizeof(suites[0]))
#define NGROUPS (int)(sizeof(groups) / sizeof(groups[0]))

int
tls_suite_find(struct str name)
{
	for (int i = 0; i < NSUITES; i++)
		if (str_eq(name, str_of(suites[i].name)))
			return (i);
	return (-1);
}

int
tls_group_find(struct str name)
{
	for (int i = 0; i < NGROUPS; i++)
		if (str_eq(name, str_of(groups[i].name)))
			return (i);
	return (-1);
}

const char *
tls_suite_name(int index)
{
	return (suites[index].name);
}

bool
tls_suite_insecure(int index)
{
	return (suites[index].kind == SUITE_INSECURE || suites[index].kind == SUITE_GONE);
}

bool
tls_suite_offered(int index)
{
	return (suites[index].kind != SUITE_GONE);
}

bool
tls_group_offered(int index)
{
	EVP_KEYMGMT *km;

	if (!groups[index].hybrid)
		return (true);
	km = EVP_KEYMGMT_fetch(NULL, groups[index].openssl, NULL);
	EVP_KEYMGMT_free(km);
	return (km != NULL);
}

tls_name_set
tls_suites_default(void)
{
	tls_name_set set = 0;

	for (int i = 0; i < NSUITES; i++)
		if (!tls_suite_insecure(i))
			set |= (tls_name_set)1 << i;
	return (set);
}

tls_name_set
tls_groups_default(void)
{
	tls_name_set set = 0;

	for (int i = 0; i < NGROUPS; i++)
		if (tls_group_offered(i))
			set |= (tls_name_set)1 << i;
	return (set);
}

static int
add_name(struct buf *to, const char *name)
{
	return (buf_addf(to, "%s%s", to->len > 0 ? ":" : "", name));
}

static int
print_suites(struct buf *to, tls_name_set set, bool tls13)
{
	for (int i = 0; i < NSUITES; i++)
		if ((suites[i].kind == SUITE_13) == tls13 && (tls13 || (set >> i & 1) != 0) &&
		    add_name(to, suites[i].openssl) != 0)
			return (-1);
	return (buf_add(to, "", 1));
}

static int
print_groups(struct buf *to, tls_name_set set)
{
	for (int i = 0; i < NGROUPS; i++)
		if ((set >> i & 1) != 0 && add_name(to, groups[i].openssl) != 0)
			return (-1);
	return (buf_add(to, "", 1));
}

int
tls_names_set(struct tls_options *t, tls_name_set suite_set, tls_name_set group_set, struct err *e)
{
	struct buf old = BUF_INIT(NAMES_MAX), now = BUF_INIT(NAMES_MAX), group = BUF_INIT(NAMES_MAX);
	int rc = -1;

	if (print_suites(&old, suite_set, false) != 0 || print_suites(&now, suite_set, true) != 0 ||
	    print_groups(&group, group_set) != 0)
		err_set(e, "out of memory");
	else if (tls_string(&t->ciphers, (const char *)old.data, e) == 0 &&
	    tls_string(&t->suites, (const char *)now.data, e) == 0 &&
	    tls_string(&t->groups, (const char *)group.data, e) == 0)
		rc = 0;
	buf_free(&old);
	buf_free(&now);
	buf_free(&group);
	return (rc);
}

static void
print_name(FILE *to, const char *name, bool offered)
{
	fprintf(to, "    %s%s\n", name, offered ? "" : " (not in this OpenSSL library)");
}

void
tls_names_print(FILE *to)
{
	fputs("Available cipher suites include:\n", to);
	for (int i = 0; i < NSUITES; i++)
		print_name(to, suites[i].name, tls_suite_offered(i));
	fputs("\nAvailable curve preferences include:\n", to);
	for (int i = 0; i < NGROUPS; i++)
		print_name(to, groups[i].name, tls_group_offered(i));
}
