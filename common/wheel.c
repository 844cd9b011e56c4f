#include "config.h"

#include "common/wheel.h"
