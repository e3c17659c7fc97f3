/* What must be there: the default domain, the projects admin and service, the roles and what they imply, admin, the services'
 * users and their places in the catalog. Each row is made if it is missing; endpoints follow the ports and hosts of this cloud.
 */
#include "keystone/keystone.h"
#include "keystone/token/fernet.h"
#include "keystone/token/jws.h"
#include "oslo/base/log.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_ROUNDS = 4 };          /* of passwords that are long random texts: there is nothing to guess */

static char *project_ensure(struct ctx *c, const char *name, const char *description)
{
    char *id = db_get_text(c, "SELECT id FROM projects WHERE domain_id = $1 AND name = $2", T(DEFAULT_DOMAIN), T(name));

    if (id || failed(c))
        return id;
    id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO projects (id, name, domain_id, description, enabled, parent_id, is_domain, options)"
                   " VALUES ($1, $2, $3, $4, $5, $3, $6, '{}')", T(id), T(name), T(DEFAULT_DOMAIN), T(description), B(true), B(false)) ? id : NULL;
}

static bool domain_ensure(struct ctx *c)
{
    return db_exec(c, "INSERT INTO projects (id, name, description, enabled, is_domain, options) VALUES ($1, 'Default', 'The default domain',"
                   " $2, $2, '{}') ON CONFLICT DO NOTHING", T(DEFAULT_DOMAIN), B(true));
}

/* -- roles --------------------------------------------------------------------------------------------------------- */

static char *role_ensure(struct ctx *c, const char *name)
{
    char *id = db_get_text(c, "SELECT id FROM roles WHERE domain_id IS NULL AND name = $1", T(name));

    if (id || failed(c))
        return id;
    id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO roles (id, name, options) VALUES ($1, $2, $3)", T(id), T(name),
                   T(strcmp(name, "service") ? "{\"immutable\": true}" : "{}")) ? id : NULL;
}

static bool imply_ensure(struct ctx *c, const char *prior, const char *implied)
{
    return db_exec(c, "INSERT INTO implied_roles (prior_role_id, implied_role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(prior), T(implied));
}

static bool grant_ensure(struct ctx *c, const char *user_id, const char *kind, const char *target_id, const char *role_id)
{
    return db_exec(c, "INSERT INTO assignments (actor_kind, actor_id, target_kind, target_id, role_id, inherited)"
                   " VALUES ('user', $1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", T(user_id), T(kind), T(target_id), T(role_id), B(false));
}

struct ids {
    const char *admin_project, *service_project, *admin, *service;   /* projects, then roles */
    const char *admin_user;
};

static bool roles_ensure(struct ctx *c, struct ids *ids)
{
    const char *manager = role_ensure(c, "manager"), *member = role_ensure(c, "member"), *reader = role_ensure(c, "reader");

    ids->admin = role_ensure(c, "admin");
    ids->service = role_ensure(c, "service");
    return manager && member && reader && ids->admin && ids->service && imply_ensure(c, ids->admin, manager) &&
        imply_ensure(c, manager, member) && imply_ensure(c, member, reader);
}

/* -- users --------------------------------------------------------------------------------------------------------- */

/* The hash of a password that a person chose takes long on purpose: it is worked out while the rest of the cloud starts, and
 * who signs in before it is there waits for it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t done;
    pthread_t thread;
    bool started, running;           /* under lock */
    char *password;
} chosen = { .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

static bool password_fill(struct ctx *c, const char *name, const char *hash)
{
    return db_exec(c, "UPDATE users SET password_hash = $1, password_created_at = $2 WHERE domain_id = $3 AND name = $4 AND password_hash IS NULL",
                   T(hash), I(clock_us()), T(DEFAULT_DOMAIN), T(name));
}

static bool chosen_store(struct ctx *c)
{
    const char *hash = password_hash(c, chosen.password, 0);

    if (!hash || !db_begin(c))
        return false;
    if (password_fill(c, "admin", hash))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static void *chosen_run(void *unused)
{
    struct ctx c;

    service_ctx_init(&c, &keystone_service, NULL);
    if (!chosen_store(&c))
        log_error(&c, "the password of admin could not be stored: %s", c.fault.message);
    ctx_clear(&c);
    explicit_bzero(chosen.password, strlen(chosen.password));
    pthread_mutex_lock(&chosen.lock);
    chosen.running = false;
    pthread_cond_broadcast(&chosen.done);
    pthread_mutex_unlock(&chosen.lock);
    return NULL;
}

static bool chosen_start(struct ctx *c)
{
    if (!chosen.password)
        return true;
    chosen.started = chosen.running = true;
    if (pthread_create(&chosen.thread, NULL, chosen_run, NULL) == 0)
        return true;
    chosen.started = chosen.running = false;
    return chosen_store(c);
}

void keystone_bootstrap_wait(void)
{
    pthread_mutex_lock(&chosen.lock);
    while (chosen.running)
        pthread_cond_wait(&chosen.done, &chosen.lock);
    pthread_mutex_unlock(&chosen.lock);
}

void keystone_bootstrap_stop(void)
{
    if (chosen.started)
        pthread_join(chosen.thread, NULL);
    chosen.started = false;
    g_clear_pointer(&chosen.password, g_free);
}

static char *user_ensure(struct ctx *c, const char *name, const char *hash)
{
    char *id = db_get_text(c, "SELECT id FROM users WHERE domain_id = $1 AND name = $2", T(DEFAULT_DOMAIN), T(name));

    if (failed(c))
        return NULL;
    if (id && hash && !password_fill(c, name, hash))
        return NULL;
    if (id)
        return id;
    id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO users (id, name, domain_id, enabled, password_hash, password_created_at, options)"
                   " VALUES ($1, $2, $3, $4, $5, $6, '{}')", T(id), T(name), T(DEFAULT_DOMAIN), B(true), T(hash), I(clock_us())) ? id : NULL;
}

/* The hash for a user who is missing, or whose hash is: at once of a password this cloud made itself, later (NULL now) of one a
 * person chose. */
static bool hash_new(struct ctx *c, const char *user, const char **ret_hash)
{
    bool by_person = !strcmp(user, "admin") && common_options->admin_password;
    const char *password;

    *ret_hash = NULL;
    if (db_get_text(c, "SELECT id FROM users WHERE domain_id = $1 AND name = $2 AND password_hash IS NOT NULL", T(DEFAULT_DOMAIN), T(user)) || failed(c))
        return !failed(c);
    password = service_password(c, user);
    if (!password)
        return false;
    if (by_person)
        chosen.password = g_strdup(password);
    return by_person || (*ret_hash = password_hash(c, password, SECRET_ROUNDS)) != NULL;
}

static bool service_user_ensure(struct ctx *c, const struct ids *ids, const char *name, const char *hash)
{
    const char *id = user_ensure(c, name, hash);

    return id && grant_ensure(c, id, "project", ids->service_project, ids->admin) &&
        grant_ensure(c, id, "project", ids->service_project, ids->service);
}

/* -- the catalog --------------------------------------------------------------------------------------------------- */

static char *service_ensure(struct ctx *c, const struct service *service)
{
    char *id = db_get_text(c, "SELECT id FROM services WHERE type = $1 AND name = $2", T(service->type), T(service->name));

    if (id || failed(c))
        return id;
    id = uuid_new_hex(c);
    const char *extra = json_text(c, ctx_json(c, json_pack("{s:s}", "description", service->title ? service->title : ""))).text;
    return db_exec(c, "INSERT INTO services (id, name, type, enabled, extra) VALUES ($1, $2, $3, $4, $5)", T(id), T(service->name),
                   T(service->type), B(true), T(extra)) ? id : NULL;
}

static bool endpoint_ensure(struct ctx *c, const char *service_id, const char *interface, const char *url)
{
    const char *region = common_options->region;
    char *id = db_get_text(c, "SELECT id FROM endpoints WHERE service_id = $1 AND interface = $2 AND region_id = $3", T(service_id), T(interface),
                           T(region));

    if (id)
        return db_exec(c, "UPDATE endpoints SET url = $1 WHERE id = $2 AND url <> $1", T(url), T(id));
    return !failed(c) && db_exec(c, "INSERT INTO endpoints (id, interface, region_id, service_id, url, enabled) VALUES ($1, $2, $3, $4, $5, $6)",
                                 T(uuid_new_hex(c)), T(interface), T(region), T(service_id), T(url), B(true));
}

static bool catalog_ensure(struct ctx *c)
{
    if (!db_exec(c, "INSERT INTO regions (id, description) VALUES ($1, '') ON CONFLICT DO NOTHING", T(common_options->region)))
        return false;
    for (size_t i = 0; services[i]; i++) {
        const struct service *service = services[i];

        if (!service->type || !service_state(service))
            continue;
        const char *id = service_ensure(c, service), *url = service_url(c, service);
        if (!id || !endpoint_ensure(c, id, "public", url) || !endpoint_ensure(c, id, "internal", url) || !endpoint_ensure(c, id, "admin", url))
            return false;
    }
    return true;
}

/* -- all of it ----------------------------------------------------------------------------------------------------- */

static bool rows_ensure(struct ctx *c, const char *const *hashes, const char *admin_hash)
{
    struct ids ids = {};

    if (!domain_ensure(c) || !roles_ensure(c, &ids))
        return false;
    ids.admin_project = project_ensure(c, "admin", "Bootstrap project for initializing the cloud.");
    ids.service_project = project_ensure(c, "service", "The services' own users.");
    ids.admin_user = ids.service_project ? user_ensure(c, "admin", admin_hash) : NULL;
    if (!ids.admin_project || !ids.admin_user || !grant_ensure(c, ids.admin_user, "project", ids.admin_project, ids.admin) ||
        !grant_ensure(c, ids.admin_user, "system", "system", ids.admin))
        return false;
    for (size_t i = 0; services[i]; i++)
        if (!service_user_ensure(c, &ids, services[i]->name, hashes[i]))
            return false;
    return catalog_ensure(c);
}

/* Where tokens are signed, there is a key. */
static bool keypair_ensure(struct ctx *c, const struct keystone_options *o)
{
    return !o->token_jws || access(ctx_printf(c, "%s/private.pem", o->jws_private_keys), F_OK) == 0 ||
        jws_keypair_create(c, o->jws_private_keys, o->jws_public_keys);
}

bool keystone_bootstrap(struct ctx *c)
{
    const struct keystone_options *o = keystone_options();
    const char *admin_hash, **hashes;
    size_t n = 0;

    if (!fernet_setup(c, o->fernet_keys) || !fernet_setup(c, o->credential_keys) || !fernet_setup(c, o->receipt_keys) || !keypair_ensure(c, o) || !hash_new(c, "admin", &admin_hash))
        return false;
    while (services[n])
        n++;
    hashes = ctx_new_n(c, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!hash_new(c, services[i]->name, &hashes[i]))
            return false;
    if (!db_begin(c))
        return false;
    if (!rows_ensure(c, hashes, admin_hash)) {
        db_rollback(c);
        return false;
    }
    return db_commit(c) && chosen_start(c);
}
