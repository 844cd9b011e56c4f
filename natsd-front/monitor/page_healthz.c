/*
 * /healthz: may work be sent here (12)?
 */
#include "config.h"

#include "common/log.h"
#include "natsd-front/monitor/page.h"
#include "natsd-front/text.h"

#define QUOTED_MAX 256

struct verdict {
	int code;
	const char *type, *error; /* NULL: healthy */
};

static int
healthz_parse(struct page_call *call)
{
	struct page_healthz *h = &call->healthz;
	struct params *p = &call->params;
	bool js_only = false; /* what js-enabled and its like leave out is not there yet */
	bool old_word = false;

	if (params_bool(p, "js-enabled", &old_word) != 0)
		return (-1);
	if (old_word)
		log_warn("Healthcheck: js-enabled deprecated, use js-enabled-only instead");
	if (params_bool(p, "js-enabled-only", &js_only) != 0 ||
	    params_bool(p, "js-server-only", &js_only) != 0 ||
	    params_bool(p, "js-meta-only", &js_only) != 0 ||
	    params_bool(p, "details", &h->details) != 0)
		return (-1);
	h->account = params_text(p, "account");
	h->stream = params_text(p, "stream");
	h->consumer = params_text(p, "consumer");
	return (0);
}

static struct verdict
judge(const struct page_healthz *h, const struct facts *f)
{
	if (h->stream != NULL && h->account == NULL)
		return ((struct verdict){ 400, "BAD_REQUEST",
		    "\"account\" must not be empty when checking stream health" });
	if (h->consumer != NULL && h->stream == NULL)
		return ((struct verdict){ 400, "BAD_REQUEST",
		    "\"stream\" must not be empty when checking consumer health" });
	if (!f->listening)
		return ((struct verdict){ 500, "CONNECTION",
		    "failed to be ready for connections after 1ms: server" });
	return ((struct verdict){ 200, NULL, NULL });
}

static void
tell(const char *error, bool details)
{
	char quoted[QUOTED_MAX];

	if (details) {
		log_warn("Healthcheck failed: 1 errors");
		return;
	}
	text_quote(quoted, sizeof(quoted), str_of(error));
	log_warn("Healthcheck failed: %s", quoted);
}

static int
healthz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct verdict v = judge(&call->healthz, f);
	struct json_out j;

	call->status = v.code;
	if (v.error != NULL)
		tell(v.error, call->healthz.details);
	json_begin(&j, out, 0);
	json_object_begin(&j);
	json_kstr(&j, "status", v.error == NULL ? STR("ok") : STR("error"));
	if (v.error != NULL && !call->healthz.details)
		json_kstr(&j, "error", str_of(v.error));
	if (v.error != NULL && call->healthz.details) {
		json_key(&j, "errors");
		json_array_begin(&j);
		json_object_begin(&j);
		json_kstr(&j, "type", str_of(v.type));
		json_kstr(&j, "error", str_of(v.error));
		json_object_end(&j);
		json_array_end(&j);
	}
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_healthz = {
	.path = "/healthz",
	.counter = FACTS_HEALTHZ,
	.count_first = true,
	.parse = healthz_parse,
	.build = healthz_build,
};
