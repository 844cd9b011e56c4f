/*
 * natsd-js - JetStream.  Until streams are there, its rings, its sandbox and its recovery serve the
 * development echo (natsd-supervisor --dev-roles).
 */
#include "config.h"

#include "common/hub.h"
#include "natsd-js/echo.h"

int
main(void)
{
	struct echo *echo = echo_new();
	struct hub *hub = hub_new(&echo_role, echo); /* versions agreed, options, rings and store */

	hub_confine(hub);	 /* the last wide rights are used; then the store only, no sockets */
	return (hub_run(hub)); /* HELLO, interest, SYNCED; resume at `released`; until STOP */
}
