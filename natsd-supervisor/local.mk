sbin_PROGRAMS += natsd-supervisor/natsd-supervisor
natsd_supervisor_natsd_supervisor_SOURCES = natsd-supervisor/main.c \
	natsd-supervisor/identity.h natsd-supervisor/identity.c \
	natsd-supervisor/child.h natsd-supervisor/child.c \
	natsd-supervisor/logserver.h natsd-supervisor/logserver.c \
	natsd-supervisor/supervise.h natsd-supervisor/supervise_priv.h natsd-supervisor/supervise.c \
	natsd-supervisor/supervise_reload.c natsd-supervisor/handover.c \
	natsd-supervisor/logfile.h natsd-supervisor/logfile.c \
	natsd-supervisor/notify.h natsd-supervisor/notify.c \
	natsd-supervisor/rings.h natsd-supervisor/rings.c \
	natsd-supervisor/usage.h natsd-supervisor/usage.c \
	natsd-supervisor/volatile.h natsd-supervisor/volatile.c
natsd_supervisor_natsd_supervisor_LDADD = $(COMMON_LIBS)
dist_man_MANS += natsd-supervisor/natsd-supervisor.8 natsd-supervisor/natsd.conf.5

# Tools, scripts and client test suites look for nats-server.
install-exec-hook:
	cd $(DESTDIR)$(sbindir) && rm -f nats-server && $(LN_S) natsd-supervisor nats-server
uninstall-hook:
	rm -f $(DESTDIR)$(sbindir)/nats-server
