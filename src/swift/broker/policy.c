/* Which policy is a container's where its replicas disagree, and the rows that lie under another. */
#include "swift/broker/parts.h"

struct policy_view policy_view_of(const struct broker_info *i)
{
    return (struct policy_view){ i->policy_index, i->put_timestamp, i->delete_timestamp, i->status_changed_at, i->object_count };
}

static bool is_deleted(const struct policy_view *v)
{
    return timestamp_compare(v->deleted, v->put) > 0 && !v->object_count;
}

static bool is_made_again(const struct policy_view *v)
{
    return timestamp_set(v->deleted) && timestamp_compare(v->put, v->deleted) > 0;
}

/* One that lives goes before one that was deleted, one that was made again before one that never was; among those made again the older
 * wins, unless it was made before the last delete. */
int policy_view_compare(const struct policy_view *mine, const struct policy_view *theirs)
{
    bool deleted = is_deleted(mine), their_deleted = is_deleted(theirs), again = is_made_again(mine), their_again = is_made_again(theirs);

    if (deleted != their_deleted)
        return deleted ? 1 : -1;
    if (deleted)
        return timestamp_compare(theirs->status_changed, mine->status_changed);
    if (again != their_again)
        return again ? -1 : 1;
    if (again) {
        struct timestamp last = timestamp_compare(mine->deleted, theirs->deleted) > 0 ? mine->deleted : theirs->deleted;

        if (timestamp_compare(mine->put, last) < 0)
            return 1;
        if (timestamp_compare(theirs->put, last) < 0)
            return -1;
    }
    return timestamp_compare(mine->status_changed, theirs->status_changed);
}

bool broker_has_many_policies(struct ctx *c, struct broker *b)
{
    return lite_int(c, b, 0, "SELECT count(storage_policy_index) FROM policy_stat", "") > 1;
}

bool broker_set_reconciler_point(struct ctx *c, struct broker *b, int64_t rowid)
{
    return lite_run(c, b, "UPDATE container_stat SET reconciler_sync_point = ?", "i", rowid);
}
