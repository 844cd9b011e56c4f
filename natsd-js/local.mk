natsdexec_PROGRAMS += natsd-js/natsd-js
natsd_js_natsd_js_SOURCES = natsd-js/main.c
natsd_js_natsd_js_LDADD = $(COMMON_LIBS)
dist_man_MANS += natsd-js/natsd-js.8
