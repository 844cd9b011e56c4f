#include "config.h"

#include "common/qsbr.h"
