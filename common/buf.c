#include "config.h"

#include "common/buf.h"
