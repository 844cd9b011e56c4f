EXTRA_DIST += etc/natsd.conf

# An example that explains itself; an existing configuration is never replaced.
install-data-hook:
	$(MKDIR_P) $(DESTDIR)$(sysconfdir)
	test -f $(DESTDIR)$(sysconfdir)/natsd.conf || \
	    $(INSTALL_DATA) $(srcdir)/etc/natsd.conf $(DESTDIR)$(sysconfdir)/natsd.conf

# A configuration that somebody has changed is theirs.
uninstall-local:
	! cmp -s $(srcdir)/etc/natsd.conf $(DESTDIR)$(sysconfdir)/natsd.conf || \
	    rm -f $(DESTDIR)$(sysconfdir)/natsd.conf
