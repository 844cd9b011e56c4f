#include "config.h"

#include "common/access.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 4096u
#define ALIGN _Alignof(max_align_t)

/* ---- memory ---- */

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct access_arena {
	struct chunk *chunks; /* the one in use first */
	size_t accounts_room, users_room, permissions_room, proxies_room;
};

static struct chunk *
chunk_add(struct access_arena *a, size_t need)
{
	size_t size = need > CHUNK_BYTES ? need : CHUNK_BYTES;
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (c == NULL)
		return (NULL);
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	return (c);
}

void *
access_alloc(struct access *a, size_t n)
{
	struct chunk *c = a->arena->chunks;
	void *p;

	if (n > SIZE_MAX / 2)
		return (NULL);
	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if ((c == NULL || c->size - c->used < n) && (c = chunk_add(a->arena, n)) == NULL)
		return (NULL);
	p = c->bytes + c->used;
	c->used += n;
	return (p);
}

int
access_str(struct access *a, struct str *to, struct str from, struct err *e)
{
	char *p;

	if (from.n == 0) {
		*to = STR_NONE;
		return (0);
	}
	if ((p = access_alloc(a, from.n)) == NULL)
		return (err_set(e, "out of memory"));
	memcpy(p, from.p, from.n);
	*to = (struct str){ .p = p, .n = from.n };
	return (0);
}

/* Secrets are anywhere in it, so all of it is wiped. */
static void
arena_free(struct access_arena *a)
{
	struct chunk *c;

	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		explicit_bzero(c->bytes, c->used);
		free(c);
	}
	free(a);
}

/* An array in the arena with room for one more than n; what it was stays behind, unused. */
static void *
grow(struct access *a, void *at, size_t n, size_t *room, size_t size, struct err *e)
{
	size_t next = *room == 0 ? 4 : *room * 2;
	void *to;

	if (n >= ACCESS_USERS_MAX) {
		err_set(e, "more than %u accounts or users", ACCESS_USERS_MAX);
		return (NULL);
	}
	if (n < *room)
		return (at);
	if ((to = access_alloc(a, next * size)) == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	if (n > 0)
		memcpy(to, at, n * size);
	*room = next;
	return (to);
}

/* ---- making ---- */

struct access *
access_new_bare(struct err *e)
{
	struct access *a = calloc(1, sizeof(*a));

	if (a == NULL || (a->arena = calloc(1, sizeof(*a->arena))) == NULL) {
		free(a);
		err_set(e, "out of memory");
		return (NULL);
	}
	a->system_account = ACCESS_NO_ACCOUNT;
	a->timeout_ns = ACCESS_TIMEOUT_NS;
	if (access_add_account(a, STR("$G"), e) == NULL) {
		access_free(a);
		return (NULL);
	}
	return (a);
}

struct access *
access_new(struct err *e)
{
	struct access *a = access_new_bare(e);

	if (a == NULL)
		return (NULL);
	if (access_add_account(a, STR("$SYS"), e) == NULL) {
		access_free(a);
		return (NULL);
	}
	a->system_account = 1;
	a->system_made = true;
	return (a);
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	arena_free(a->arena);
	free(a);
}

struct access_account *
access_add_account(struct access *a, struct str name, struct err *e)
{
	struct access_account *to;

	to = grow(a, a->accounts, a->naccounts, &a->arena->accounts_room, sizeof(*to), e);
	if (to == NULL)
		return (NULL);
	a->accounts = to;
	to += a->naccounts;
	*to = (struct access_account){ .max_conns = ACCESS_NO_LIMIT,
		.max_subs = ACCESS_NO_LIMIT,
		.max_payload = ACCESS_NO_LIMIT,
		.max_leafs = ACCESS_NO_LIMIT,
		.trace_sampling = 100 };
	if (access_str(a, &to->name, name, e) != 0)
		return (NULL);
	a->naccounts++;
	return (to);
}

struct access_user *
access_add_user(struct access *a, struct err *e)
{
	struct access_user *to;

	to = grow(a, a->users, a->nusers, &a->arena->users_room, sizeof(*to), e);
	if (to == NULL)
		return (NULL);
	a->users = to;
	to += a->nusers++;
	*to = (struct access_user){ .account = 0 };
	return (to);
}

struct access_permissions *
access_add_permissions(struct access *a, struct err *e)
{
	struct access_permissions **all, *to;

	all = grow(a, a->permissions, a->npermissions, &a->arena->permissions_room, sizeof(*all), e);
	if (all == NULL)
		return (NULL);
	a->permissions = all;
	if ((to = access_alloc(a, sizeof(*to))) == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	*to = (struct access_permissions){ .index = (uint32_t)a->npermissions,
		.responses_max = ACCESS_RESPONSES_MAX,
		.responses_ttl_ns = ACCESS_RESPONSES_TTL_NS };
	all[a->npermissions++] = to;
	return (to);
}

int
access_add_proxy(struct access *a, struct str key, struct err *e)
{
	struct str *to;

	to = grow(a, a->proxies, a->nproxies, &a->arena->proxies_room, sizeof(*to), e);
	if (to == NULL)
		return (-1);
	a->proxies = to;
	if (access_str(a, &to[a->nproxies], key, e) != 0)
		return (-1);
	a->nproxies++;
	return (0);
}

bool
access_has_proxy(const struct access *a, struct str key)
{
	for (size_t i = 0; i < a->nproxies; i++)
		if (str_eq(a->proxies[i], key))
			return (true);
	return (false);
}

uint32_t
access_find_account(const struct access *a, struct str name)
{
	for (size_t i = 0; i < a->naccounts; i++)
		if (str_eq(a->accounts[i].name, name))
			return ((uint32_t)i);
	return (ACCESS_NO_ACCOUNT);
}

bool
access_required(const struct access *a)
{
	return (a->has_users || a->user.n > 0 || a->token.n > 0);
}

/* ---- comparing ---- */

static bool
list_equal(const struct access_list *a, const struct access_list *b)
{
	if (a->n != b->n || a->given != b->given)
		return (false);
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->at[i].subject, b->at[i].subject) ||
		    !str_eq(a->at[i].queue, b->at[i].queue))
			return (false);
	return (true);
}

bool
access_permissions_equal(const struct access_permissions *a, const struct access_permissions *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (list_equal(&a->pub_allow, &b->pub_allow) && list_equal(&a->pub_deny, &b->pub_deny) &&
	    list_equal(&a->sub_allow, &b->sub_allow) && list_equal(&a->sub_deny, &b->sub_deny) &&
	    a->responses == b->responses && a->responses_max == b->responses_max &&
	    a->responses_ttl_ns == b->responses_ttl_ns);
}

static bool
user_equal(const struct access_user *a, const struct access_user *b)
{
	return (str_eq(a->name, b->name) && str_eq(a->password, b->password) &&
	    str_eq(a->nkey, b->nkey) && a->account == b->account && a->types == b->types &&
	    a->proxy_required == b->proxy_required &&
	    access_permissions_equal(a->permissions, b->permissions));
}

static bool
mapping_equal(const struct access_mapping *a, const struct access_mapping *b)
{
	if (!str_eq(a->source, b->source) || a->n != b->n)
		return (false);
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->at[i].subject, b->at[i].subject) ||
		    !str_eq(a->at[i].cluster, b->at[i].cluster) || a->at[i].weight != b->at[i].weight)
			return (false);
	return (true);
}

bool
access_account_equal(const struct access_account *a, const struct access_account *b)
{
	if (!str_eq(a->name, b->name) || !str_eq(a->nkey, b->nkey) ||
	    a->max_conns != b->max_conns || a->max_subs != b->max_subs ||
	    a->max_payload != b->max_payload || a->max_leafs != b->max_leafs ||
	    a->nmappings != b->nmappings || !str_eq(a->trace_dest, b->trace_dest) ||
	    a->trace_sampling != b->trace_sampling)
		return (false);
	for (size_t i = 0; i < a->nmappings; i++)
		if (!mapping_equal(&a->mappings[i], &b->mappings[i]))
			return (false);
	return (true);
}

bool
access_equal(const struct access *a, const struct access *b)
{
	if (a->naccounts != b->naccounts || a->nusers != b->nusers ||
	    a->system_account != b->system_account || a->has_users != b->has_users ||
	    !str_eq(a->user, b->user) || !str_eq(a->password, b->password) ||
	    !str_eq(a->token, b->token) || !str_eq(a->no_auth_user, b->no_auth_user) ||
	    a->proxy_required != b->proxy_required || a->nproxies != b->nproxies ||
	    a->has_proxies != b->has_proxies || a->guest != b->guest || a->timeout_ns != b->timeout_ns)
		return (false);
	for (size_t i = 0; i < a->naccounts; i++)
		if (!access_account_equal(&a->accounts[i], &b->accounts[i]))
			return (false);
	for (size_t i = 0; i < a->nusers; i++)
		if (!user_equal(&a->users[i], &b->users[i]))
			return (false);
	for (size_t i = 0; i < a->nproxies; i++)
		if (!str_eq(a->proxies[i], b->proxies[i]))
			return (false);
	return (true);
}
