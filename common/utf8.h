/*
 * utf8 - where one rune ends and what is none.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* utf8_rune - bytes of the rune at p, of which `left` (at least 1) can be read; 0 when it is not
 * well-formed: overlong, a surrogate, beyond U+10FFFF, cut off. */
size_t utf8_rune(const uint8_t *p, size_t left);

#endif
