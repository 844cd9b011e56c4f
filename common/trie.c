#include "config.h"

#include "common/trie.h"
