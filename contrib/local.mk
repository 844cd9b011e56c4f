EXTRA_DIST += contrib/debian contrib/natsd.service.in contrib/natsd.sysusers contrib/natsd.tmpfiles \
	contrib/natsd.rc contrib/container.md .ci/run .clang-format

# What an init system and its helpers read, to be put in place by the packager.
contribdir = $(datadir)/natsd
dist_contrib_DATA = contrib/natsd.sysusers contrib/natsd.tmpfiles
nodist_contrib_DATA = contrib/natsd.service
CLEANFILES += contrib/natsd.service
contrib/natsd.service: $(srcdir)/contrib/natsd.service.in
	$(MKDIR_P) contrib
	sed -e 's|[@]sbindir@|$(sbindir)|g' -e 's|[@]sysconfdir@|$(sysconfdir)|g' \
	    $(srcdir)/contrib/natsd.service.in > $@
