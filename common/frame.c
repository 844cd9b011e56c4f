#include "config.h"

#include "common/frame.h"
