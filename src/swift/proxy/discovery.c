/* /info: what this cluster can do. Middlewares add themselves when they are opened. */
#include "swift/proxy/proxy.h"

#include "oslo/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static json_t *shown, *for_admins;           /* written while the process starts */

void info_register(const char *name, json_t *members, bool admin)
{
    json_t **to = admin ? &for_admins : &shown;
    json_t *have;

    if (!*to)
        *to = json_object();
    have = json_object_get(*to, name);
    if (have)
        json_object_update(have, members);
    else
        json_object_set(*to, name, members);
    json_decref(members);
}

bool info_has(const char *name)
{
    return json_object_get(shown, name) || json_object_get(for_admins, name);
}

void info_clear(void)
{
    json_decref(shown);
    json_decref(for_admins);
    shown = for_admins = NULL;
}

static bool signed_by(const char *method, const char *expires, const char *signature)
{
    g_autofree char *text = g_strdup_printf("%s\n%s\n/info", method, expires);
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0;

    HMAC(EVP_sha1(), proxy_options->admin_key, (int)strlen(proxy_options->admin_key), (const unsigned char *)text, strlen(text), digest, &n);
    for (unsigned i = 0; i < n; i++)
        g_snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return strlen(signature) == 2 * n && secret_equal(hex, signature, 2 * n);
}

/* True: may see what admins see. *ret_status: not 0 when it may see nothing. */
static bool is_admin(const struct swift_request *r, int *ret_status)
{
    const char *signature = request_param(r, "swiftinfo_sig"), *expires = request_param(r, "swiftinfo_expires");
    int64_t until;

    *ret_status = 0;
    if (!(signature && *signature) && !(expires && *expires))
        return false;
    if (!proxy_options->admin_key || !*proxy_options->admin_key)
        *ret_status = 403;
    else if (!expires || !text_to_int(expires, &until) || until < clock_us() / G_USEC_PER_SEC)
        *ret_status = 401;
    else if (!signature || !(signed_by(r->method, expires, signature) || (!strcmp(r->method, "HEAD") && signed_by("GET", expires, signature))))
        *ret_status = 401;
    return !*ret_status;
}

void info_serve(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *origin = request_get(r, "Origin");
    int status = proxy_options->expose_info ? 0 : 403;
    bool admin = !status && is_admin(r, &status);
    json_t *all;
    char *text;

    if (status) {
        response_error(c, response, status, NULL);
        return;
    }
    all = ctx_json(c, json_copy(shown));
    if (admin) {
        json_object_set_new(all, "admin", json_copy(for_admins ? for_admins : json_object()));
        json_object_set_new(json_object_get(all, "admin"), "disallowed_sections", json_pack("[s, s]", "swift.auto_create_account_prefix",
                                                                                              "swift.valid_api_versions"));
    }
    if (origin) {
        headers_set(c, &response->headers, "Access-Control-Allow-Origin", origin);
        headers_set(c, &response->headers, "Access-Control-Expose-Headers", "x-trans-id");
    }
    text = json_dumps(all, JSON_ENSURE_ASCII);
    response_text(c, response, 200, "application/json; charset=UTF-8", text);
    free(text);
}
