/* See oauth1_signature.h. HMACs and plain text; keys of RSA are registered nowhere. */
#include "keystone/auth/oauth1_signature.h"

#include <string.h>

#include "keystone/auth/signature.h"
#include "oslo/base/text.h"
#include "oslo/http/request.h"

enum { PARAMETERS_MOST = 64, TIMESTAMP_LIFETIME_S = 600, TIMESTAMP_DIGITS = 10, VERIFIER_LENGTH = 8 };

/* -- the header ---------------------------------------------------------------------------------------------------- */

/* The end of the piece that begins here: a comma that is not inside quotes, or the end. */
static const char *piece_end(const char *at)
{
    bool quoted = false;

    for (; *at && (quoted || *at != ','); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (*at == '\\' && quoted && at[1])
            at++;
    }
    return at;
}

static bool piece_read(struct ctx *c, char *piece, struct pair *ret_pair)
{
    char *equals = strchr(piece, '=');

    if (!equals)
        return false;
    char *value = equals + 1;
    size_t n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
        value++;
        n -= 2;
    }
    *ret_pair = (struct pair){ ctx_strndup(c, piece, (size_t)(equals - piece)), percent_decode(c, value, n, false) };
    return ret_pair->value && text_is_utf8(ret_pair->value, strlen(ret_pair->value));
}

static void known_set(struct oauth1 *o, const struct pair *p)
{
    const struct { const char *name, **to; } known[] = {
        { "oauth_consumer_key", &o->consumer_key }, { "oauth_token", &o->token }, { "oauth_nonce", &o->nonce },
        { "oauth_timestamp", &o->timestamp }, { "oauth_signature_method", &o->method }, { "oauth_signature", &o->signature },
        { "oauth_verifier", &o->verifier }, { "oauth_callback", &o->callback }, { "oauth_version", &o->version },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (!strcmp(known[i].name, p->name))
            *known[i].to = p->value;
}

bool oauth1_read(struct ctx *c, const char *header, struct oauth1 *ret_oauth)
{
    struct oauth1 o = { .parameters = ctx_new_n(c, struct pair, PARAMETERS_MOST + 1) };
    struct pair p;

    if (g_ascii_strncasecmp(header, "OAuth ", 6))
        return false;
    for (const char *at = header + 6; *at;) {
        const char *end = piece_end(at);
        char *piece = g_strstrip(ctx_strndup(c, at, (size_t)(end - at)));

        at = *end ? end + 1 : end;
        if (!*piece)
            continue;
        if (o.n == PARAMETERS_MOST || !piece_read(c, piece, &p))
            return false;
        if (strcmp(p.name, "realm"))
            o.parameters[o.n++] = p;
        known_set(&o, &p);
    }
    *ret_oauth = o;
    return true;
}

/* -- judging ------------------------------------------------------------------------------------------------------- */

static bool all_of(const char *text, const char *set)
{
    return text[strspn(text, set)] == '\0';
}

bool oauth1_id_is(const char *text)
{
    return text && strlen(text) == 32 && all_of(text, "0123456789abcdef");
}

static bool given(const char *text)
{
    return text && *text;
}

const char *oauth1_wrong(struct ctx *c, const struct oauth1 *o, unsigned needs, int64_t now_s, const char **ret_error)
{
    static const char *const methods[] = { "HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT", NULL };
    int64_t timestamp;

    *ret_error = "invalid_request";
    if (!given(o->signature) || !given(o->consumer_key) || !given(o->nonce) || !given(o->timestamp) || !given(o->method))
        return "Missing mandatory OAuth parameters.";
    if (!text_in(o->method, methods)) {
        *ret_error = "invalid_signature_method";
        return ctx_printf(c, "Invalid signature, %s not in ('HMAC-SHA1', 'HMAC-SHA256', 'HMAC-SHA512', 'PLAINTEXT').", o->method);
    }
    if (o->version && strcmp(o->version, "1.0"))
        return "Invalid OAuth version.";
    if (strlen(o->timestamp) != TIMESTAMP_DIGITS)
        return "Invalid timestamp size";
    if (!text_to_int(o->timestamp, &timestamp))
        return "Timestamp must be an integer.";
    if (ABS(now_s - timestamp) > TIMESTAMP_LIFETIME_S)
        return "Timestamp given is invalid, differ from allowed by over 600 seconds.";
    if (!oauth1_id_is(o->consumer_key))
        return "Invalid client key format.";
    if (!all_of(o->nonce, "0123456789abcdef"))
        return "Invalid nonce format.";
    if ((needs & OAUTH1_CALLBACK) && !given(o->callback))
        return "Missing callback URI.";
    if ((needs & OAUTH1_VERIFIER) && !given(o->token))
        return "Missing resource owner.";
    if ((needs & OAUTH1_VERIFIER) && !oauth1_id_is(o->token))
        return "Invalid resource owner key format.";
    if ((needs & OAUTH1_VERIFIER) && !given(o->verifier))
        return "Missing verifier.";
    if ((needs & OAUTH1_VERIFIER) && strlen(o->verifier) != VERIFIER_LENGTH)
        return "Invalid verifier format.";
    return NULL;
}

/* -- the signature ------------------------------------------------------------------------------------------------- */

/* Scheme and host in lower case, without the port that is the scheme's own. */
static char *url_normal(struct ctx *c, const char *url)
{
    static const struct { const char *scheme, *port; } usual[] = { { "http://", ":80" }, { "https://", ":443" } };
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    size_t n = path ? (size_t)(path - url) : strlen(url);
    char *front = ctx_strndup(c, url, n);

    for (char *p = front; *p; p++)
        *p = g_ascii_tolower(*p);
    for (size_t i = 0; i < G_N_ELEMENTS(usual); i++)
        if (g_str_has_prefix(front, usual[i].scheme) && g_str_has_suffix(front, usual[i].port))
            front[strlen(front) - strlen(usual[i].port)] = '\0';
    return ctx_printf(c, "%s%s", front, path ? path : "/");
}

static char *base_string(struct ctx *c, const struct oauth1 *o, const char *url, const struct pair *query)
{
    size_t n = 0, have = 0;

    while (query && query[n].name)
        n++;
    struct pair *all = ctx_new_n(c, struct pair, o->n + n + 1);
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->parameters[i].name, "oauth_signature"))
            all[have++] = o->parameters[i];
    for (size_t i = 0; i < n; i++)
        all[have++] = query[i];
    return ctx_printf(c, "POST&%s&%s", percent_encode(c, url_normal(c, url), ""), percent_encode(c, parameters_normal(c, all, have), ""));
}

bool oauth1_signed(struct ctx *c, const struct oauth1 *o, const char *url, const struct pair *query, const char *consumer_secret,
                   const char *token_secret)
{
    char *key = ctx_printf(c, "%s&%s", percent_encode(c, consumer_secret, ""), percent_encode(c, token_secret ? token_secret : "", ""));
    const char *digest = !strcmp(o->method, "HMAC-SHA256") ? "SHA256" : !strcmp(o->method, "HMAC-SHA512") ? "SHA512" : "SHA1";
    char *text = base_string(c, o, url, query);

    if (!strcmp(o->method, "PLAINTEXT"))
        return signature_equal(key, o->signature);
    struct mac mac = mac_of(digest, key, strlen(key), text, strlen(text));
    return signature_equal(mac_base64(c, &mac), o->signature);
}
