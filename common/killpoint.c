#include "config.h"

#include "common/killpoint.h"
