#include "config.h"

#include "common/num.h"
