#include "config.h"

#include "common/subject.h"
