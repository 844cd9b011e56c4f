/*
 * A filter, between find.c and find_list.c.
 */
#ifndef NATSD_JS_STORE_FIND_PRIV_H
#define NATSD_JS_STORE_FIND_PRIV_H

#include "natsd-js/store/store_priv.h"

struct listed { /* a subject that matches; one allocation */
	uint64_t hash;
	uint16_t len;
	char text[];
};

struct stream_filter {
	struct stream *stream;
	struct stream_filter *next; /* of its stream */
	unsigned count;
	bool all;	      /* matches everything */
	bool literal;	      /* one subject without wildcards */
	bool literals;	      /* none has wildcards */
	struct str *subjects; /* copies, behind the array */
	uint64_t serial;      /* of the index that `known` speaks of */
	uint8_t *known;	      /* by number of the subject there: enum known */
	uint32_t known_room, known_count;
	/* The subjects of the stream that match, or did when they had messages. */
	bool is_listed;
	bool broad; /* they are too many */
	struct listed **list;
	uint32_t list_count, list_room;
	/* Numbers of their messages in the block that was looked at last, rising. */
	uint32_t found_in; /* number of the block; 0: none */
	uint32_t *found;
	uint32_t found_count, found_room;
};

static inline struct str
listed_text(const struct listed *l)
{
	return ((struct str){ .p = l->text, .n = l->len });
}

bool filter_matches(const struct stream_filter *, struct str subject);

/* What all subjects that match begin with. */
struct str filter_prefix(const struct stream_filter *);

/* find_list.c */
/* filter_list - the list is there; false: the subjects are too many, or it cannot be made now.
 * filter_unlist - it is freed, and made again when it is needed. */
bool filter_list(struct stream_filter *);
void filter_unlist(struct stream_filter *);

/* filter_listed_next - the first live message of the block, from the number on, that matches, as the
 * block says of itself; INDEX_NONE.  STORE_BUSY: it does not say, or there is no list. */
enum store_result filter_listed_next(struct stream_filter *, struct block *, uint32_t from,
    uint32_t *number, struct err *);

#endif
