natsdexec_PROGRAMS += natsd-js/natsd-js
natsd_js_natsd_js_SOURCES = natsd-js/main.c natsd-js/echo.h natsd-js/echo.c \
	natsd-js/echo_file.h natsd-js/echo_file.c
natsd_js_natsd_js_LDADD = $(COMMON_LIBS)
dist_man_MANS += natsd-js/natsd-js.8
include natsd-js/store/local.mk
