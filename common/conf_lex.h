#ifndef COMMON_CONF_LEX_H
#define COMMON_CONF_LEX_H

#include "common/conf.h"

#endif
