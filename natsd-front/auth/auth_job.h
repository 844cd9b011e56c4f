/*
 * auth_job - what a helper is asked about one connection: does the password fit the hash, is the
 * signature good, is it one of a trusted proxy.
 *
 * Holds the settings that the question comes from, so that what it borrows of them stays.
 */
#ifndef FRONT_AUTH_JOB_H
#define FRONT_AUTH_JOB_H

#include <stdbool.h>

#include "natsd-front/auth/auth_decide.h"
#include "natsd-front/helpers.h"

struct auth_job;
struct conn;
struct settings;

/* auth_job_start - on its way; done() is called on the worker when it comes back, before it is freed.
 * NULL: no memory, or too many wait. */
struct auth_job *auth_job_start(const struct conn *, const struct auth_decision *, struct str nonce,
    void (*done)(const struct auth_job *, struct worker *));

struct handle auth_job_conn(const struct auth_job *);
bool auth_job_fits(const struct auth_job *);
struct str auth_job_proof(const struct auth_job *); /* as decided; of a proxy: its key, when it fits */
bool auth_job_is_proxy(const struct auth_job *);
const struct settings *auth_job_settings(const struct auth_job *);

#endif
