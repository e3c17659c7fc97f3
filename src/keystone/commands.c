/* `nacre keystone ...`: the key repositories, by the names keystone-manage gives its commands. Each may be run beside the service. */
#include "keystone/keystone.h"
#include "keystone/token/jws.h"
#include "keystone/token/ring.h"
#include "oslo/service/commands.h"

#include <string.h>
#include <unistd.h>

extern const struct migration keystone_migrations[];

enum { CREDENTIAL_KEYS = 3 };        /* how many keys of credentials a rotation leaves */

static bool fernet_setup_run(struct ctx *c)
{
    return fernet_setup(c, keystone_options()->fernet_keys);
}

static bool fernet_rotate_run(struct ctx *c)
{
    return fernet_rotate(c, keystone_options()->fernet_keys, (int)keystone_options()->max_active_keys);
}

static bool receipt_setup_run(struct ctx *c)
{
    return fernet_setup(c, keystone_options()->receipt_keys);
}

static bool receipt_rotate_run(struct ctx *c)
{
    return fernet_rotate(c, keystone_options()->receipt_keys, (int)keystone_options()->max_active_keys);
}

static bool keypair_run(struct ctx *c)
{
    return jws_keypair_create(c, keystone_options()->jws_private_keys, keystone_options()->jws_public_keys);
}

/* -- credentials: sealed blobs must be opened by a key that stays --------------------------------------------------- */

static bool credential_setup_run(struct ctx *c)
{
    return fernet_setup(c, keystone_options()->credential_keys);
}

static bool database_open(struct ctx *c)
{
    const char *url = service_state(&keystone_service)->shared->connection;

    c->db = db_open(c, url ? url : ctx_printf(c, "sqlite:///%s/keystone.db", common_options->state_dir), keystone_migrations);
    return c->db != NULL;
}

static bool sealed_now(struct ctx *c, const struct fernet_keys *keys, const char *blob, int most, void **ret_bytes, size_t *ret_n)
{
    int64_t time;

    for (int i = 0; i < most; i++)
        if (fernet_open(c, &keys->keys[i], blob, ret_bytes, ret_n, &time))
            return true;
    return false;
}

/* Seals anew, with the primary key, what another sealed; a row a transaction, so that one that changes meanwhile stays as it is. */
static bool migrate(struct ctx *c, const struct fernet_keys *keys)
{
    struct rows *rows = db_query(c, "SELECT id, blob FROM credentials");
    g_autoptr(GPtrArray) pairs = g_ptr_array_new();
    void *bytes;
    size_t n;

    while (db_next(rows)) {
        g_ptr_array_add(pairs, db_text(rows, 0));
        g_ptr_array_add(pairs, db_text(rows, 1));
    }
    for (guint i = 0; i < pairs->len && !failed(c); i += 2) {
        const char *id = pairs->pdata[i], *blob = pairs->pdata[i + 1];

        if (sealed_now(c, keys, blob, 1, &bytes, &n))
            continue;
        if (!sealed_now(c, keys, blob, keys->n, &bytes, &n))
            return fail(c, INTERNAL_ERROR, ctx_printf(c, "credential %s: its key is not in the repository", id));
        keystone_exec(c, "UPDATE credentials SET blob = $1 WHERE id = $2 AND blob = $3",
                      T(fernet_seal(c, &keys->keys[0], clock_us() / 1000000, bytes, n)), T(id), T(blob));
    }
    return !failed(c);
}

static bool credential_migrate_run(struct ctx *c)
{
    struct fernet_keys keys;

    return database_open(c) && fernet_keys_read(c, keystone_options()->credential_keys, &keys) && migrate(c, &keys);
}

/* Not while a credential needs a key that the next rotation may drop. */
static bool credential_rotate_run(struct ctx *c)
{
    struct fernet_keys keys;
    struct rows *rows;
    void *bytes;
    size_t n;

    if (!database_open(c) || !fernet_keys_read(c, keystone_options()->credential_keys, &keys))
        return false;
    rows = db_query(c, "SELECT blob FROM credentials");
    while (db_next(rows))
        if (!sealed_now(c, &keys, db_text(rows, 0), 1, &bytes, &n))
            return fail(c, CONFLICT, "Unable to rotate credential keys because not all credentials are encrypted with the primary key."
                        " Please make sure all credentials have been encrypted with the primary key using `nacre keystone credential_migrate`.");
    return !failed(c) && fernet_rotate(c, keystone_options()->credential_keys, CREDENTIAL_KEYS);
}

static const struct { const char *name; bool (*run)(struct ctx *); } commands[] = {
    { "fernet_setup", fernet_setup_run }, { "fernet_rotate", fernet_rotate_run }, { "receipt_setup", receipt_setup_run },
    { "receipt_rotate", receipt_rotate_run }, { "credential_setup", credential_setup_run }, { "credential_rotate", credential_rotate_run },
    { "credential_migrate", credential_migrate_run }, { "create_jws_keypair", keypair_run },
};

int command_keystone(struct ctx *c, const struct arguments *arguments)
{
    const char *what = arguments->n_words == 1 ? arguments->words[0] : "", *names = "";

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (!strcmp(commands[i].name, what)) {
            bool ok = service_configure(c, arguments->config_file) && keystone_options_read(c) && commands[i].run(c);

            db_close(c->db);
            c->db = NULL;
            return !ok;
        }
        names = ctx_printf(c, "%s%s%s", names, *names ? " | " : "", commands[i].name);
    }
    return !fail(c, BAD_REQUEST, ctx_printf(c, "usage: nacre keystone %s", names));
}
