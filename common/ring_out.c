#include "config.h"

#include "common/ring_out.h"
