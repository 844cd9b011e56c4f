#include "config.h"

#include "natsd-raft/echo.h"
#include "tests/attack/role_attacker.h"

int
main(void)
{
	struct echo echo = { 0 };

	return (role_attacker_main(&echo_role, &echo));
}
