#include "config.h"

#include "common/mono.h"
