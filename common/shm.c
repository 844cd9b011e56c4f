#include "config.h"

#include "common/shm.h"
