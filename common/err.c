#include "config.h"

#include "common/err.h"
