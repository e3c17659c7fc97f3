/* kms_keymaster: root secrets that Barbican keeps. The options name their ids there; who asks logs in at Keystone with a password. */
#include "swift/middleware/crypto/secrets.h"
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "oslo/http/fetch.h"
#include "swift/faults.h"
#include "swift/keystone.h"

#include <string.h>

#define TIMEOUT_US (60 * G_USEC_PER_SEC)
#define LEAST_BITS 256

/* --- Barbican ---------------------------------------------------------------------------------------------------------- */

struct barbican { const char *url, *token; };        /* url: with its version */

/* "Not Found: Not Found. Sorry but your secret is in another castle." */
static const char *reason_of(struct ctx *c, const struct fetch *f)
{
    json_t *said = ctx_json(c, json_loadb(f->reply ? f->reply : "", f->reply_size, 0, NULL));
    const char *title = json_string_value(json_object_get(said, "title")), *more = json_string_value(json_object_get(said, "description"));

    if (!title)
        return ctx_printf(c, "%s: %d", f->url, f->status);
    return more ? ctx_printf(c, "%s: %s", title, more) : title;
}

static bool get(struct ctx *c, const struct barbican *b, const char *id, const char *what, const char *type, struct fetch *ret)
{
    const struct pair headers[] = { { "X-Auth-Token", b->token }, { "Accept", type }, {} };

    *ret = (struct fetch){ .method = "GET", .url = ctx_printf(c, "%s/secrets/%s%s", b->url, id, what), .headers = headers, .timeout_us = TIMEOUT_US };
    if (!fetch(c, ret))
        return false;
    ret->headers = NULL;
    if (ret->status / 100 == 5)
        return fail(c, UNAVAILABLE, ctx_printf(c, "Key manager error: %s", reason_of(c, ret)));
    if (ret->status == 404)
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "Key not found, uuid: %s", id));
    return ret->status / 100 == 2 || fail(c, PIPELINE_INVALID, ctx_printf(c, "Key manager error: %s", reason_of(c, ret)));
}

/* As Python's uuid.UUID writes it; what stands before the last slash does not count. */
static const char *plain_id(struct ctx *c, const char *text)
{
    const char *slash = strrchr(text, '/');
    char *id = ctx_strdup(c, slash ? slash + 1 : text);

    if (!uuid_is(id))
        return fail_null(c, PIPELINE_INVALID, "Secret incorrectly specified.");
    for (char *at = id; *at; at++)
        *at = g_ascii_tolower(*at);
    return strlen(id) == 36 ? id : ctx_printf(c, "%.8s-%.4s-%.4s-%.4s-%s", id, id + 8, id + 12, id + 16, id + 20);
}

/* --- one secret -------------------------------------------------------------------------------------------------------- */

static bool not_a_key(struct ctx *c, const char *id, const char *type, const char *why)
{
    return fail(c, PIPELINE_INVALID, ctx_printf(c, "Secret with key_id '%s' is not a symmetric key (type: %s): %s", id, type ? type : "opaque", why));
}

static bool judge(struct ctx *c, const char *id, json_t *secret)
{
    const char *type = json_string_value(json_object_get(secret, "secret_type")), *algorithm = json_string_value(json_object_get(secret, "algorithm"));
    int64_t bits = json_integer_value(json_object_get(secret, "bit_length"));

    if (!text_equal(type, "symmetric"))
        return not_a_key(c, id, type, "encryption root secret stored in the external KMS must be in RAW format");
    if (bits < LEAST_BITS || !algorithm || g_ascii_strcasecmp(algorithm, "aes"))
        return not_a_key(c, id, type, ctx_printf(c, "encryption root secret stored in the external KMS must be an AES key of at least 256 bits (provided key "
                                                    "length: %" G_GINT64_FORMAT ", provided key algorithm: %s)", bits, algorithm ? algorithm : "None"));
    return true;
}

static bool find_secret(struct ctx *c, const struct barbican *b, struct named_secret *to)
{
    const char *id = plain_id(c, to->value), *type;
    json_t *secret;
    struct fetch f;

    if (!id || !get(c, b, id, "", "application/json", &f))
        return false;
    secret = ctx_json(c, json_loadb(f.reply ? f.reply : "", f.reply_size, 0, NULL));
    if (!judge(c, to->value, secret))
        return false;
    type = json_string_value(json_object_get(json_object_get(secret, "content_types"), "default"));
    if (!type)
        return not_a_key(c, to->value, "symmetric", "it has no payload");
    if (!get(c, b, id, "/payload", type, &f))
        return false;
    if (!f.reply_size || (!strcmp(type, "text/plain") && !text_is_utf8(f.reply, f.reply_size)))
        return not_a_key(c, to->value, "symmetric", "its payload cannot be read");
    to->bytes = f.reply;
    to->n = f.reply_size;
    return true;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */

static bool is_barbican(const char *class)
{
    return !class || text_in(class, (const char *const[]){ "barbican", "castellan.key_manager.barbican_key_manager.BarbicanKeyManager", NULL });
}

static bool log_in(struct ctx *c, const struct secret_place *place, struct barbican *b)
{
    const struct keystone_login login = {
        .url = secret_option(place, "auth_endpoint"), .user_name = secret_option(place, "username"), .user_id = secret_option(place, "user_id"),
        .user_domain_name = secret_option(place, "user_domain_name"), .user_domain_id = secret_option(place, "user_domain_id"),
        .password = secret_option(place, "password"), .project_name = secret_option(place, "project_name"), .project_id = secret_option(place, "project_id"),
        .project_domain_name = secret_option(place, "project_domain_name"), .project_domain_id = secret_option(place, "project_domain_id"),
        .domain_name = secret_option(place, "domain_name"), .domain_id = secret_option(place, "domain_id"), .trust_id = secret_option(place, "trust_id"),
        .service_type = "key-manager", .interface = "public",
    };
    const char *url, *given = secret_option(place, "barbican_endpoint");

    if (!login.url)
        return fail(c, PIPELINE_INVALID, "Key manager error: auth_endpoint is not set");
    if (!keystone_log_in(c, &login, &b->token, &url)) {
        const char *why = ctx_printf(c, "Key manager error: %s", c->fault.message);
        int status = c->fault.status;

        fault_clear(c);
        return status == 503 || status == 504 ? fail(c, UNAVAILABLE, why) : fail(c, PIPELINE_INVALID, why);
    }
    url = given ? given : url;
    if (!url)
        return fail(c, PIPELINE_INVALID, "Key manager error: the catalog has no public endpoint of key-manager");
    url = ctx_strndup(c, url, strlen(url) - g_str_has_suffix(url, "/"));
    b->url = !given && g_str_has_suffix(url, "/v1") ? url : ctx_printf(c, "%s/v1", url);
    return true;
}

static bool find_secrets(struct ctx *c, const struct secret_place *place, struct named_secret *secrets, size_t n)
{
    const char *class = secret_option(place, "api_class");
    struct barbican b;

    if (!is_barbican(class))
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "kms_keymaster: no key manager is known as %s", class));
    if (n && !log_in(c, place, &b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!find_secret(c, &b, &secrets[i]))
            return false;
    return true;
}

static const char *const names[] = {
    "username", "password", "project_name", "user_domain_name", "project_domain_name", "user_id", "user_domain_id", "trust_id", "domain_id", "domain_name",
    "project_id", "project_domain_id", "reauthenticate", "auth_endpoint", "api_class", "barbican_endpoint", "active_root_secret_id", NULL,
};
static const struct secret_source barbican = { .section = "kms_keymaster", .prefix = "key_id", .names = names, .find = find_secrets };

static bool open_kms(struct ctx *c, struct step *step)
{
    return keymaster_open(c, step, &barbican);
}

const struct middleware middleware_kms_keymaster = {
    .name = "kms_keymaster", .options = keymaster_option_rows, .options_size = sizeof(struct keymaster_options), .open = open_kms, .run = keymaster_run,
    .close = keymaster_close,
};
