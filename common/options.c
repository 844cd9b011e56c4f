#include "config.h"

#include "common/options.h"
