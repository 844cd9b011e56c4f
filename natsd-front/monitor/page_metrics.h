/*
 * page_metrics - parts of /metrics that are made of facts directly.
 */
#ifndef FRONT_PAGE_METRICS_H
#define FRONT_PAGE_METRICS_H

#include "natsd-front/monitor/metrics.h"
#include "natsd-front/monitor/page.h"

/* page_metrics_connz - of all open connections together and, when asked, of each.  0; -1: no memory. */
int page_metrics_connz(struct metrics *, const struct page_metrics *, const struct facts *);

/* page_metrics_natsd - what only natsd has. */
void page_metrics_natsd(struct metrics *, const struct facts *);

#endif
