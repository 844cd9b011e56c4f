#include "config.h"

#include "natsd-js/echo.h"
#include "tests/attack/role_attacker.h"

int
main(void)
{
	return (role_attacker_main(&echo_role, echo_new()));
}
