/* Which ports Neutron said it has wired, lately, in this process. The message usually comes within milliseconds, sometimes
 * before the job has even stored the port: it is kept here until somebody asks. The job's own reading of the ports is the truth
 * where a message was lost or came to another process.
 */
#include "nova/jobs/parts.h"

#include <pthread.h>
#include <time.h>

#define REMEMBERED 8192

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;         /* guards the two */
static pthread_cond_t noted = PTHREAD_COND_INITIALIZER;
static GHashTable *seen;                                         /* port ids; emptied when it grows too large */

void plugged_note(const char *port_id)
{
    pthread_mutex_lock(&lock);
    if (!seen)
        seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (g_hash_table_size(seen) >= REMEMBERED)
        g_hash_table_remove_all(seen);
    g_hash_table_add(seen, g_strdup(port_id));
    pthread_cond_broadcast(&noted);
    pthread_mutex_unlock(&lock);
}

static bool take_seen(json_t *vifs)
{
    bool all = true;
    json_t *vif;
    size_t i;

    json_array_foreach(vifs, i, vif) {
        if (json_get_bool(vif, "active", false))
            continue;
        if (seen && g_hash_table_remove(seen, json_get_string(vif, "id")))
            json_object_set_new(vif, "active", json_true());
        else
            all = false;
    }
    return all;
}

bool plugged_wait(json_t *vifs, int64_t wait_us)
{
    struct timespec until;
    bool all;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += wait_us % 1000000 * 1000;
    until.tv_sec += wait_us / 1000000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lock);
    while (!(all = take_seen(vifs)) && !pthread_cond_timedwait(&noted, &lock, &until))
        ;
    pthread_mutex_unlock(&lock);
    return all;
}
