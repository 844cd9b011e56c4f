/*
 * start - the phases of main(), in their order.  Each either succeeds or ends the process with
 * nats-server's words and exit code (client.md 18.2).
 */
#ifndef SUPERVISOR_START_H
#define SUPERVISOR_START_H

struct server;

void start_command_line(struct server *, int argc, char *argv[]);
void start_configuration(struct server *);
void start_process(struct server *);
void start_log(struct server *);
void start_identity(struct server *);
void start_listeners(struct server *);
void start_children(struct server *);
void start_signals(struct server *);
int start_end(struct server *);

#endif
