/* OAuth 1.0 (RFC 5849): what the Authorization header of a request says, and whether it was signed with the right secrets. */
#ifndef KEYSTONE_AUTH_OAUTH1_SIGNATURE_H
#define KEYSTONE_AUTH_OAUTH1_SIGNATURE_H

#include "oslo/http/http.h"

struct oauth1 {
    struct pair *parameters;         /* of the header, decoded, without the realm; ends with {} */
    size_t n;
    const char *consumer_key, *token, *nonce, *timestamp, *method, *signature, *verifier, *callback, *version;
};
/* False, without a fault, if the text is no header of that scheme. */
bool oauth1_read(struct ctx *, const char *header, struct oauth1 *ret_oauth);

/* Members that a request needs beyond those that all do. */
enum oauth1_needs { OAUTH1_CALLBACK = 1, OAUTH1_VERIFIER = 2 };
/* What is wrong with it, in the words of oauthlib, and the error's name; NULL: nothing. Secrets are not looked at. */
const char *oauth1_wrong(struct ctx *, const struct oauth1 *, unsigned needs, int64_t now_s, const char **ret_error);

/* Was "POST url" with these query parameters signed with these secrets? url without query. */
bool oauth1_signed(struct ctx *, const struct oauth1 *, const char *url, const struct pair *query, const char *consumer_secret,
                   const char *token_secret);
/* An id as this service makes them: 32 hex digits. */
bool oauth1_id_is(const char *text);

#endif
