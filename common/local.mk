noinst_LIBRARIES += common/libcommon.a
common_libcommon_a_SOURCES = \
	common/role.h common/role.c \
	common/err.h common/err.c \
	common/str.h \
	common/num.h common/num.c \
	common/mono.h common/mono.c \
	common/cursor.h \
	common/buf.h common/buf.c \
	common/disk.h common/disk.c common/disk_posix.c \
	common/journal.h common/journal_priv.h common/journal.c common/journal_format.c \
	common/journal_scan.c common/journal_segment.c common/journal_thread.c \
	common/pool.h common/pool.c \
	common/log.h common/log.c \
	common/killpoint.h common/killpoint.c \
	common/shm.h common/shm.c \
	common/doorbell.h common/doorbell.c \
	common/ring.h common/ring_shared.h common/ring.c common/ring_death.c \
	common/ring_out.h common/ring_out.c \
	common/inbox.h common/inbox.c \
	common/frame_list.h common/frame.h common/frame.c \
	common/frame_io.h common/frame_io.c \
	common/ctl_list.h common/ctl.h common/ctl.c common/ctl_codec.c \
	common/path.h common/path.c common/conf_char.h common/conf_char.c common/conf_scalar.h common/conf_scalar.c \
	common/conf.h common/lex.h common/lex.c common/conf_lex.h common/conf_lex.c common/conf_lex_value.c \
	common/conf.c common/conf_file.c common/conf_print.c \
	common/duration.h common/duration.c common/quote.h common/quote.c \
	common/access.h common/access.c common/access_codec.c \
	common/tls_options.h common/tls_options.c \
	common/option_list.h common/options.h common/options.c \
	common/utf8.h common/utf8.c \
	common/subject.h common/subject.c common/subject_set.h common/subject_set.c \
	common/transform.h common/transform_priv.h common/transform.c common/transform_read.c common/mapping.h common/mapping.c \
	common/base64.h common/base64.c common/nkey.h common/nkey.c \
	common/qsbr.h common/qsbr.c \
	common/trie_table.h common/trie_table.c \
	common/trie.h common/trie.c \
	common/trie_cache.h common/trie_cache.c \
	common/header.h common/header.c \
	common/snappy.h common/snappy.c common/encoding.h common/encoding.c \
	common/json_out.h common/json_out.c \
	common/account_table.h common/account_table.c \
	common/wheel.h common/wheel.c \
	common/echo_answer.h common/echo_answer.c \
	common/hub.h common/hub_priv.h common/hub.c common/hub_link.c common/hub_ctl.c \
	common/sandbox.h common/sandbox_table.h common/sandbox.c common/sandbox_probe.c
if LINUX
common_libcommon_a_SOURCES += common/sandbox_linux.c common/sandbox_calls.h common/sandbox_calls.c
if SANITIZED
common_libcommon_a_SOURCES += common/sandbox_build_sanitized.c
else
common_libcommon_a_SOURCES += common/sandbox_build_plain.c
endif
else
if OPENBSD
common_libcommon_a_SOURCES += common/sandbox_openbsd.c
else
common_libcommon_a_SOURCES += common/sandbox_none.c
endif
endif
common_libcommon_a_SOURCES += common/leaks.h
if SANITIZED
common_libcommon_a_SOURCES += common/leaks_sanitized.c
else
common_libcommon_a_SOURCES += common/leaks_none.c
endif
EXTRA_DIST += common/leaks_sanitized.c common/leaks_none.c
EXTRA_DIST += common/sandbox_linux.c common/sandbox_build_sanitized.c common/sandbox_build_plain.c common/sandbox_openbsd.c common/sandbox_none.c
