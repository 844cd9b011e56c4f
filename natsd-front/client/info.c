#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_out.h"
#include "common/tls_options.h"
#include "natsd-front/auth/auth.h"
#include "natsd-front/auth/auth_table.h"
#include "natsd-front/client/info.h"
#include "natsd-front/conn.h"

#define INFO_MAX 65536
#define API_LEVEL 5

/* The object without its closing brace, of keys written by fill. */
static char *
info_part(const struct settings *s, void (*fill)(struct json_out *, const struct settings *))
{
	struct buf b = BUF_INIT(INFO_MAX);
	struct json_out j;
	char *text = NULL;

	json_begin(&j, &b, 0);
	json_object_begin(&j);
	fill(&j, s);
	json_object_end(&j);
	if (json_end(&j) == 0 && b.len >= 2)
		text = strndup((const char *)b.data + 1, b.len - 2);
	buf_free(&b);
	return (text);
}

static void
info_fill_head(struct json_out *j, const struct settings *s)
{
	const char *name = s->o.server_name[0] != '\0' ? s->o.server_name : s->o.server_id;

	json_kstr(j, "server_id", str_of(s->o.server_id));
	json_kstr(j, "server_name", str_of(name));
	json_kstr(j, "version", STR(NATS_VERSION));
	json_ku64(j, "proto", 1);
	json_kstr(j, "go", STR("c17 " __VERSION__));
	json_kstr(j, "host", str_of(s->info_host));
	json_ki64(j, "port", s->info_port);
	json_kbool(j, "headers", s->headers);
}

static void
info_fill_tail(struct json_out *j, const struct settings *s)
{
	json_ku64(j, "api_lvl", API_LEVEL);
	json_kstr_oe(j, "xkey", str_of(s->o.xkey));
}

int
info_prepare(struct settings *s)
{
	s->info_head = info_part(s, info_fill_head);
	s->info_tail = info_part(s, info_fill_tail);
	return (s->info_head == NULL || s->info_tail == NULL ? -1 : 0);
}

static void
info_fill_tls(struct json_out *j, const struct conn *c, enum info_kind kind)
{
	const struct options *o = &c->worker->settings->o;
	bool first = kind == INFO_FIRST && (c->flags & CONN_TLS_FIRST) != 0;

	if (o->tls == NULL)
		return;
	json_kbool_oe(j, "tls_required", !o->allow_non_tls || first);
	json_kbool_oe(j, "tls_verify", o->tls->verify);
	json_kbool_oe(j, "tls_available", o->allow_non_tls);
}

/* What differs from client to client, in the middle. */
static void
info_fill_conn(struct json_out *j, const struct conn *c, enum info_kind kind)
{
	const struct auth_table *auth = c->worker->settings->auth;
	char ip[CONN_IP_MAX];

	conn_client_ip(c, ip);
	json_kbool_oe(j, "auth_required",
	    kind == INFO_FIRST ? auth->says_required : auth->required);
	info_fill_tls(j, c, kind);
	json_ki64(j, "max_payload", c->max_payload);
	json_ku64(j, "client_id", c->cid);
	/* Before its header is read it would be the proxy's. */
	if (!c->worker->settings->o.proxy_protocol || c->state != CONN_OPENING || c->tls != NULL)
		json_kstr_oe(j, "client_ip", str_of(ip));
	if (kind == INFO_FIRST)
		json_kstr_oe(j, "nonce", auth_nonce(c));
	if (kind == INFO_LAME_DUCK)
		json_kbool(j, "ldm", true);
	if (kind == INFO_CONNECTED) {
		json_kbool(j, "connect_info", true);
		json_kstr(j, "remote_account", str_of(c->account->name));
		json_kbool_oe(j, "acc_is_sys", c->account->id == ACCOUNT_SYSTEM);
	}
}

void
info_send(struct conn *c, enum info_kind kind)
{
	const struct settings *s = c->worker->settings;
	struct buf b = BUF_INIT(INFO_MAX);
	struct json_out j;

	json_begin(&j, &b, 0);
	json_object_begin(&j);
	info_fill_conn(&j, c, kind);
	json_object_end(&j);
	if (json_end(&j) == 0 && b.len >= 2) {
		conn_put(c, "INFO {", 6);
		conn_put(c, s->info_head, strlen(s->info_head));
		conn_put(c, ",", 1);
		conn_put(c, b.data + 1, b.len - 2);
		conn_put(c, ",", 1);
		conn_put(c, s->info_tail, strlen(s->info_tail));
		conn_put(c, "} \r\n", 4);
	} else {
		conn_no_memory(c, REASON_WRITE_ERROR, "its INFO");
	}
	buf_free(&b);
}
