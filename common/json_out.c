#include "config.h"

#include "common/json_out.h"
