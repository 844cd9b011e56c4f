natsdexec_PROGRAMS += natsd-front/natsd-front
noinst_LIBRARIES += natsd-front/libfront.a
# All of the front but its main(), so that tests can link its parts.
natsd_front_libfront_a_SOURCES = \
	natsd-front/accept.c \
	natsd-front/answered.c natsd-front/answered.h \
	natsd-front/turns.c natsd-front/turns.h \
	natsd-front/attach.c \
	natsd-front/auth/auth.c natsd-front/auth/auth.h \
	natsd-front/auth/auth_bind.c natsd-front/auth/auth_bind.h \
	natsd-front/auth/auth_decide.c natsd-front/auth/auth_decide.h \
	natsd-front/auth/auth_job.c natsd-front/auth/auth_job.h \
	natsd-front/auth/auth_table.c natsd-front/auth/auth_table.h \
	natsd-front/auth/bcrypt.c natsd-front/auth/bcrypt.h natsd-front/auth/bcrypt_fits.h \
	natsd-front/auth/cert.c natsd-front/auth/cert.h \
	natsd-front/auth/dn.c natsd-front/auth/dn.h \
	natsd-front/auth/secret.c natsd-front/auth/secret.h \
	natsd-front/blob.c natsd-front/blob.h \
	natsd-front/client/client.c natsd-front/client/client.h natsd-front/client/client_permit.c \
	natsd-front/client/connect.c natsd-front/client/connect.h \
	natsd-front/client/connect_json.c natsd-front/client/connect_json.h \
	natsd-front/client/info.c natsd-front/client/info.h \
	natsd-front/client/json_in.c natsd-front/client/json_in.h \
	natsd-front/client/label.c natsd-front/client/label.h \
	natsd-front/client/client_priv.h natsd-front/client/publish.c \
	natsd-front/client/parser.c natsd-front/client/parser.h \
	natsd-front/client/ping.c \
	natsd-front/client/redact.c natsd-front/client/redact.h \
	natsd-front/client/trace.c natsd-front/client/trace.h \
	natsd-front/closed.c natsd-front/closed.h \
	natsd-front/confirm.c natsd-front/confirm.h \
	natsd-front/conn.c natsd-front/conn.h \
	natsd-front/conn_input.c natsd-front/conn_input.h \
	natsd-front/conn_out.c natsd-front/conn_wait.c \
	natsd-front/conn_tls.c natsd-front/conn_tls.h \
	natsd-front/control.c \
	natsd-front/deliver.c natsd-front/deliver.h natsd-front/deliver_here.c \
	natsd-front/deliver_ring.c natsd-front/fan.h \
	natsd-front/front.c natsd-front/front.h \
	natsd-front/base_fd.h natsd-front/heap.h \
	natsd-front/gather.c natsd-front/gather.h natsd-front/seating.c natsd-front/seating.h \
	natsd-front/helpers.c natsd-front/helpers.h \
	natsd-front/grants.c natsd-front/grants.h \
	natsd-front/interest.c natsd-front/interest.h \
	natsd-front/lame.c \
	natsd-front/lend.c natsd-front/lend.h \
	natsd-front/local.c natsd-front/local.h \
	natsd-front/monitor/facts.h natsd-front/monitor/facts.c natsd-front/monitor/facts_gather.c \
	natsd-front/monitor/http_chunks.h natsd-front/monitor/http_chunks.c \
	natsd-front/monitor/http_conn.h natsd-front/monitor/http_conn.c \
	natsd-front/monitor/http_request.h natsd-front/monitor/http_request.c \
	natsd-front/monitor/http_tls.h natsd-front/monitor/http_tls.c \
	natsd-front/monitor/http_url.h natsd-front/monitor/http_url.c \
	natsd-front/monitor/monitor.h natsd-front/monitor/monitor.c \
	natsd-front/monitor/page.h natsd-front/monitor/page.c \
	natsd-front/monitor/metrics.h natsd-front/monitor/metrics.c \
	natsd-front/monitor/page_accountz.c \
	natsd-front/monitor/page_accstatz.c \
	natsd-front/monitor/page_connz.c \
	natsd-front/monitor/page_debug_vars.c \
	natsd-front/monitor/page_gatewayz.c \
	natsd-front/monitor/page_healthz.c \
	natsd-front/monitor/page_ipqueuesz.c \
	natsd-front/monitor/page_jsz.c \
	natsd-front/monitor/page_leafz.c \
	natsd-front/monitor/page_metrics.h natsd-front/monitor/page_metrics.c \
	natsd-front/monitor/page_metrics_connz.c \
	natsd-front/monitor/page_metrics_natsd.c \
	natsd-front/monitor/page_raftz.c \
	natsd-front/monitor/page_root.c \
	natsd-front/monitor/page_routez.c \
	natsd-front/monitor/page_subsz.c \
	natsd-front/monitor/page_varz.c \
	natsd-front/monitor/params.h natsd-front/monitor/params.c \
	natsd-front/msg.c natsd-front/msg.h natsd-front/msg_trace.c natsd-front/msg_trace.h \
	natsd-front/trace_request.c natsd-front/trace_request.h \
	natsd-front/opening.c natsd-front/opening.h \
	natsd-front/out.c natsd-front/out.h \
	natsd-front/own_msg.c natsd-front/own_msg.h \
	natsd-front/peer.c natsd-front/peer.h \
	natsd-front/peer_rules.c natsd-front/peer_rules.h \
	natsd-front/permit.c natsd-front/permit.h natsd-front/permit_cache.c natsd-front/permit_cache.h \
	natsd-front/probe.c natsd-front/probe.h \
	natsd-front/proxy_header.c natsd-front/proxy_header.h \
	natsd-front/reasons.c natsd-front/reasons.h \
	natsd-front/reload.c \
	natsd-front/server_info.c natsd-front/server_info.h \
	natsd-front/settings.c natsd-front/settings.h \
	natsd-front/shared.c natsd-front/shared.h \
	natsd-front/slots.c natsd-front/slots.h \
	natsd-front/slow_event.c natsd-front/slow_event.h \
	natsd-front/snapshot.c natsd-front/snapshot.h \
	natsd-front/status.c natsd-front/status.h \
	natsd-front/sub.c natsd-front/sub.h \
	natsd-front/tally.c natsd-front/tally.h \
	natsd-front/text.c natsd-front/text.h \
	natsd-front/tls/bio.c natsd-front/tls/bio.h \
	natsd-front/tls/context.c natsd-front/tls/context.h \
	natsd-front/tls/handshake.c natsd-front/tls/handshake.h \
	natsd-front/tls/key.c natsd-front/tls/key.h \
	natsd-front/tls/library.c natsd-front/tls/library.h \
	natsd-front/tls/peer.c natsd-front/tls/peer.h \
	natsd-front/tls/rate.c natsd-front/tls/rate.h \
	natsd-front/tls/tls.c natsd-front/tls/tls.h \
	natsd-front/tls/why.c natsd-front/tls/why.h \
	natsd-front/worker.c natsd-front/worker.h natsd-front/worker_main.c
if OPENBSD
natsd_front_libfront_a_SOURCES += natsd-front/auth/bcrypt_openbsd.c
else
natsd_front_libfront_a_SOURCES += natsd-front/auth/bcrypt_crypt.c
endif
if GLIBC_HEAP
natsd_front_libfront_a_SOURCES += natsd-front/heap_glibc.c
else
natsd_front_libfront_a_SOURCES += natsd-front/heap_none.c
endif
if LINUX
natsd_front_libfront_a_SOURCES += natsd-front/base_fd_epoll.c
else
natsd_front_libfront_a_SOURCES += natsd-front/base_fd_kqueue.c
endif
EXTRA_DIST += natsd-front/auth/bcrypt_openbsd.c natsd-front/auth/bcrypt_crypt.c \
	natsd-front/base_fd_epoll.c natsd-front/base_fd_kqueue.c natsd-front/heap_glibc.c natsd-front/heap_none.c
natsd_front_natsd_front_SOURCES = natsd-front/main.c natsd-front/tsan.c
natsd_front_natsd_front_LDADD = natsd-front/libfront.a $(COMMON_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS) \
	$(LIBSSL_LIBS)
EXTRA_DIST += natsd-front/alloc_plan.c
if KILLPOINTS
natsd_front_natsd_front_SOURCES += natsd-front/alloc_plan.c
natsd_front_natsd_front_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=reallocarray,--wrap=aligned_alloc,--wrap=strdup,--wrap=strndup,--wrap=front_attach
else
natsd_front_natsd_front_LDFLAGS = $(AM_LDFLAGS)
endif
dist_man_MANS += natsd-front/natsd-front.8
