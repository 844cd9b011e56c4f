# Programs that stand in for a role and attack its peers; tests/system/attacks.py starts them.
ATTACKERS = tests/attack/js_attacker tests/attack/raft_attacker tests/attack/front_attacker
check_PROGRAMS += $(ATTACKERS)
ATTACK_SOURCES = tests/attack/attack.h tests/attack/attack.c
ROLE_ATTACK_SOURCES = $(ATTACK_SOURCES) tests/attack/role_attacker.h tests/attack/role_attacker.c
tests_attack_js_attacker_SOURCES = $(ROLE_ATTACK_SOURCES) tests/attack/js_attacker.c \
	natsd-js/echo.h natsd-js/echo.c natsd-js/echo_file.h natsd-js/echo_file.c
tests_attack_js_attacker_LDADD = $(COMMON_LIBS)
tests_attack_raft_attacker_SOURCES = $(ROLE_ATTACK_SOURCES) tests/attack/raft_attacker.c \
	natsd-raft/echo.h natsd-raft/echo.c
tests_attack_raft_attacker_LDADD = $(COMMON_LIBS)
tests_attack_front_attacker_SOURCES = $(ATTACK_SOURCES) tests/attack/front_attacker.c
tests_attack_front_attacker_LDADD = $(COMMON_LIBS)
