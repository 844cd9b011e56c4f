#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ctl.h"
#include "natsd-front/auth/auth.h"
#include "natsd-front/conn.h"
#include "natsd-front/peer.h"
#include "natsd-front/snapshot.h"
#include "natsd-front/tls/tls.h"

#define COPIES_A_TURN 512u /* of connections and subscriptions: some hundred microseconds */

/*
 * One question under way.  It belongs to who asked until every worker has given it back; when a
 * worker hangs, the ask stays with it and is freed by whoever is last.
 */
struct snapshot_ask {
	struct snapshot *to;
	unsigned what;
	uint64_t cid;
	uint64_t token;
	_Atomic unsigned left;	    /* workers that have not answered */
	_Atomic unsigned roles_left; /* roles that have not */
	_Atomic unsigned refs;
	struct doorbell done;
	_Atomic bool role_said[PEER_COUNT]; /* its part of `to` is complete, likewise: */
	_Atomic bool part_done[];	    /* [nparts] */
};

static void
ask_unref(struct snapshot_ask *ask)
{
	if (atomic_fetch_sub(&ask->refs, 1) != 1)
		return;
	snapshot_free(ask->to);
	doorbell_close(&ask->done);
	free(ask);
}

/* ---- copies ---- */

static char *
copy_str(struct str s)
{
	return (strndup(s.n == 0 ? "" : s.p, s.n));
}

static char *
copy_text(const char *s)
{
	return (s == NULL ? NULL : strdup(s));
}

/* What the last CONNECT said, be it refused, stands before what an earlier one did. */
static char *
copy_word(const char *taken, const char *unread)
{
	return (copy_text(unread != NULL ? unread : taken));
}

/* One block: the subscriptions, then all their texts.  bytes: of the texts, terminated. */
static struct snapshot_sub *
subs_block(uint32_t n, size_t bytes, char **texts)
{
	struct snapshot_sub *subs = malloc(n * sizeof(*subs) + bytes);

	if (subs != NULL)
		*texts = (char *)(subs + n);
	return (subs);
}

static char *
put_text(char **texts, struct str s)
{
	char *at = *texts;

	if (s.n > 0)
		memcpy(at, s.p, s.n);
	at[s.n] = '\0';
	*texts += s.n + 1;
	return (at);
}

static int
copy_subs(struct snapshot_conn *to, const struct conn *c)
{
	const struct sub *s;
	uint32_t i, n = 0;
	size_t bytes = 0;
	char *texts;

	if (c->subs.used == 0)
		return (0);
	for (i = 0; i < c->subs.size; i++)
		if ((s = c->subs.at[i]) != NULL)
			bytes += s->subject_n + s->queue_n + s->sid_n + 3u;
	if ((to->subs = subs_block(c->subs.used, bytes, &texts)) == NULL)
		return (-1);
	to->subs_bytes = c->subs.used * sizeof(*to->subs) + bytes;
	for (i = 0; i < c->subs.size; i++) {
		if ((s = c->subs.at[i]) == NULL)
			continue;
		to->subs[n] = (struct snapshot_sub){ .account = s->account, .cid = c->cid,
			.msgs = s->delivered, .max = s->max };
		to->subs[n].subject = put_text(&texts, sub_subject(s));
		to->subs[n].queue = put_text(&texts, sub_queue(s));
		to->subs[n].sid = put_text(&texts, sub_sid(s));
		n++;
	}
	return (0);
}

static int
copy_snapshot_subs(struct snapshot_conn *to, const struct snapshot_conn *from)
{
	const struct snapshot_sub *s;
	size_t bytes = 0;
	uint32_t i;
	char *texts;

	for (i = 0; i < from->nsubs; i++) {
		s = &from->subs[i];
		bytes += strlen(s->subject) + strlen(s->queue) + strlen(s->sid) + 3u;
	}
	if ((to->subs = subs_block(from->nsubs, bytes, &texts)) == NULL)
		return (-1);
	for (i = 0; i < from->nsubs; i++) {
		s = &from->subs[i];
		to->subs[i] = *s;
		to->subs[i].subject = put_text(&texts, str_of(s->subject));
		to->subs[i].queue = put_text(&texts, str_of(s->queue));
		to->subs[i].sid = put_text(&texts, str_of(s->sid));
	}
	return (0);
}

/* ---- TLS ---- */

static void
put_hex(char *to, const uint8_t *hash)
{
	unsigned i;

	for (i = 0; i < TLS_HASH_BYTES; i++)
		snprintf(to + 2 * i, 3, "%02x", hash[i]);
}

static int
copy_certs(struct snapshot_conn *to, const struct tls_peer *peer)
{
	size_t i;

	to->tls_certs = calloc(peer->ncerts, sizeof(*to->tls_certs));
	if (to->tls_certs == NULL)
		return (-1);
	for (i = 0; i < peer->ncerts; i++) {
		put_hex(to->tls_certs[i].spki_sha256, peer->certs[i].spki);
		put_hex(to->tls_certs[i].cert_sha256, peer->certs[i].whole);
		to->tls_certs[i].subject = strdup(peer->certs[i].subject);
		if (to->tls_certs[i].subject == NULL)
			return (-1);
		to->ntls_certs++;
	}
	return (0);
}

static int
copy_tls(struct snapshot_conn *to, const struct conn *c)
{
	if ((c->flags & CONN_TLS_READY) == 0)
		return (0);
	to->tls_version = tls_version(c->tls);
	to->tls_cipher = tls_cipher(c->tls);
	to->tls_first = (c->flags & CONN_TLS_FIRST) != 0;
	return (c->tls->peer != NULL && c->state != CONN_CLOSING ? copy_certs(to, c->tls->peer)
								 : 0);
}

int
snapshot_conn_copy(struct snapshot_conn *to, const struct snapshot_conn *from, bool with_subs)
{
	*to = *from;
	to->subs = NULL;
	to->tls_certs = NULL;
	to->ntls_certs = 0;
	to->user = copy_text(from->user);
	to->name = copy_text(from->name);
	to->lang = copy_text(from->lang);
	to->version = copy_text(from->version);
	if ((to->user == NULL) != (from->user == NULL) ||
	    (to->name == NULL) != (from->name == NULL) ||
	    (to->lang == NULL) != (from->lang == NULL) ||
	    (to->version == NULL) != (from->version == NULL))
		return (-1);
	return (with_subs && from->subs != NULL ? copy_snapshot_subs(to, from) : 0);
}

int
snapshot_conn_of(struct snapshot_conn *to, const struct conn *c, bool with_subs)
{
	*to = (struct snapshot_conn){
		.cid = c->cid,
		.kind = "Client",
		.type = "nats",
		.port = conn_client_port(c),
		.start_wall_ns = c->start_wall_ns,
		.last_wall_ns = c->last_wall_ns,
		.rtt_ns = c->rtt_ns,
		.pending_bytes = c->out.pending,
		.in_msgs = c->in_msgs,
		.out_msgs = c->out_msgs,
		.in_bytes = c->in_bytes,
		.out_bytes = c->out_bytes,
		.stalls = c->stalls,
		.nsubs = c->subs.used,
		.account = c->account->name,
	};
	conn_client_ip(c, to->ip);
	if (auth_shown(c)[0] != '\0')
		to->user = copy_text(auth_shown(c));
	snprintf(to->proxy, sizeof(to->proxy), "%s", auth_proxy(c));
	if (auth_signed(c))
		to->issuer = c->account->name;
	to->name = copy_word(c->labels == NULL ? NULL : c->labels->name, auth_unread_name(c));
	to->lang = copy_word(c->labels == NULL ? NULL : c->labels->lang, auth_unread_lang(c));
	to->version = copy_word(c->labels == NULL ? NULL : c->labels->version,
	    auth_unread_version(c));
	if (copy_tls(to, c) != 0)
		return (-1);
	return (with_subs ? copy_subs(to, c) : 0);
}

void
snapshot_conn_clear(struct snapshot_conn *c)
{
	uint32_t i;

	for (i = 0; i < c->ntls_certs; i++)
		free(c->tls_certs[i].subject);
	free(c->tls_certs);
	free(c->subs);
	free(c->user);
	free(c->name);
	free(c->lang);
	free(c->version);
}

/* ---- the worker's side ---- */

static int
part_grow(struct snapshot_part *part, uint32_t size)
{
	struct snapshot_conn *conns = reallocarray(part->conns, size, sizeof(*conns));

	if (conns == NULL)
		return (-1);
	part->conns = conns;
	part->conns_size = size;
	return (0);
}

static int
copy_conn(struct snapshot_part *part, const struct conn *c, bool subs)
{
	if (part->nconns == part->conns_size && part_grow(part, part->conns_size * 2 + 1) != 0)
		return (-1);
	return (snapshot_conn_of(&part->conns[part->nconns++], c, subs));
}

/*
 * Some of them: nobody's messages wait for all.  A connection that comes meanwhile may be among
 * them, one that goes too.  1: the next turn goes on.  0: that was all.  -1: no memory.
 */
static int
fill_conns(struct worker *w, const struct snapshot_ask *ask, struct snapshot_part *part)
{
	bool subs = (ask->what & SNAPSHOT_SUBS) != 0;
	uint32_t copies = 0;
	const struct conn *c;

	part->turns++;
	for (; w->copied < w->conns.size; w->copied++) {
		if (copies >= COPIES_A_TURN)
			return (1);
		c = slots_at(&w->conns, w->copied);
		if (c == NULL || (ask->cid != 0 && c->cid != ask->cid))
			continue;
		if (copy_conn(part, c, subs) != 0)
			return (-1);
		copies += 1 + (subs ? c->subs.used : 0);
	}
	if (ask->cid == 0)
		part->conns_open = part->nconns;
	return (0);
}

static int
fill_tallies(struct worker *w, struct snapshot_part *part)
{
	uint32_t n = atomic_load_explicit(&w->shared->naccounts, memory_order_acquire) + 1;

	if ((part->tallies = malloc(n * sizeof(*part->tallies))) == NULL)
		return (-1);
	part->ntallies = n;
	tally_sum(w, part->tallies, n);
	return (0);
}

static int
fill_caches(struct worker *w, struct snapshot_part *part)
{
	uint32_t n = atomic_load_explicit(&w->shared->naccounts, memory_order_acquire) + 1;

	if ((part->caches = malloc(n * sizeof(*part->caches))) == NULL)
		return (-1);
	part->ncaches = n;
	trie_cache_shares(w->cache, part->caches, n);
	return (0);
}

static uint32_t
list_length(const struct conn_list *l)
{
	const struct conn *c;
	uint32_t n = 0;

	for (c = l->head; c != NULL; c = c->next)
		n++;
	return (n);
}

static void
fill_load(struct worker *w, struct snapshot_part *part)
{
	unsigned i;

	for (i = 0; i < w->shared->nworkers; i++) {
		if (i != w->index && w->links[i].to != NULL)
			part->waiting_bytes += ring_out_listed_bytes(w->links[i].to);
	}
	for (i = 0; i < PEER_COUNT; i++) {
		if (w->peers[i] == NULL || w->peers[i]->to == NULL)
			continue;
		part->waiting_bytes += ring_out_listed_bytes(w->peers[i]->to);
		part->ring_bytes[i] = ring_used(ring_out_ring(w->peers[i]->to));
	}
	part->waiting[WAIT_RING] = list_length(&w->ring_wait);
	part->waiting[WAIT_ROLE] = list_length(&w->role_wait);
	part->waiting[WAIT_STALL] = list_length(&w->stall_wait);
	part->waiting[WAIT_AUTH] = list_length(&w->auth_wait);
}

/* All but the connections; room for those.  0; -1: no memory. */
static int
fill_counts(struct worker *w, const struct snapshot_ask *ask, struct snapshot_part *part)
{
	part->stats = w->stats;
	trie_cache_stats(w->cache, &part->cache);
	part->conns_open = w->conns.used;
	part->subs = w->subs.used;
	if ((ask->what & SNAPSHOT_LOAD) != 0)
		fill_load(w, part);
	if ((ask->what & SNAPSHOT_TALLIES) != 0 && fill_tallies(w, part) != 0)
		return (-1);
	if ((ask->what & SNAPSHOT_CACHES) != 0 && fill_caches(w, part) != 0)
		return (-1);
	if ((ask->what & SNAPSHOT_CONNS) == 0 || ask->cid != 0 || w->conns.used == 0)
		return (0);
	return (part_grow(part, w->conns.used));
}

static void
role_done(struct snapshot_ask *ask)
{
	if (atomic_fetch_sub(&ask->roles_left, 1) == 1 && atomic_load(&ask->left) == 0)
		doorbell_ring(&ask->done);
}

/* Worker 0 asks the roles; the ask stays with it until both have said something. */
static void
ask_roles(struct worker *w, struct snapshot_ask *ask)
{
	unsigned i;

	for (i = 0; i < PEER_COUNT; i++) {
		if (w->peers[i] == NULL) {
			role_done(ask);
			continue;
		}
		if (!peer_ask_status(w, i, ask->token))
			role_done(ask);
	}
	if (w->roles_ask != NULL)
		ask_unref(w->roles_ask);
	atomic_fetch_add(&ask->refs, 1);
	w->roles_ask = ask;
}

/* Its part is filled as far as it will be. */
static void
answered(struct worker *w, struct snapshot_ask *ask, bool whole)
{
	if (whole)
		atomic_store_explicit(&ask->part_done[w->index], true, memory_order_release);
	if (atomic_fetch_sub(&ask->left, 1) == 1 && atomic_load(&ask->roles_left) == 0)
		doorbell_ring(&ask->done);
	ask_unref(ask);
}

/* The one that waits for this worker; NULL: none. */
static struct snapshot_ask *
take_ask(struct worker *w)
{
	struct snapshot_ask *_Atomic *at = &w->shared->pub[w->index].ask;

	if (atomic_load_explicit(at, memory_order_relaxed) == NULL)
		return (NULL);
	return (atomic_exchange(at, NULL));
}

void
snapshot_answer(struct worker *w)
{
	struct snapshot_ask *ask = w->copying;
	struct snapshot_part *part;
	int rc = 0;

	if (ask == NULL) {
		if ((ask = take_ask(w)) == NULL)
			return;
		w->copied = 0;
		rc = fill_counts(w, ask, &ask->to->parts[w->index]);
		if (w->index == 0 && (ask->what & SNAPSHOT_ROLES) != 0)
			ask_roles(w, ask);
	}
	part = &ask->to->parts[w->index];
	if (rc == 0 && (ask->what & SNAPSHOT_CONNS) != 0)
		rc = fill_conns(w, ask, part);
	w->copying = rc == 1 ? ask : NULL;
	if (rc != 1)
		answered(w, ask, rc == 0);
}

void
snapshot_status(struct worker *w, unsigned role, uint64_t token, struct str json)
{
	struct snapshot_ask *ask = w->roles_ask;
	struct snapshot_role *r;

	if (ask == NULL || ask->token != token)
		return;
	r = &ask->to->roles[role];
	if (atomic_load(&ask->role_said[role]))
		return;
	r->json = copy_str(json);
	atomic_store_explicit(&ask->role_said[role], true, memory_order_release);
	role_done(ask);
}

void
snapshot_forget(struct worker *w)
{
	struct snapshot_ask *ask = atomic_exchange(&w->shared->pub[w->index].ask, NULL);

	if (ask != NULL)
		ask_unref(ask);
	if (w->copying != NULL)
		ask_unref(w->copying);
	if (w->roles_ask != NULL)
		ask_unref(w->roles_ask);
	w->copying = w->roles_ask = NULL;
}

/* ---- the monitor's side ---- */

static struct snapshot_ask *
ask_new(struct shared *sh, unsigned what, uint64_t cid)
{
	static _Atomic uint64_t tokens;
	struct snapshot_ask *ask = calloc(1, sizeof(*ask) + sh->nworkers * sizeof(_Atomic bool));

	if (ask == NULL)
		return (NULL);
	ask->to = calloc(1, sizeof(*ask->to));
	if (ask->to == NULL)
		goto fail;
	ask->to->nparts = sh->nworkers;
	ask->to->parts = calloc(sh->nworkers, sizeof(*ask->to->parts));
	if (ask->to->parts == NULL || doorbell_make(&ask->done, NULL) != 0)
		goto fail;
	ask->what = what;
	ask->cid = cid;
	ask->token = atomic_fetch_add(&tokens, 1) + 1;
	atomic_init(&ask->left, sh->nworkers);
	atomic_init(&ask->roles_left, (what & SNAPSHOT_ROLES) != 0 ? PEER_COUNT : 0);
	atomic_init(&ask->refs, 1);
	return (ask);
fail:
	snapshot_free(ask->to);
	free(ask);
	return (NULL);
}

/* To every worker that is not still busy with an older question. */
static void
ask_send(struct shared *sh, struct snapshot_ask *ask)
{
	struct snapshot_ask *none;
	unsigned i;

	for (i = 0; i < sh->nworkers; i++) {
		none = NULL;
		atomic_fetch_add(&ask->refs, 1);
		if (!atomic_compare_exchange_strong(&sh->pub[i].ask, &none, ask)) {
			atomic_fetch_sub(&ask->refs, 1);
			continue;
		}
		doorbell_ring(&sh->pub[i].bell);
	}
}

static void
ask_wait(struct snapshot_ask *ask, int timeout_ms)
{
	struct pollfd p = { .fd = ask->done.wait, .events = POLLIN };
	struct mono until = mono_add_ms(mono_now(), timeout_ms);
	int64_t left;

	while (atomic_load(&ask->left) != 0 || atomic_load(&ask->roles_left) != 0) {
		left = mono_diff_ns(until, mono_now()) / NS_PER_MS;
		if (left <= 0 || (poll(&p, 1, (int)left) == -1 && errno != EINTR))
			return;
		doorbell_clear(&ask->done);
	}
}

/* What is complete changes hands; a worker that comes late writes into the ask's own snapshot. */
static void
ask_move(struct snapshot_ask *ask, struct snapshot *out)
{
	unsigned i;

	for (i = 0; i < out->nparts; i++) {
		if (!atomic_load_explicit(&ask->part_done[i], memory_order_acquire))
			continue;
		out->parts[i] = ask->to->parts[i];
		out->parts[i].done = true;
		ask->to->parts[i] = (struct snapshot_part){ .done = false };
	}
	for (i = 0; i < PEER_COUNT; i++) {
		if (!atomic_load_explicit(&ask->role_said[i], memory_order_acquire))
			continue;
		out->roles[i].said = true;
		out->roles[i].json = ask->to->roles[i].json;
		ask->to->roles[i].json = NULL;
	}
}

struct snapshot *
snapshot_take(struct shared *sh, unsigned what, uint64_t cid, int timeout_ms)
{
	struct snapshot_ask *ask = ask_new(sh, what, cid);
	struct snapshot *out = calloc(1, sizeof(*out));

	if (out != NULL)
		out->parts = calloc(sh->nworkers, sizeof(*out->parts));
	if (ask == NULL || out == NULL || out->parts == NULL) {
		snapshot_free(out);
		if (ask != NULL)
			ask_unref(ask);
		return (NULL);
	}
	out->nparts = sh->nworkers;
	ask_send(sh, ask);
	ask_wait(ask, timeout_ms);
	ask_move(ask, out);
	ask_unref(ask);
	return (out);
}

void
snapshot_free(struct snapshot *s)
{
	unsigned i;
	uint32_t j;

	if (s == NULL)
		return;
	for (i = 0; s->parts != NULL && i < s->nparts; i++) {
		for (j = 0; j < s->parts[i].nconns; j++)
			snapshot_conn_clear(&s->parts[i].conns[j]);
		free(s->parts[i].conns);
		free(s->parts[i].tallies);
		free(s->parts[i].caches);
	}
	for (i = 0; i < PEER_COUNT; i++)
		free(s->roles[i].json);
	free(s->parts);
	free(s);
}
