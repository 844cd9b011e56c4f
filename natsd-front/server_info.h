/*
 * server_info - what this server says of itself in events, traces and pages, as JSON
 * (monitoring-events.md 17.1).
 */
#ifndef FRONT_SERVER_INFO_H
#define FRONT_SERVER_INFO_H

#include "common/json_out.h"
#include "common/options.h"

/* server_info - the object `server`, with the next sequence number and the time.  Any thread. */
void server_info(struct json_out *, const struct options *);

/* Parts of it, with their keys; left out when empty. */
void server_info_tags(struct json_out *, const struct options *);
void server_info_metadata(struct json_out *, const struct options *);
void server_info_features(struct json_out *);

#endif
