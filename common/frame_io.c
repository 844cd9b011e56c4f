#include "config.h"

#include "common/frame_io.h"
