natsdexec_PROGRAMS += natsd-raft/natsd-raft
natsd_raft_natsd_raft_SOURCES = natsd-raft/main.c natsd-raft/echo.h natsd-raft/echo.c
natsd_raft_natsd_raft_LDADD = $(COMMON_LIBS)
dist_man_MANS += natsd-raft/natsd-raft.8
