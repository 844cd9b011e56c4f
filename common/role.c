#include "config.h"

#include "common/role.h"

const char *
role_name(enum role role)
{
	switch (role) {
	case ROLE_SUPERVISOR:
		return ("supervisor");
	case ROLE_FRONT:
		return ("front");
	case ROLE_JS:
		return ("js");
	case ROLE_RAFT:
		return ("raft");
	}
	return ("?");
}

const char *
role_program(enum role role)
{
	switch (role) {
	case ROLE_SUPERVISOR:
		return ("natsd-supervisor");
	case ROLE_FRONT:
		return ("natsd-front");
	case ROLE_JS:
		return ("natsd-js");
	case ROLE_RAFT:
		return ("natsd-raft");
	}
	return ("?");
}
