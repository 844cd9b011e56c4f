TEST_LIBS = $(CHECK_LIBS) $(COMMON_LIBS)
include tests/unit/ring.mk
include tests/unit/conf.mk
include tests/unit/routing.mk
include tests/unit/roles.mk
include tests/unit/front.mk
include tests/fuzz/local.mk
include tests/system/local.mk
include tests/bench/local.mk
