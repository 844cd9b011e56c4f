#include "config.h"

#include "common/doorbell.h"
