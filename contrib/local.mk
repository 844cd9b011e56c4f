EXTRA_DIST += contrib/debian contrib/natsd.service contrib/natsd.sysusers contrib/natsd.tmpfiles \
	contrib/natsd.rc contrib/container.md .ci/run .clang-format

# What an init system and its helpers read, to be put in place by the packager.
contribdir = $(datadir)/natsd
dist_contrib_DATA = contrib/natsd.service contrib/natsd.sysusers contrib/natsd.tmpfiles
