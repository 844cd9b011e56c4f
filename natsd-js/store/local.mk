STORE_LIBS = $(LMDB_LIBS)
# the storage engine: a library of natsd-js, of its tests and of natsd-store
noinst_LIBRARIES += natsd-js/store/libstore.a
natsd_js_store_libstore_a_SOURCES = \
	natsd-js/store/store.h natsd-js/store/store_priv.h natsd-js/store/store.c \
	natsd-js/store/append.c natsd-js/store/block.c natsd-js/store/care.c natsd-js/store/catalogue.c \
	natsd-js/store/checkpoint.c natsd-js/store/expire.c natsd-js/store/find_priv.h natsd-js/store/find.c natsd-js/store/find_list.c natsd-js/store/limits.c \
	natsd-js/store/contents.h natsd-js/store/contents.c \
	natsd-js/store/ids.h natsd-js/store/ids.c natsd-js/store/ids_file.c natsd-js/store/stream_ids.c \
	natsd-js/store/index.h natsd-js/store/index.c natsd-js/store/job.h natsd-js/store/job.c \
	natsd-js/store/large.h natsd-js/store/large.c natsd-js/store/large_write.c \
	natsd-js/store/read.c natsd-js/store/restore.h natsd-js/store/restore.c \
	natsd-js/store/rewrite.c natsd-js/store/snapshot.h natsd-js/store/snapshot_priv.h \
	natsd-js/store/snapshot.c \
	natsd-js/store/record.h natsd-js/store/record.c natsd-js/store/recover.c \
	natsd-js/store/remove.c natsd-js/store/seqset.h natsd-js/store/seqset.c \
	natsd-js/store/small.c natsd-js/store/state_file.c \
	natsd-js/store/stream_sums.c natsd-js/store/sums.h natsd-js/store/sums.c \
	natsd-js/store/subjects.h natsd-js/store/subjects.c
EXTRA_DIST += natsd-js/store/FORMAT

dist_man_MANS += natsd-js/store/natsd-store.8
sbin_PROGRAMS += natsd-js/store/natsd-store
natsd_js_store_natsd_store_SOURCES = natsd-js/store/natsd-store.c
natsd_js_store_natsd_store_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) $(COMMON_LIBS)
