# From file and command line to options; unit tests link it too.
SUPERVISOR_OPTIONS = \
	natsd-supervisor/access_resolve.h natsd-supervisor/access_resolve.c \
	natsd-supervisor/access_tree.h natsd-supervisor/access_tree.c \
	natsd-supervisor/access_tree_users.c natsd-supervisor/access_tree_permissions.c \
	natsd-supervisor/access_tree_accounts.c natsd-supervisor/access_tree_mappings.c \
	natsd-supervisor/access_tree_proxies.c \
	natsd-supervisor/cli.h natsd-supervisor/cli.c natsd-supervisor/cli_usage.c \
	natsd-supervisor/loader.h natsd-supervisor/loader.c \
	natsd-supervisor/names.h natsd-supervisor/names.c \
	natsd-supervisor/options_load.h natsd-supervisor/options_load.c \
	natsd-supervisor/options_tree.h natsd-supervisor/options_tree.c \
	natsd-supervisor/tls_block.h natsd-supervisor/tls_block.c \
	natsd-supervisor/tls_files.h natsd-supervisor/tls_files.c \
	natsd-supervisor/tls_names.h natsd-supervisor/tls_names.c \
	natsd-supervisor/tls_tree.h natsd-supervisor/tls_tree.c

sbin_PROGRAMS += natsd-supervisor/natsd-supervisor
natsd_supervisor_natsd_supervisor_SOURCES = natsd-supervisor/main.c \
	$(SUPERVISOR_OPTIONS) \
	natsd-supervisor/advertise.h natsd-supervisor/advertise.c \
	natsd-supervisor/child.h natsd-supervisor/child.c \
	natsd-supervisor/identity.h natsd-supervisor/identity.c \
	natsd-supervisor/listen.h natsd-supervisor/listen.c \
	natsd-supervisor/logfile.h natsd-supervisor/logfile.c \
	natsd-supervisor/logserver.h natsd-supervisor/logserver.c \
	natsd-supervisor/notify.h natsd-supervisor/notify.c \
	natsd-supervisor/pidfile.h natsd-supervisor/pidfile.c \
	natsd-supervisor/portsfile.h natsd-supervisor/portsfile.c \
	natsd-supervisor/reload.h natsd-supervisor/reload.c \
	natsd-supervisor/reload_diff.h natsd-supervisor/reload_diff.c \
	natsd-supervisor/rings.h natsd-supervisor/rings.c \
	natsd-supervisor/server.h natsd-supervisor/server.c \
	natsd-supervisor/signal_command.h natsd-supervisor/signal_command.c \
	natsd-supervisor/signals.h natsd-supervisor/signals.c \
	natsd-supervisor/start.h natsd-supervisor/start_command.c natsd-supervisor/start_server.c \
	natsd-supervisor/supervise.h natsd-supervisor/supervise_priv.h natsd-supervisor/supervise.c \
	natsd-supervisor/supervise_reload.c natsd-supervisor/supervise_said.c natsd-supervisor/handover.c \
	natsd-supervisor/usage.h natsd-supervisor/usage.c \
	natsd-supervisor/volatile.h natsd-supervisor/volatile.c \
	natsd-supervisor/wrapper.h natsd-supervisor/wrapper.c
natsd_supervisor_natsd_supervisor_LDADD = $(COMMON_LIBS)
dist_man_MANS += natsd-supervisor/natsd-supervisor.8 natsd-supervisor/natsd.conf.5

# Tools, scripts and client test suites look for nats-server.
install-exec-hook:
	cd $(DESTDIR)$(sbindir) && rm -f nats-server && $(LN_S) natsd-supervisor nats-server
uninstall-hook:
	rm -f $(DESTDIR)$(sbindir)/nats-server
