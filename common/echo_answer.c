#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/echo_answer.h"

static const char *
verdict_text(uint64_t verdict)
{
	switch (verdict_kind(verdict)) {
	case VERDICT_STORED:
		return ("stored");
	case VERDICT_DUPLICATE:
		return ("duplicate");
	case VERDICT_ERROR:
		return ("error");
	case VERDICT_DONE:
		return ("done");
	case VERDICT_NONE:
		break;
	}
	return ("none");
}

static void
ingress_json(struct json_out *j, const struct ingress *in)
{
	char life[17];

	snprintf(life, sizeof(life), "%016" PRIx64, in->life);
	json_key(j, "ingress");
	json_object_begin(j);
	json_kstr(j, "life", str_of(life));
	json_ku64(j, "ring", in->ring);
	json_ku64(j, "position", in->at);
	json_object_end(j);
}

static void
server_json(struct json_out *j, struct hub *h)
{
	const struct options *o = hub_options(h);

	json_key(j, "server");
	json_object_begin(j);
	json_kstr(j, "name", str_of(o->server_name[0] != '\0' ? o->server_name : o->server_id));
	json_kstr(j, "id", str_of(o->server_id));
	json_kstr(j, "ver", STR(NATS_VERSION));
	json_object_end(j);
}

int
echo_answer(struct hub *h, const struct hub_request *rq, enum role role, uint64_t verdict)
{
	struct buf body = BUF_INIT(FRAME_MESSAGE_MAX);
	struct frame_pub pub = { .account = rq->msg.account,
		.subject = rq->msg.reply,
		.tail = { .has_ingress = true, .ingress = rq->ingress } };
	struct json_out j;
	int rc = -1;

	if (rq->msg.reply.n == 0)
		return (0);
	json_begin(&j, &body, 0);
	json_object_begin(&j);
	server_json(&j, h);
	json_key(&j, "data");
	json_object_begin(&j);
	json_kstr(&j, "role", str_of(role_name(role)));
	json_ku64(&j, "life", hub_life(h));
	json_kstr(&j, "payload", rq->msg.payload);
	json_kstr(&j, "verdict", str_of(verdict_text(verdict)));
	json_ku64(&j, "sequence", verdict_number(verdict));
	ingress_json(&j, &rq->ingress);
	json_object_end(&j);
	json_object_end(&j);
	pub.payload = buf_str(&body);
	if (json_end(&j) == 0)
		rc = hub_publish(rq->link, &pub);
	buf_free(&body);
	return (rc);
}
