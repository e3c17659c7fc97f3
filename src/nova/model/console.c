/* Tokens of consoles. */
#include "nova/model/console.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

char *console_token_hash(struct ctx *c, const char *token)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    EVP_Digest(token, strlen(token), digest, &n, EVP_sha256(), NULL);
    return hex_write(c, digest, n);
}

char *console_token_target(struct ctx *c, const char *token, const char *type)
{
    struct rows *r = db_query(c, "SELECT t.host, t.port FROM console_tokens t JOIN instances i ON i.uuid = t.instance_uuid AND NOT i.deleted"
                              " WHERE t.token_hash = $1 AND t.console_type = $2 AND t.expires_at > $3",
                              T(console_token_hash(c, token)), T(type), I(clock_us()));
    char *target = db_next(r) ? ctx_printf(c, "%s:%" PRId64, db_text(r, 0), db_int(r, 1)) : NULL;

    db_rows_end(r);
    return target;
}
