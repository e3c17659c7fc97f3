/* The ways to prove who one is. Inside, a method is a fixed bit; in a token it is the bit of its place in [auth] methods, which every
 * node that reads the token must share; ways that are no [auth] method have a high bit of their own.
 */
#ifndef KEYSTONE_TOKEN_METHODS_H
#define KEYSTONE_TOKEN_METHODS_H

#include "oslo/record/out.h"

enum auth_method {
    METHOD_EXTERNAL = 1, METHOD_PASSWORD = 2, METHOD_TOKEN = 4, METHOD_OAUTH1 = 8, METHOD_MAPPED = 16,
    METHOD_APPLICATION_CREDENTIAL = 32, METHOD_TOTP = 64, METHOD_OPENID = 128, METHOD_SAML2 = 256, METHOD_X509 = 512, METHOD_KERBEROS = 1024,
    METHOD_EC2 = 2048, METHOD_OAUTH2 = 4096,
};
/* Those by which the user alone can prove to be the user; any other is on somebody's behalf. */
enum {
    METHODS_PRIMARY = METHOD_EXTERNAL | METHOD_PASSWORD | METHOD_TOKEN | METHOD_MAPPED | METHOD_TOTP | METHOD_SAML2 | METHOD_OPENID |
        METHOD_X509 | METHOD_KERBEROS,
};

#define AUTH_METHODS "external,password,token,oauth1,mapped,application_credential,totp,openid,saml2"    /* the first six: the original's default */

/* The methods that are on, in the order of their bits in tokens. False with a fault at a name that is no method. At the start. */
bool auth_methods_set(struct ctx *, const char *list);
bool auth_method_on(const char *name);
unsigned auth_method_of(const char *name);           /* 0: there is none of that name */
uint64_t auth_methods_pack(unsigned methods);
unsigned auth_methods_unpack(uint64_t packed);       /* bits nothing stands for are left out */
/* Their names, the highest place first. */
void auth_methods_write(struct out *, unsigned methods);
/* {"methods": [...]}: those that are on, as the answer to one that is not. */
char *auth_methods_offered(struct ctx *);

#endif
