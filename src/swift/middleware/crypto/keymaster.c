/* keymaster: keys out of root secrets that stand in its section, or in the file keymaster_config_path names. A key is the HMAC of a path;
 * none is stored. The keys of kms_keymaster and kmip_keymaster are made here as well.
 */
#include "swift/middleware/crypto/crypto.h"
#include "swift/middleware/crypto/secrets.h"
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/name.h"

#include <string.h>

/* --- its secrets ---------------------------------------------------------------------------------------------------- */

static bool read_secret(struct ctx *c, const struct secret_place *place, struct named_secret *secret)
{
    char **lines = g_strsplit_set(secret->value, " \r\n\t", -1);
    g_autofree char *text = g_strjoinv("", lines);

    g_strfreev(lines);
    return (base64_read(c, text, &secret->bytes, &secret->n) && secret->n >= CRYPTO_SECRET_LEAST) ||
           fail(c, PIPELINE_INVALID, ctx_printf(c, "%s option in %s must be a base64 encoding of at least 32 raw bytes", secret->option, place->file));
}

static bool find_secrets(struct ctx *c, const struct secret_place *place, struct named_secret *secrets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!read_secret(c, place, &secrets[i]))
            return false;
    return true;
}

static const struct secret_source source_of_options = {
    .section = "keymaster", .prefix = "encryption_root_secret", .names = (const char *const[]){ "active_root_secret_id", NULL }, .find = find_secrets,
};

static bool open_keymaster(struct ctx *c, struct step *step)
{
    return keymaster_open(c, step, &source_of_options);
}

/* --- key ids ----------------------------------------------------------------------------------------------------------- */

/* Versions 1 and 2 say the path's bytes as characters of Latin-1. */
static json_t *path_json(struct ctx *c, const char *path, const char *version)
{
    struct buf latin = { 0 };
    json_t *json;
    size_t n;
    char *bytes = name_bytes(c, path, &n);

    for (size_t i = 0; *version != '3' && i < n; i++) {
        char utf8[6];

        buf_add(&latin, utf8, (size_t)g_unichar_to_utf8((unsigned char)bytes[i], utf8));
    }
    json = *version == '3' ? json_stringn(bytes, n) : json_stringn(latin.len ? latin.data : "", latin.len);
    buf_clear(&latin);
    return json;
}

static json_t *id_json(struct ctx *c, const char *path, const char *version, const char *secret_id)
{
    json_t *id = ctx_json(c, json_object());

    json_object_set_new(id, "path", path_json(c, path, version));
    json_object_set_new(id, "v", json_string(version));
    if (secret_id)
        json_object_set_new(id, "secret_id", json_string(secret_id));
    return id;
}

/* Of which account, container and object a key is. */
struct key_path { const char *account, *container, *object; };

static bool split_path(struct ctx *c, const char *path, struct key_path *to)
{
    const char *slash;

    *to = (struct key_path){ 0 };
    if (*path != '/' || !path[1] || path[1] == '/')
        return false;
    path++;
    slash = strchr(path, '/');
    to->account = slash ? ctx_strndup(c, path, (size_t)(slash - path)) : path;
    if (!slash || !slash[1])
        return true;
    path = slash + 1;
    slash = strchr(path, '/');
    to->container = slash ? ctx_strndup(c, path, (size_t)(slash - path)) : path;
    if (slash && slash[1])
        to->object = slash + 1;
    return *to->container;
}

/* What was written as Latin-1; NULL: it was not. */
static const char *from_latin(struct ctx *c, const char *text)
{
    struct buf bytes = { 0 };
    bool well = true;
    const char *name;

    for (; text && *text && well; text = g_utf8_next_char(text)) {
        gunichar one = g_utf8_get_char(text);

        well = one < 256;
        buf_putc(&bytes, (char)one);
    }
    name = well && bytes.data ? name_from_bytes(c, bytes.data, bytes.len) : NULL;
    buf_clear(&bytes);
    return name;
}

static bool same_path(const struct key_path *a, const struct key_path *b, bool with_object)
{
    return text_equal(a->account, b->account) && text_equal(a->container, b->container) && (!with_object || text_equal(a->object, b->object));
}

/* The path a stored id means. False: it is none. */
static bool path_of_id(struct ctx *c, const struct key_source *source, json_t *id, const char *version, struct key_path *to)
{
    json_t *value = json_object_get(id, "path");
    const char *path = json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : NULL;
    struct key_path asked, latin;

    if (!path)
        return false;
    if (*version == '1' && !g_str_has_prefix(path, ctx_printf(c, "/%s/", source->account)))      /* it was only the object's name */
        *to = (struct key_path){ source->account, source->container, path };
    else if (!split_path(c, path, to))
        return false;
    asked = (struct key_path){ source->account, source->container ? source->container : to->container, source->object ? source->object : to->object };
    if (*version != '3' && !same_path(to, &asked, true)) {
        latin = (struct key_path){ from_latin(c, to->account), from_latin(c, to->container), from_latin(c, to->object) };
        if (same_path(&latin, &asked, source->object != NULL))
            *to = latin;
    }
    if (!same_path(to, &asked, true))
        log_info(c, "swift: keymaster: the path stored in meta (%s) is not that of the request; its keys are taken", path);
    return true;
}

/* --- keys ---------------------------------------------------------------------------------------------------------------- */

static void make_key(struct ctx *c, const struct root_secret *secret, const char *path, uint8_t key[CRYPTO_KEY])
{
    size_t n;
    const char *bytes = name_bytes(c, path, &n);

    crypto_hmac(secret->bytes, secret->n, bytes, n, key);
}

static json_t *all_ids(struct ctx *c, const struct key_source *source, const char *path, const char *version)
{
    const GArray *secrets = keymaster_secrets(c, source->keymaster->state);
    json_t *ids = ctx_json(c, json_array());
    struct crypto_keys others;

    for (unsigned i = 0; secrets && i < secrets->len; i++)
        json_array_append(ids, id_json(c, path, version, g_array_index(secrets, struct root_secret, i).id));
    if (source->other && keymaster_keys(c, source->other, NULL, &others) == CRYPTO_FOUND)
        json_array_extend(ids, others.all_ids);
    return ids;
}

enum crypto_found keymaster_keys(struct ctx *c, const struct key_source *source, json_t *id, struct crypto_keys *ret)
{
    struct keymaster *k = source->keymaster->state;
    const char *version = id ? json_string_value(json_object_get(id, "v")) : keymaster_version(k), *path;
    const struct root_secret *secret;
    struct key_path of = { source->account, source->container, source->object };

    *ret = (struct crypto_keys){ 0 };
    if (!keymaster_secrets(c, k))
        return CRYPTO_NO_KEYS;
    secret = id ? keymaster_secret(k, json_string_value(json_object_get(id, "secret_id"))) : keymaster_active(k);
    if (!version || strlen(version) != 1 || !strchr("123", *version) || (id && !path_of_id(c, source, id, version, &of)))
        return CRYPTO_NO_KEYS;
    if (!secret && source->other)
        return keymaster_keys(c, source->other, id, ret);
    if (!secret) {
        log_warning(c, "swift: keymaster: unrecognised secret id");
        return CRYPTO_UNKNOWN_SECRET;
    }
    if (!source->container || !of.container || (source->object && !of.object))
        return CRYPTO_NO_KEYS;
    path = ctx_printf(c, "/%s/%s", of.account, of.container);
    make_key(c, secret, path, ret->container);
    ret->has_container = true;
    if (source->object) {
        path = *of.object == '/' && *version == '1' ? of.object : ctx_printf(c, "%s/%s", path, of.object);
        make_key(c, secret, path, ret->object);
        ret->has_object = true;
    }
    ret->id = id_json(c, path, version, secret->id);
    if (!id)
        ret->all_ids = all_ids(c, source, path, version);
    return CRYPTO_FOUND;
}

bool crypto_keys_get(struct ctx *c, const struct swift_request *r, json_t *id, bool object, struct crypto_keys *keys, bool *ret_unknown,
                     struct swift_response *response)
{
    const struct key_source *source = r->env->middleware[SLOT_KEYS];
    enum crypto_found found = source ? keymaster_keys(c, source, id, keys) : CRYPTO_NO_KEYS;

    if (ret_unknown)
        *ret_unknown = found == CRYPTO_UNKNOWN_SECRET;
    if (found == CRYPTO_FOUND && (object ? keys->has_object : keys->has_container))
        return true;
    if (found == CRYPTO_UNKNOWN_SECRET && ret_unknown)
        return false;
    log_error(c, "swift: encryption: no keys for %s %s", r->method, r->path);
    response_error(c, response, 500, "Unable to retrieve encryption keys.");
    return false;
}

/* --- the middleware ---------------------------------------------------------------------------------------------------------- */

void keymaster_run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const char *const methods[] = { "PUT", "POST", "GET", "HEAD", NULL };
    const struct key_source *before = r->env->middleware[SLOT_KEYS];
    struct key_source *source;

    if (!r->account || !text_in(r->method, methods)) {
        step_next(c, step, r, response);
        return;
    }
    source = ctx_new(c, struct key_source);              /* a body is decrypted when this has returned */
    *source = (struct key_source){ step, r->account, r->container, r->object, before };
    r->env->middleware[SLOT_KEYS] = source;
    step_next(c, step, r, response);
    r->env->middleware[SLOT_KEYS] = (void *)(uintptr_t)before;
}

const struct middleware middleware_keymaster = {
    .name = "keymaster", .options = keymaster_option_rows, .options_size = sizeof(struct keymaster_options), .open = open_keymaster, .run = keymaster_run,
    .close = keymaster_close,
};
