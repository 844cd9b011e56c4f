#include "config.h"

#include "common/pool.h"
