#include "config.h"

#include "common/role.h"
