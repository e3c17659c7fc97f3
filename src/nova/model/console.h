/* Tokens that open a console, kept by their hash alone. */
#ifndef NOVA_MODEL_CONSOLE_H
#define NOVA_MODEL_CONSOLE_H

#include "oslo/db/db.h"

char *console_token_hash(struct ctx *, const char *token);
/* "127.0.0.1:5900", where the token leads while it is valid; NULL without a fault where it leads nowhere. */
char *console_token_target(struct ctx *, const char *token, const char *type);

#endif
