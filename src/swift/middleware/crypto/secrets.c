/* Root secrets: read when the proxy starts, or as soon as who has them answers. */
#include "swift/middleware/crypto/secrets.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/faults.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#define PAUSE_US (5 * G_USEC_PER_SEC)                /* between two times that are asked for */

const struct attr keymaster_option_rows[] = {
    ATTR(struct keymaster_options, keymaster_config_path, 0, .unset = "", .help = "Where its options are, instead of this section."),
    {}
};

struct keymaster {
    const struct secret_source *source;
    struct secret_place place;
    GArray *secrets;                 /* struct root_secret, by id; never changed once ready */
    const struct root_secret *active;
    char version[2];
    _Atomic bool ready;
    pthread_mutex_t lock;            /* guards the two below */
    bool asking;
    int64_t asked_us;
};

/* --- what there is ------------------------------------------------------------------------------------------------- */

static void secret_clear(void *data)
{
    struct root_secret *secret = data;

    OPENSSL_cleanse(secret->bytes, secret->n);
    g_free(secret->bytes);
    g_free(secret->id);
}

const struct root_secret *keymaster_secret(const struct keymaster *k, const char *id)
{
    for (unsigned i = 0; i < k->secrets->len; i++) {
        const struct root_secret *secret = &g_array_index(k->secrets, struct root_secret, i);

        if (!g_strcmp0(secret->id, id))
            return secret;
    }
    return NULL;
}

const struct root_secret *keymaster_active(const struct keymaster *k)
{
    return k->active;
}

const char *keymaster_version(const struct keymaster *k)
{
    return k->version;
}

/* --- what is to be there --------------------------------------------------------------------------------------------- */

const char *secret_option(const struct secret_place *place, const char *name)
{
    const char *value = conf_get(place->conf, place->section, name);

    return value && *value ? value : NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct named_secret *x = a, *y = b;

    return strcmp(x->id ? x->id : "", y->id ? y->id : "");
}

/* *ret: of the ctx. */
static bool named_secrets(struct ctx *c, const struct keymaster *k, struct named_secret **ret, size_t *ret_n)
{
    const struct pair *options = conf_section(k->place.conf, k->place.section);
    size_t n = 0, all = 0, prefix = strlen(k->source->prefix);

    while (options[all].name)
        all++;
    *ret = ctx_new_n(c, struct named_secret, all + 1);
    for (const struct pair *option = options; option->name; option++) {
        const char *suffix = option->name + prefix;

        if (!g_str_has_prefix(option->name, k->source->prefix))
            continue;
        if (*suffix && (*suffix != '_' || !suffix[1]))
            return fail(c, PIPELINE_INVALID, ctx_printf(c, "malformed root secret option name %s", option->name));
        (*ret)[n++] = (struct named_secret){ .option = option->name, .id = *suffix ? suffix + 1 : NULL, .value = option->value };
    }
    qsort(*ret, n, sizeof(**ret), by_id);
    *ret_n = n;
    return true;
}

static void keep(struct keymaster *k, struct named_secret *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct root_secret secret = { g_strdup(found[i].id), g_memdup2(found[i].bytes, found[i].n), found[i].n };

        g_array_append_val(k->secrets, secret);
    }
}

static void wipe(struct named_secret *found, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (found[i].bytes)
            OPENSSL_cleanse(found[i].bytes, found[i].n);
}

static bool load(struct ctx *c, struct keymaster *k)
{
    const char *active = secret_option(&k->place, "active_root_secret_id"), *version = secret_option(&k->place, "meta_version_to_write");
    struct named_secret *found = NULL;
    size_t n = 0;
    bool well;

    if (!named_secrets(c, k, &found, &n))
        return false;
    well = k->source->find(c, &k->place, found, n);
    if (well)
        keep(k, found, n);
    wipe(found, n);
    if (!well)
        return false;
    version = version ? version : "2";
    k->active = keymaster_secret(k, active);
    if (!k->active)
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "no secret loaded for active_root_secret_id %s", active ? active : "None"));
    if (strlen(version) != 1 || !strchr("123", *version))
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "unknown/unsupported metadata version: %s", version));
    k->version[0] = *version;
    k->ready = true;
    return true;
}

/* --- asked for later --------------------------------------------------------------------------------------------------- */

static bool is_turn(struct keymaster *k)
{
    int64_t now = clock_mono_us();
    bool turn;

    pthread_mutex_lock(&k->lock);
    turn = !k->ready && !k->asking && now - k->asked_us >= PAUSE_US;
    if (turn) {
        k->asking = true;
        k->asked_us = now;
    }
    pthread_mutex_unlock(&k->lock);
    return turn;
}

const GArray *keymaster_secrets(struct ctx *c, struct keymaster *k)
{
    if (!k->ready && is_turn(k)) {
        struct ctx own;

        ctx_init_child(&own, c, c->service);
        g_array_set_size(k->secrets, 0);
        if (!load(&own, k))
            log_error(&own, "swift: %s: %s", k->source->section, own.fault.message);
        ctx_clear(&own);
        pthread_mutex_lock(&k->lock);
        k->asking = false;
        pthread_mutex_unlock(&k->lock);
    }
    return k->ready ? k->secrets : NULL;
}

/* --- the step -------------------------------------------------------------------------------------------------------------- */

/* What would be ignored is refused: the names of such options. */
static const char *ignored(struct ctx *c, const struct step *step, const struct secret_source *source)
{
    const char *names = "";

    for (const struct pair *option = conf_section(step->conf, step->section); option->name; option++)
        if (g_str_has_prefix(option->name, source->prefix) || text_in(option->name, source->names))
            names = ctx_printf(c, "%s%s%s", names, *names ? ", " : "", option->name);
    return names;
}

bool keymaster_open(struct ctx *c, struct step *step, const struct secret_source *source)
{
    const char *path = ((const struct keymaster_options *)step->options)->keymaster_config_path;
    struct keymaster *k = g_new0(struct keymaster, 1);

    step->state = k;
    pthread_mutex_init(&k->lock, NULL);
    k->source = source;
    k->place = *path ? (struct secret_place){ NULL, source->section, path } : (struct secret_place){ step->conf, step->section, "proxy-server.conf" };
    k->secrets = g_array_new(false, true, sizeof(struct root_secret));
    g_array_set_clear_func(k->secrets, secret_clear);
    if (*path && *ignored(c, step, source))
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "keymaster_config_path is set, but there are other config options specified: %s",
                                                    ignored(c, step, source)));
    if (!k->place.conf && !(k->place.conf = conf_load(c, path)))
        return false;
    if (load(c, k))
        return true;
    if (c->fault.status != 503 && c->fault.status != 504)
        return false;
    log_warning(c, "swift: %s: %s; asked again when keys are needed", source->section, c->fault.message);
    fault_clear(c);
    return true;
}

void keymaster_close(struct step *step)
{
    struct keymaster *k = step->state;

    if (!k)
        return;
    g_array_unref(k->secrets);
    pthread_mutex_destroy(&k->lock);
    g_free(k);
}
