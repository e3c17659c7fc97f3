/* The versions of objects that agents have: what each agent reported (kept with its row, re-read each minute for those that
 * other processes heard), and what was pulled.
 */
#include <pthread.h>
#include <string.h>

#include "neutron/plugin/objects/object.h"
#include "neutron/plugin/schedule.h"

#define KEPT_US 60000000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *reported;             /* "agent type@host" -> {type: version} */
static json_t *asked_for;            /* type -> {version: true} */
static int64_t kept_until;

static bool is_fresh(void)
{
    bool fresh;

    pthread_mutex_lock(&lock);
    fresh = reported && clock_mono_us() < kept_until;
    pthread_mutex_unlock(&lock);
    return fresh;
}

static bool refresh(struct ctx *c)
{
    json_t *read = json_object();
    struct rows *rows = db_query(c, "SELECT agent_type, host, resource_versions FROM agents WHERE admin_state_up AND heartbeat_timestamp > $1"
                                 " AND resource_versions <> '{}'", I(agents_alive_since()));

    while (db_next(rows))
        json_object_set(read, ctx_printf(c, "%s@%s", db_text(rows, 0), db_text(rows, 1)), json_of(c, (raw_json){ db_text(rows, 2) }));
    if (failed(c)) {
        json_decref(read);
        return false;
    }
    pthread_mutex_lock(&lock);
    json_decref(reported);
    reported = read;
    kept_until = clock_mono_us() + KEPT_US;
    pthread_mutex_unlock(&lock);
    return true;
}

void versions_reported(const char *agent_type, const char *host, const json_t *version_map)
{
    g_autofree char *who = g_strdup_printf("%s@%s", agent_type, host);

    pthread_mutex_lock(&lock);
    if (reported)                    /* else the first question reads it */
        json_object_set_new(reported, who, json_deep_copy(version_map));
    pthread_mutex_unlock(&lock);
}

void versions_asked(const char *type, const char *version)
{
    pthread_mutex_lock(&lock);
    if (!asked_for)
        asked_for = json_object();
    if (!json_object_get(asked_for, type))
        json_object_set_new(asked_for, type, json_object());
    json_object_set_new(json_object_get(asked_for, type), version, json_true());
    pthread_mutex_unlock(&lock);
}

static void add(struct ctx *c, const char *version, const char **versions, size_t *n, size_t room)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(versions[i], version))
            return;
    if (*n < room)
        versions[(*n)++] = ctx_strdup(c, version);
}

size_t versions_wanted(struct ctx *c, const char *type, const char *ret_versions[], size_t room)
{
    const char *key;
    json_t *value;
    size_t n = 0;

    if (!is_fresh() && !refresh(c))
        return 0;
    pthread_mutex_lock(&lock);
    json_object_foreach(reported, key, value)
        if (json_get_string(value, type))
            add(c, json_get_string(value, type), ret_versions, &n, room);
    json_object_foreach(json_object_get(asked_for, type), key, value)
        add(c, key, ret_versions, &n, room);
    pthread_mutex_unlock(&lock);
    return n;
}
