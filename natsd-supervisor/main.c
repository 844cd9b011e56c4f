/*
 * natsd-supervisor - a NATS server: reads the configuration, binds the listening sockets, starts the
 * other programs and keeps them alive.  It never reads a byte that came from the network.
 */
#include "config.h"

#include <event2/event.h>

#include "natsd-supervisor/server.h"
#include "natsd-supervisor/start.h"

int
main(int argc, char *argv[])
{
	static struct server s; /* zeros; reached only through pointers */

	start_command_line(&s, argc, argv); /* -v, -h, --signal, a wrong flag: answered, and done */
	start_configuration(&s);	    /* the file below the flags; -t ends here */
	start_process(&s);		    /* descriptors, limits, the service manager's socket */
	start_log(&s);			    /* from here trouble is told in the log */
	start_identity(&s);		    /* keys and names, new at every start */
	start_listeners(&s);		    /* bound before anybody else exists */
	start_children(&s);		    /* rings, bells, memory; then natsd-front and the others */
	start_signals(&s);		    /* operators may speak to us */
	event_base_dispatch(s.base);	    /* until stopped, or the last client of a lame duck left */
	return (start_end(&s));
}
