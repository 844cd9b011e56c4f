#include "config.h"

#include "common/header.h"
