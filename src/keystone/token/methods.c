/* See methods.h. The order is set once, before threads start. */
#include "keystone/token/methods.h"

#include <string.h>

#include "oslo/base/text.h"

enum { PLACES = 32, EC2_PLACE = 32, OAUTH2_PLACE = 33 };

static const struct { const char *name; unsigned method; int place; } known[] = {
    { "external", METHOD_EXTERNAL, 0 }, { "password", METHOD_PASSWORD, 0 }, { "token", METHOD_TOKEN, 0 }, { "oauth1", METHOD_OAUTH1, 0 },
    { "mapped", METHOD_MAPPED, 0 }, { "application_credential", METHOD_APPLICATION_CREDENTIAL, 0 }, { "totp", METHOD_TOTP, 0 },
    { "saml2", METHOD_SAML2, 0 }, { "openid", METHOD_OPENID, 0 }, { "x509", METHOD_X509, 0 }, { "kerberos", METHOD_KERBEROS, 0 },
    { "ec2credential", METHOD_EC2, EC2_PLACE }, { "oauth2_credential", METHOD_OAUTH2, OAUTH2_PLACE },
};

static unsigned order[OAUTH2_PLACE + 1] = {
    METHOD_EXTERNAL, METHOD_PASSWORD, METHOD_TOKEN, METHOD_OAUTH1, METHOD_MAPPED, METHOD_APPLICATION_CREDENTIAL,
    METHOD_TOTP, METHOD_OPENID, METHOD_SAML2, [EC2_PLACE] = METHOD_EC2, [OAUTH2_PLACE] = METHOD_OAUTH2,
};

unsigned auth_method_of(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (!strcmp(known[i].name, name))
            return known[i].method;
    return 0;
}

static const char *name_of(unsigned method)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].method == method)
            return known[i].name;
    return NULL;
}

bool auth_methods_set(struct ctx *c, const char *list)
{
    char **names = text_split(c, list, ',');
    unsigned fresh[PLACES] = {};
    int n = 0;

    for (; *names && n < PLACES; names++) {
        if (!**names)
            continue;
        if (!(fresh[n++] = auth_method_of(*names)))
            return fail(c, BAD_REQUEST, ctx_printf(c, "auth_methods: there is no method \"%s\"", *names));
    }
    memcpy(order, fresh, sizeof fresh);
    return true;
}

bool auth_method_on(const char *name)
{
    unsigned method = auth_method_of(name);

    for (int i = 0; i < PLACES && order[i]; i++)
        if (order[i] == method)
            return true;
    return false;
}

uint64_t auth_methods_pack(unsigned methods)
{
    uint64_t packed = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        if (order[i] & methods)
            packed |= UINT64_C(1) << i;
    return packed;
}

unsigned auth_methods_unpack(uint64_t packed)
{
    unsigned methods = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        if (packed & UINT64_C(1) << i)
            methods |= order[i];
    return methods;
}

void auth_methods_write(struct out *o, unsigned methods)
{
    for (int i = G_N_ELEMENTS(order) - 1; i >= 0; i--)
        if (order[i] & methods)
            out_string(o, NULL, name_of(order[i]));
}

char *auth_methods_offered(struct ctx *c)
{
    char *text = ctx_strdup(c, "{\"methods\": [");

    for (int i = 0; i < PLACES && order[i]; i++)
        text = ctx_printf(c, "%s%s\"%s\"", text, i ? ", " : "", name_of(order[i]));
    return ctx_printf(c, "%s]}", text);
}
