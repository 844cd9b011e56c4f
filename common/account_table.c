#include "config.h"

#include "common/account_table.h"
