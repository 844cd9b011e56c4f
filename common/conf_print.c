#include "config.h"

#include "common/conf.h"
