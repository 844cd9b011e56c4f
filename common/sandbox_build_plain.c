#include "config.h"

#include "common/sandbox_calls.h"

const int sandbox_calls_build[] = { -1 };
