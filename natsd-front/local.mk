natsdexec_PROGRAMS += natsd-front/natsd-front
natsd_front_natsd_front_SOURCES = natsd-front/main.c
natsd_front_natsd_front_LDADD = $(COMMON_LIBS) $(JANSSON_LIBS)
dist_man_MANS += natsd-front/natsd-front.8
