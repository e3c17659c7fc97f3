/* See jws.h. Keys are read again within a second of a change of their directories. */
#include "keystone/token/jws.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystone/federation/jwt.h"
#include "keystone/keystone.h"

#define SECOND_US INT64_C(1000000)
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
#define KEY_FILE 500, "KeysNotFound", "Key file %s: %s"

enum { KEYS_MOST = 32, HALF = 32 };

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    EVP_PKEY *private, *public[KEYS_MOST];
    int n;
    struct timespec changed[2];      /* of the directories when they were read */
    int64_t look_us;                 /* when to look again, monotonic */
} keys;                              /* under lock */

static EVP_PKEY *key_read(const char *path, bool private)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = !file ? NULL : private ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : PEM_read_PUBKEY(file, NULL, NULL, NULL);

    if (file)
        fclose(file);
    return key;
}

static void keys_read(struct ctx *c, const struct keystone_options *o)
{
    DIR *directory = opendir(o->jws_public_keys);

    EVP_PKEY_free(keys.private);
    for (int i = 0; i < keys.n; i++)
        EVP_PKEY_free(keys.public[i]);
    keys.n = 0;
    keys.private = key_read(ctx_printf(c, "%s/private.pem", o->jws_private_keys), true);
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry && keys.n < KEYS_MOST; entry = readdir(directory)) {
        EVP_PKEY *key = *entry->d_name == '.' ? NULL : key_read(ctx_printf(c, "%s/%s", o->jws_public_keys, entry->d_name), false);

        if (key)
            keys.public[keys.n++] = key;
    }
    if (directory)
        closedir(directory);
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Lock held. */
static void keys_refresh(struct ctx *c)
{
    const struct keystone_options *o = keystone_options();
    int64_t now = clock_mono_us();
    struct stat private = {}, public = {};

    if (now < keys.look_us)
        return;
    keys.look_us = now + SECOND_US;
    if (stat(o->jws_private_keys, &private) != 0 || stat(o->jws_public_keys, &public) != 0)
        return;
    if (keys.private && same_time(private.st_mtim, keys.changed[0]) && same_time(public.st_mtim, keys.changed[1]))
        return;
    keys_read(c, o);
    keys.changed[0] = private.st_mtim;
    keys.changed[1] = public.st_mtim;
}

/* -- claims -------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; size_t offset; } texts[] = {
    { "sub", offsetof(struct payload, user_id) }, { "openstack_system", offsetof(struct payload, system) },
    { "openstack_domain_id", offsetof(struct payload, domain_id) }, { "openstack_project_id", offsetof(struct payload, project_id) },
    { "openstack_trust_id", offsetof(struct payload, trust_id) }, { "openstack_idp_id", offsetof(struct payload, idp_id) },
    { "openstack_protocol_id", offsetof(struct payload, protocol_id) }, { "openstack_access_token_id", offsetof(struct payload, access_token_id) },
    { "openstack_app_cred_id", offsetof(struct payload, app_cred_id) },
};

static char *claims_write(struct ctx *c, const struct payload *p, int64_t issued_s)
{
    struct buf text = {};
    struct out o = { .to = &text };

    out_object(&o, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *value = *(const char *const *)((const char *)p + texts[i].offset);

        if (value)
            out_string(&o, texts[i].name, value);
    }
    out_int(&o, "iat", issued_s);
    out_int(&o, "exp", p->expires_s);
    out_array(&o, "openstack_methods");
    auth_methods_write(&o, p->methods);
    out_end_array(&o);
    out_array(&o, "openstack_audit_ids");
    for (int i = 0; i < 2 && p->audit_ids[i]; i++)
        out_string(&o, NULL, p->audit_ids[i]);
    out_end_array(&o);
    if (p->group_ids) {
        out_array(&o, "openstack_group_ids");
        for (const char *const *id = p->group_ids; *id; id++) {
            out_object(&o, NULL);
            out_string(&o, "id", *id);
            out_end_object(&o);
        }
        out_end_array(&o);
    }
    out_end_object(&o);
    char *copy = ctx_strndup(c, text.data, text.len);
    buf_clear(&text);
    return copy;
}

/* What kind of token these claims are of. */
static enum payload_version version_of(const struct payload *p)
{
    if (p->trust_id)
        return PAYLOAD_TRUST;
    if (p->access_token_id)
        return PAYLOAD_OAUTH;
    if (p->app_cred_id)
        return PAYLOAD_APPLICATION_CREDENTIAL;
    if (p->idp_id)
        return p->project_id ? PAYLOAD_FEDERATED_PROJECT : p->domain_id ? PAYLOAD_FEDERATED_DOMAIN : PAYLOAD_FEDERATED_UNSCOPED;
    if (p->project_id)
        return PAYLOAD_PROJECT;
    return p->domain_id ? PAYLOAD_DOMAIN : p->system ? PAYLOAD_SYSTEM : PAYLOAD_UNSCOPED;
}

static const char *const *group_ids_read(struct ctx *c, const json_t *list)
{
    const char **ids = ctx_new_n(c, const char *, json_array_size(list) + 1);
    const json_t *one;
    size_t i, n = 0;

    json_array_foreach(list, i, one) {
        const char *id = json_is_string(one) ? json_string_value(one) : json_get_string(one, "id");

        if (id)
            ids[n++] = id;
    }
    return ids;
}

static bool claims_read(struct ctx *c, const json_t *claims, struct payload *p, int64_t *ret_issued_s)
{
    const json_t *exp = json_object_get(claims, "exp"), *iat = json_object_get(claims, "iat"), *methods = json_object_get(claims, "openstack_methods");
    const json_t *audit_ids = json_object_get(claims, "openstack_audit_ids"), *one;
    const int64_t end = INT64_C(1000000000000);
    size_t i;

    *p = (struct payload){};
    for (i = 0; i < G_N_ELEMENTS(texts); i++)
        *(const char **)((char *)p + texts[i].offset) = json_get_string(claims, texts[i].name);
    json_array_foreach(methods, i, one)
        if (json_is_string(one))
            p->methods |= auth_method_of(json_string_value(one));
    json_array_foreach(audit_ids, i, one)
        if (i < 2)
            p->audit_ids[i] = json_string_value(one);
    if (!p->user_id || !p->audit_ids[0] || !json_is_integer(exp) || !json_is_integer(iat) || (p->idp_id && !p->protocol_id))
        return false;
    p->expires_s = json_integer_value(exp);
    *ret_issued_s = json_integer_value(iat);
    p->version = version_of(p);
    if (payload_is_federated(p->version))
        p->group_ids = group_ids_read(c, json_object_get(claims, "openstack_group_ids"));
    return p->expires_s >= 0 && p->expires_s < end && *ret_issued_s >= 0 && *ret_issued_s < end;
}

/* -- the token ----------------------------------------------------------------------------------------------------- */

static char *base64_bare(struct ctx *c, const void *bytes, size_t n)
{
    char *text = base64url_write(c, bytes, n);

    text[strcspn(text, "=")] = '\0';
    return text;
}

/* r and s side by side. */
static bool sign(EVP_PKEY *key, const char *text, unsigned char ret_signature[2 * HALF])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char der[128];
    const unsigned char *at = der;
    size_t n = sizeof der;
    ECDSA_SIG *pair = NULL;
    bool ok = EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestSign(context, der, &n, (const unsigned char *)text, strlen(text)) == 1 && (pair = d2i_ECDSA_SIG(NULL, &at, (long)n)) != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, HALF) == HALF && BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + HALF, HALF) == HALF;

    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(context);
    return ok;
}

char *jws_seal(struct ctx *c, const struct payload *p, int64_t issued_s)
{
    const char *claims = claims_write(c, p, issued_s);
    const char *text = ctx_printf(c, "%s.%s", base64_bare(c, HEADER, strlen(HEADER)), base64_bare(c, claims, strlen(claims)));
    unsigned char signature[2 * HALF];

    pthread_mutex_lock(&lock);
    keys_refresh(c);
    EVP_PKEY *key = keys.private;
    if (key)
        EVP_PKEY_up_ref(key);
    pthread_mutex_unlock(&lock);
    bool ok = key && sign(key, text, signature);
    EVP_PKEY_free(key);
    return ok ? ctx_printf(c, "%s.%s", text, base64_bare(c, signature, sizeof signature))
              : fail_null(c, KEY_FILE, ctx_printf(c, "%s/private.pem", keystone_options()->jws_private_keys), "it signs nothing");
}

bool jws_open(struct ctx *c, const char *text, struct payload *ret_payload, int64_t *ret_issued_s, bool *ret_good)
{
    EVP_PKEY *public[KEYS_MOST];
    struct jwt jwt;
    int n;

    *ret_good = false;
    if (!jwt_read(c, text, &jwt) || strcmp(jwt.alg, "ES256") || strcmp(base64_bare(c, jwt.signature, jwt.signature_size), strrchr(text, '.') + 1))
        return true;
    pthread_mutex_lock(&lock);
    keys_refresh(c);
    n = keys.n;
    for (int i = 0; i < n; i++) {
        public[i] = keys.public[i];
        EVP_PKEY_up_ref(public[i]);
    }
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < n; i++) {
        *ret_good = *ret_good || jwt_signed_by(&jwt, public[i]);
        EVP_PKEY_free(public[i]);
    }
    *ret_good = *ret_good && claims_read(c, jwt.claims, ret_payload, ret_issued_s);
    return n || fail(c, KEY_FILE, keystone_options()->jws_public_keys, "there is no public key");
}

/* -- making keys --------------------------------------------------------------------------------------------------- */

static bool pem_write(struct ctx *c, const char *path, EVP_PKEY *key, bool private)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private ? 0600 : 0644);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = file && (private ? PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(file, key)) == 1 &&
        fflush(file) == 0 && fsync(fd) == 0;

    if (file)
        fclose(file);
    return ok || fail(c, KEY_FILE, path, g_strerror(errno));
}

bool jws_keypair_create(struct ctx *c, const char *private_directory, const char *public_directory)
{
    const char *private = ctx_printf(c, "%s/private.pem", private_directory), *public = ctx_printf(c, "%s/public.pem", public_directory);
    EVP_PKEY *key;

    if (g_mkdir_with_parents(private_directory, 0700) != 0 || g_mkdir_with_parents(public_directory, 0755) != 0)
        return fail(c, KEY_FILE, private_directory, g_strerror(errno));
    if (access(private, F_OK) == 0)
        return fail(c, KEY_FILE, private, "it is there already");
    if (access(public, F_OK) == 0)
        return fail(c, KEY_FILE, public, "it is there already");
    key = EVP_EC_gen("P-256");
    bool ok = key && pem_write(c, private, key, true) && pem_write(c, public, key, false);
    EVP_PKEY_free(key);
    return ok || failed(c) || fail(c, KEY_FILE, private, "no key could be made");
}
