#include "config.h"

#include <stdlib.h>

#include "common/buf.h"
#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/label.h"
#include "natsd-front/text.h"

#define LABEL_MAX ((size_t)1 << 20) /* beyond any line that is taken */

/* "v1.0:python:name" */
static int
add_client(struct buf *b, const struct connect_options *o)
{
	const struct connect_text *parts[] = { &o->version, &o->lang, &o->name };
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (parts[i]->n == 0)
			continue;
		if (b->len != 0 && buf_add_str(b, STR(":")) != 0)
			return (-1);
		if (i == 0 && buf_add_str(b, STR("v")) != 0)
			return (-1);
		if (buf_add(b, parts[i]->p, parts[i]->n) != 0)
			return (-1);
	}
	return (0);
}

/* "$G/user:me" */
static int
add_user(struct buf *b, const struct connect_options *o, struct str account)
{
	const struct connect_text *who = NULL;
	struct str kind;

	if (o->nkey.n != 0) {
		kind = STR("/nkey:");
		who = &o->nkey;
	} else if (o->user.n != 0) {
		kind = STR("/user:");
		who = &o->user;
	} else if (o->auth_token.n != 0) {
		kind = STR("/token");
	} else {
		return (0);
	}
	if (buf_add_str(b, account) != 0 || buf_add_str(b, kind) != 0)
		return (-1);
	return (who == NULL ? 0 : buf_add(b, who->p, who->n));
}

/* ` - "..."` behind what is there. */
static int
add_quoted(struct buf *to, const struct buf *part)
{
	size_t size = part->len * 6 + 3; /* a byte is \xNN at worst, a short rune \uNNNN */
	char *text;
	int rc;

	if (part->len == 0)
		return (0);
	if ((text = malloc(size)) == NULL)
		return (-1);
	rc = buf_add_str(to, STR(" - "));
	if (rc == 0)
		rc = buf_add(to, text,
		    text_quote(text, size, (struct str){ (const char *)part->data, part->len }));
	free(text);
	return (rc);
}

char *
label_make(const struct connect_options *o, struct str account)
{
	struct buf client = BUF_INIT(LABEL_MAX), user = BUF_INIT(LABEL_MAX);
	struct buf label = BUF_INIT(LABEL_MAX * 12);
	char *text = NULL;

	if (add_client(&client, o) == 0 && add_user(&user, o, account) == 0 &&
	    add_quoted(&label, &client) == 0 && add_quoted(&label, &user) == 0 && label.len != 0)
		text = strndup((const char *)label.data, label.len);
	buf_free(&client);
	buf_free(&user);
	buf_free(&label);
	return (text);
}
