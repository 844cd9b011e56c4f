#include "config.h"

#include "natsd-supervisor/cli.h"

static const char usage[] =
    "\n"
    "Usage: nats-server [options]\n"
    "\n"
    "This is natsd " PACKAGE_VERSION ", a nats-server of several processes; see natsd-supervisor(8).\n"
    "\n"
    "Server Options:\n"
    "    -a, --addr, --net <host>         Address to listen on (default: 0.0.0.0)\n"
    "    -p, --port <port>                Port for clients, -1 for a free one (default: 4222)\n"
    "    -n, --name, --server_name <name> Name of this server (default: its id)\n"
    "    -P, --pid <file>                 Write the process id to this file\n"
    "    -m, --http_port <port>           Port for monitoring\n"
    "    -ms,--https_port <port>          Port for monitoring with TLS\n"
    "    -c, --config <file>              Configuration file\n"
    "    -t                               Check the configuration file and exit\n"
    "    -sl,--signal <signal>[=<pid>]    Send a signal to a running server: ldm, stop, quit, term,\n"
    "                                     reopen, reload; <pid> is a number or a pid file\n"
    "        --client_advertise <string>  Address told to clients\n"
    "        --ports_file_dir <dir>       Write <program>_<pid>.ports into this directory\n"
    "\n"
    "Logging Options:\n"
    "    -l, --log <file>                 Log to this file\n"
    "    -T, --logtime                    Time before each line (default: true)\n"
    "        --logtime_utc                That time in UTC (default: false)\n"
    "    -D, --debug                      Debugging lines\n"
    "    -V, --trace                      Trace the protocol\n"
    "    -VV                              Trace the system account too\n"
    "    -DV                              Debug and trace\n"
    "    -DVV                             Debug and trace, the system account too\n"
    "        --log_size_limit <bytes>     Rotate the log file at this size\n"
    "        --max_traced_msg_len <len>   Bytes of a payload in the trace (default: all)\n"
    "\n"
    "JetStream Options:\n"
    "    (not in this natsd yet: -js, -sd)\n"
    "\n"
    "Authorization Options:\n"
    "        --user <user>                User that clients must name\n"
    "        --pass <password>            Password of that user\n"
    "        --auth <token>               Token that clients must show\n"
    "\n"
    "TLS Options:\n"
    "        --tls                        TLS for clients; needs --tlscert and --tlskey\n"
    "        --tlscert <file>             Certificate of this server, in PEM\n"
    "        --tlskey <file>              Its private key\n"
    "        --tlsverify                  Clients must show a certificate\n"
    "        --tlscacert <file>           Authorities of the clients' certificates\n"
    "\n"
    "Cluster Options:\n"
    "    (not in this natsd yet: --cluster, --routes and the like)\n"
    "\n"
    "Profiling Options:\n"
    "    (not in this natsd yet: --profile)\n"
    "\n"
    "Common Options:\n"
    "    -h, --help                       Show this message\n"
    "    -v, --version                    Show the version\n"
    "        --help_tls                   About TLS\n"
    "\n";

const char *
cli_usage(void)
{
	return (usage);
}

static const char help_tls[] =
    "TLS is asked for by a block in the configuration file:\n"
    "\n"
    "    tls {\n"
    "        cert_file: \"server.pem\"\n"
    "        key_file: \"server-key.pem\"\n"
    "        ca_file: \"ca.pem\"      # of the clients' certificates, with verify\n"
    "        verify: true\n"
    "        timeout: 2\n"
    "    }\n"
    "\n"
    "or by the flags --tls, --tlscert, --tlskey, --tlsverify and --tlscacert.\n"
    "All keys stand in natsd.conf(5).\n"
    "\n";

const char *
cli_help_tls(void)
{
	return (help_tls);
}
