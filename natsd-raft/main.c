/*
 * natsd-raft - replicated logs.  Until they are there, its rings and its sandbox serve the
 * development echo (natsd-supervisor --dev-roles), which keeps nothing.
 */
#include "config.h"

#include "common/hub.h"
#include "natsd-raft/echo.h"

int
main(void)
{
	struct echo echo = { 0 };
	struct hub *hub = hub_new(&echo_role, &echo);

	hub_confine(hub);
	return (hub_run(hub));
}
