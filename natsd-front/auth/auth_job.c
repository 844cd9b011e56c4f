#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/auth/auth_job.h"
#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/secret.h"
#include "natsd-front/conn.h"

struct auth_job {
	struct helper_job job; /* first */
	const struct settings *held;
	void (*done)(const struct auth_job *, struct worker *);
	struct str proof;     /* borrowed from held; of a proxy: the key that was found */
	struct secret secret; /* bcrypt: the password; a signature: the nonce */
	uint8_t key[NKEY_KEY_BYTES], sig[NKEY_SIG_BYTES];
	bool proxy; /* the signature is one of a trusted proxy */
	bool fits;
};

static struct auth_job *
of(struct helper_job *job)
{
	return ((struct auth_job *)job);
}

static void
work_bcrypt(struct helper_job *job)
{
	struct auth_job *a = of(job);

	a->fits = bcrypt_check(a->proof, secret_str(&a->secret));
}

static void
work_nkey(struct helper_job *job)
{
	struct auth_job *a = of(job);

	a->fits = nkey_verify(a->key, secret_str(&a->secret), a->sig);
}

/* The first of the keys that made it. */
static void
work_proxy(struct helper_job *job)
{
	struct auth_job *a = of(job);
	const struct auth_table *t = a->held->auth;

	for (size_t i = 0; i < t->nproxies && !a->fits; i++) {
		a->fits = nkey_verify(t->proxies[i].key, secret_str(&a->secret), a->sig);
		a->proof = t->proxies[i].text;
	}
}

static void
on_drop(struct helper_job *job)
{
	struct auth_job *a = of(job);

	secret_wipe(&a->secret);
	settings_release(a->held);
	free(a);
}

static void
on_done(struct helper_job *job, struct worker *w)
{
	of(job)->done(of(job), w);
	on_drop(job);
}

struct auth_job *
auth_job_start(const struct conn *c, const struct auth_decision *d, struct str nonce,
    void (*done)(const struct auth_job *, struct worker *))
{
	struct auth_job *a = calloc(1, sizeof(*a));
	bool hashed = d->verdict == AUTH_BCRYPT, proxy = d->verdict == AUTH_PROXY;

	if (a == NULL)
		return (NULL);
	a->job = (struct helper_job){ .class = hashed ? HELPER_SLOW : HELPER_QUICK,
		.conn = c->handle, .worker = (uint16_t)c->worker->index,
		.work = hashed ? work_bcrypt : proxy ? work_proxy : work_nkey, .done = on_done, .drop = on_drop };
	a->held = settings_hold(c->worker->settings);
	a->done = done;
	a->proof = d->proof;
	a->proxy = proxy;
	if (!hashed)
		memcpy(a->sig, d->sig, sizeof(a->sig));
	if (!hashed && !proxy)
		memcpy(a->key, d->user->key, sizeof(a->key));
	if (secret_set(&a->secret, hashed ? d->secret : nonce) != 0 ||
	    !helpers_submit(c->worker->shared->helpers, &a->job)) {
		on_drop(&a->job);
		return (NULL);
	}
	return (a);
}

struct handle
auth_job_conn(const struct auth_job *a)
{
	return (a->job.conn);
}

bool
auth_job_fits(const struct auth_job *a)
{
	return (a->fits);
}

bool
auth_job_is_proxy(const struct auth_job *a)
{
	return (a->proxy);
}

struct str
auth_job_proof(const struct auth_job *a)
{
	return (a->proof);
}

const struct settings *
auth_job_settings(const struct auth_job *a)
{
	return (a->held);
}
