/* The shard ranges of a container: asked for, told, and followed by the rows that belong to one of them. */
#include "swift/container/container.h"

#include "swift/constraints.h"
#include "swift/listing.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST_BODY ((size_t)64 * 1024 * 1024)

/* --- GET ----------------------------------------------------------------------------------------------------------------------------- */

/* False: 400 in the response. */
static bool read_query(struct ctx *c, const struct swift_request *r, const struct broker_info *info, struct shard_query *q, struct swift_response *response)
{
    const char *states = request_param(r, "states"), *override = request_get(r, "X-Backend-Override-Shard-Name-Filter");

    *q = (struct shard_query){ .marker = request_param(r, "marker"), .end_marker = request_param(r, "end_marker"),
                               .includes = request_param(r, "includes"), .reverse = word_true(request_param(r, "reverse")),
                               .deleted_too = header_true(&r->headers, "X-Backend-Include-Deleted") };
    if (override && !strcasecmp(override, "sharded") && !strcmp(info->db_state, "sharded")) {
        headers_set(c, &response->headers, "X-Backend-Override-Shard-Name-Filter", "true");      /* all, to be kept by who asks */
        q->marker = q->end_marker = q->includes = NULL;
        q->reverse = false;
    }
    if (!states)
        return true;
    q->states = *states ? shard_states_parse(c, states) : SHARD_IN(0);       /* none is in no state */
    q->fill_gaps = strstr(states, "listing") || strstr(states, "updating");
    q->own_too = strstr(states, "auditing") != NULL;
    if (q->states)
        return true;
    response->headers = (struct headers){};          /* nothing of the container is said */
    response_error(c, response, 400, "Bad state");
    return false;
}

bool container_shards_get(struct ctx *c, const struct swift_request *r, struct broker *b, const struct broker_info *info, struct swift_response *response)
{
    struct shard_list shards;
    struct shard_query q;
    json_t *list;

    if (!read_query(c, r, info, &q, response) || !broker_shards(c, b, &q, &shards))
        return false;
    list = shards_to_json(c, &shards);
    for (size_t i = 0; i < shards.n; i++)
        json_object_set_new(json_array_get(list, i), "last_modified", json_string(timestamp_iso(c, shards.at[i].timestamp)));
    headers_set(c, &response->headers, "X-Backend-Record-Type", "shard");
    char *text = json_dumps(list, JSON_ENSURE_ASCII);
    response_text(c, response, 200, "application/json; charset=utf-8", text);
    free(text);
    return true;
}

/* --- PUT ----------------------------------------------------------------------------------------------------------------------------- */

static bool read_body(struct ctx *c, struct swift_request *r, struct shard_list *ret, struct swift_response *response)
{
    json_error_t error;
    const char *why;
    size_t n;
    char *text = request_take_all(c, r, MOST_BODY, &n, response);
    json_t *tree;

    if (!text)
        return false;
    tree = ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, &error));
    why = tree ? shards_from_json(c, tree, ret) : ctx_printf(c, "JSONDecodeError('%s')", error.text);
    if (why)
        response_error(c, response, 400, ctx_printf(c, "Invalid body: %s", why));
    return !why;
}

void container_shards_put(struct ctx *c, struct swift_request *r, const struct broker_place *p, struct timestamp when, const struct storage_policy *policy,
                          struct swift_response *response)
{
    struct shard_list shards;
    struct broker *b;
    bool created = false;

    if (!read_body(c, r, &shards, response) || !container_autocreate(c, r, p, when, policy ? policy->index : 0, &created, response) ||
        !(b = container_open(c, p, response)))
        return;
    if (container_update_metadata(c, r, b, when, response) && broker_merge_shards(c, b, shards.at, shards.n) && container_say_policy(c, b, response))
        response_error(c, response, created ? 201 : 202, NULL);
    broker_done(b);
}

/* --- rows ---------------------------------------------------------------------------------------------------------------------------- */

bool container_redirects(struct ctx *c, const struct swift_request *r, struct broker *b, struct swift_response *response)
{
    const char *location, *quoted;
    struct shard_list shards;

    if (!header_true(&r->headers, "X-Backend-Accept-Redirect") ||
        !broker_shards(c, b, &(struct shard_query){ .includes = r->object, .states = SHARD_IN_UPDATING }, &shards) || !shards.n)
        return false;
    location = ctx_printf(c, "/%s/%s", shards.at[0].name, r->object);
    quoted = name_quote(c, location, "/");
    if (strcmp(location, quoted) && !header_true(&r->headers, "X-Backend-Accept-Quoted-Location"))
        return false;                        /* kept here: the sharder moves it */
    headers_set(c, &response->headers, "Location", quoted);
    headers_set(c, &response->headers, "X-Backend-Location-Is-Quoted", "true");
    headers_set(c, &response->headers, "X-Backend-Redirect-Timestamp", timestamp_text(c, shards.at[0].timestamp));
    response_error(c, response, 301, NULL);
    return true;
}
