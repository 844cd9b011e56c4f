#include "config.h"

#include "common/inbox.h"
