#include "config.h"

#include "common/ctl.h"
