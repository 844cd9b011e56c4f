#include "config.h"

#include "natsd-front/reasons.h"

const char *
reason_text(enum reason r)
{
#define REASON_TEXT(NAME, text, flushes) [REASON_##NAME] = text,
	static const char *const texts[REASON_COUNT] = { REASON_LIST(REASON_TEXT) };
#undef REASON_TEXT

	return (texts[r]);
}

int
reason_flushes(enum reason r)
{
#define REASON_FLUSH(NAME, text, flushes) [REASON_##NAME] = flushes,
	static const char table[REASON_COUNT] = { REASON_LIST(REASON_FLUSH) };
#undef REASON_FLUSH

	return (table[r]);
}
