#include "config.h"

#include "common/sandbox.h"
