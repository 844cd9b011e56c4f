#include "config.h"

#include "common/trie_cache.h"
