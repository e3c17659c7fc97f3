/* Everything Swift is: its options, what the first start makes, its door. */
#include "swift/swift.h"

#include "oslo/base/log.h"
#include "oslo/http/server.h"
#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/internal.h"
#include "swift/disk/io.h"
#include "swift/proxy/proxy.h"
#include "swift/proxy/shards.h"
#include "swift/name.h"
#include "swift/quick.h"
#include "swift/ring/builder.h"
#include "swift/ssync/ssync.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define CLIENT_CHUNK 65536                   /* of a body, in each client_timeout */

#define O(name, default, text) ATTR(struct swift_options, name, 0, .unset = default, .help = text)

static const struct attr option_attrs[] = {
    ATTR(struct swift_options, swift_dir, 0, .help = "Where swift.conf, proxy-server.conf and the rings are; <state_dir>/swift when not set."),
    ATTR(struct swift_options, devices, 0, .help = "Where the drives are mounted; <state_dir>/swift/node when not set."),
    ATTR(struct swift_options, storage_listen, 0, .help = "The address the storage servers listen on; only this process reaches them when not set."),
    O(storage_ip, "127.0.0.1", "This node's address in the rings."),
    ATTR(struct swift_options, object_port, 0, .max = 65535, .unset = "0", .help = "The object server's port in the rings; 6200 when 0, plus port_offset where storage_listen is set."),
    ATTR(struct swift_options, container_port, 0, .max = 65535, .unset = "0", .help = "The container server's; 6201 likewise."),
    ATTR(struct swift_options, account_port, 0, .max = 65535, .unset = "0", .help = "The account server's; 6202 likewise."),
    ATTR(struct swift_options, drives, 0, .min = 1, .max = 64, .unset = "1", .help = "Drives of the rings that the first start makes."),
    ATTR(struct swift_options, replicas, 0, .min = 1, .max = 16, .unset = "1", .help = "Replicas of the rings that the first start makes."),
    ATTR(struct swift_options, part_power, 0, .min = 1, .max = 24, .unset = "8", .help = "Partitions of the rings that the first start makes, as a power of two."),
    ATTR(struct swift_options, pipeline, 0, .help = "The pipeline, instead of proxy-server.conf's."),
    O(mount_check, "false", "A drive that is not mounted is not used."),
    O(daemons, "true", "The daemons run by themselves; false: only when they are asked for, by `nacre swift DAEMON`."),
    ATTR(struct swift_options, reclaim_age, 0, .min = 0, .unset = "604800", .help = "Seconds after which tombstones go."),
    ATTR(struct swift_options, recon_cache_path, 0, .help = "Where the daemons leave what swift-recon reads; <state_dir>/recon when not set."),
    {}
};

const struct swift_options *swift_options(void)
{
    return service_options(&swift);
}

const char *swift_dir(void)
{
    return swift_options()->swift_dir;
}

/* --- the first start -------------------------------------------------------------------------------------------------------------- */

/* What is not set follows the state directory. */
static void set_defaults(struct swift_options *o)
{
    if (!o->swift_dir)
        o->swift_dir = g_strdup_printf("%s/swift", common_options->state_dir);
    if (!o->devices)
        o->devices = g_strdup_printf("%s/node", o->swift_dir);
    if (!o->recon_cache_path)
        o->recon_cache_path = g_strdup_printf("%s/recon", common_options->state_dir);
}

static bool write_once(struct ctx *c, const char *path, const char *text)
{
    g_autofree char *dir = g_path_get_dirname(path);

    return !access(path, F_OK) || disk_replace_file(path, dir, text, strlen(text), true) || fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
}

static bool make_conf(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/swift.conf", swift_dir());
    const char *text = ctx_printf(c, "[swift-hash]\nswift_hash_path_prefix = %s\nswift_hash_path_suffix = %s\n\n[storage-policy:0]\nname = Policy-0\n"
                                  "policy_type = replication\ndefault = yes\n", uuid_new_hex(c), uuid_new_hex(c));
    const char *proxy = ctx_printf(c, "%s/proxy-server.conf", swift_dir());

    return write_once(c, path, text) &&
           write_once(c, proxy, "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n\n"
                      "[filter:authtoken]\ndelay_auth_decision = true\n\n[filter:keystoneauth]\noperator_roles = admin, member, swiftoperator\n\n"
                      "[filter:versioned_writes]\nallow_versioned_writes = true\nallow_object_versioning = true\n");
}

static bool make_ring(struct ctx *c, const char *name, enum storage_kind kind, int64_t drives, int64_t replicas)
{
    const struct swift_options *o = swift_options();
    const char *path = ctx_printf(c, "%s/%s.ring.gz", o->swift_dir, name);
    struct rebalanced done;
    struct builder *b;
    struct ring *ring;
    bool well = true;

    if (!access(path, F_OK))
        return true;
    b = builder_new(c, (int)o->part_power, (double)MIN(replicas, drives), 1);
    for (int64_t i = 0; well && i < drives; i++) {
        struct ring_device d = { .id = -1, .region = 1, .zone = (int)i + 1, .ip = o->storage_ip, .replication_ip = o->storage_ip,
                                 .port = storage_port(kind), .replication_port = storage_port(kind), .weight = 100,
                                 .device = ctx_printf(c, "d%" G_GINT64_FORMAT, i + 1), .meta = (char *)(uintptr_t)"" };

        well = builder_add(c, b, &d) >= 0;
    }
    well = well && builder_rebalance(c, b, clock_us() / G_USEC_PER_SEC, 1, &done) &&
           builder_save(c, b, ctx_printf(c, "%s/%s.builder", o->swift_dir, name)) && (ring = builder_ring(c, b)) != NULL;
    if (well) {
        well = ring_save(c, ring, path);
        ring_unref(ring);
    }
    builder_free(b);
    return well;
}

/* Of the policies in swift.conf; an erasure code needs a drive for each fragment. *ret_drives: how many there must be for all. */
static bool make_object_rings(struct ctx *c, int64_t *ret_drives)
{
    const struct swift_options *o = swift_options();
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/swift.conf", swift_dir()));

    *ret_drives = o->drives;
    if (!conf || !policies_configure(c, conf, NULL))
        return false;
    for (size_t i = 0; i < policies_count(); i++) {
        const struct storage_policy *p = policy_at(i);
        int64_t fragments = p->type == POLICY_ERASURE ? policy_fragments(p) * p->ec_duplication : 0;

        if (!make_ring(c, policy_dir(c, "object", p), STORAGE_OBJECT, MAX(o->drives, fragments), fragments ? fragments : o->replicas))
            return false;
        *ret_drives = MAX(*ret_drives, fragments);
    }
    return true;
}

static bool make_drives(struct ctx *c, int64_t drives)
{
    const struct swift_options *o = swift_options();

    for (int64_t i = 0; i < drives; i++) {
        const char *path = ctx_printf(c, "%s/d%" G_GINT64_FORMAT, o->devices, i + 1);

        if (g_mkdir_with_parents(path, 0750))
            return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    }
    return true;
}

/* Where an operator has set swift_dir or devices, nothing is made there. */
static bool make_first(struct ctx *c)
{
    g_autofree char *own = g_strdup_printf("%s/swift", common_options->state_dir);
    const struct swift_options *o = swift_options();
    int64_t drives;

    if (strcmp(own, swift_dir()))
        return true;
    if (g_mkdir_with_parents(own, 0750))
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", own, g_strerror(errno)));
    return make_conf(c) && make_ring(c, "account", STORAGE_ACCOUNT, o->drives, o->replicas) &&
           make_ring(c, "container", STORAGE_CONTAINER, o->drives, o->replicas) && make_object_rings(c, &drives) && make_drives(c, drives);
}

/* --- the start ------------------------------------------------------------------------------------------------------------------- */

static bool configure(struct ctx *c)
{
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/swift.conf", swift_dir()));
    const char *prefix, *suffix;

    if (!conf)
        return false;
    prefix = conf_get(conf, "swift-hash", "swift_hash_path_prefix");
    suffix = conf_get(conf, "swift-hash", "swift_hash_path_suffix");
    if ((!prefix || !*prefix) && (!suffix || !*suffix))
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s/swift.conf: [swift-hash] has neither a prefix nor a suffix", swift_dir()));
    hash_path_configure(prefix, suffix);
    return constraints_configure(c, conf) && policies_configure(c, conf, swift_dir()) && storage_rings_open(c) && storage_configure(c) &&
           ssync_configure(c);
}

bool swift_configure(struct ctx *c)
{
    set_defaults((struct swift_options *)(uintptr_t)swift_options());
    return configure(c);
}

/* Where proxy-server.conf names none. */
#define PIPELINE "catch_errors gatekeeper healthcheck proxy_logging listing_formats bulk tempurl formpost crossdomain authtoken s3api s3token keystoneauth staticweb" \
    " copy container_quotas account_quotas slo dlo versioned_writes symlink proxy_logging proxy-server"

static bool start(struct ctx *c)
{
    const struct conf *proxy;
    const char *pipeline = swift_options()->pipeline;

    if (!swift_runs("api") && !swift_runs("object"))
        return true;
    set_defaults((struct swift_options *)(uintptr_t)swift_options());
    if (!make_first(c) || !configure(c))
        return false;
    if (!swift_runs("api"))
        return internal_open(c, NULL) && storage_start(c) && (!swift_options()->daemons || daemons_start(c));
    proxy = conf_load(c, ctx_printf(c, "%s/proxy-server.conf", swift_dir()));
    if (proxy && !pipeline && !conf_get(proxy, "pipeline:main", "pipeline"))
        pipeline = PIPELINE;
    return proxy && pipeline_open(c, proxy, pipeline) && internal_open(c, NULL) && storage_start(c) &&
           (!swift_options()->daemons || daemons_start(c));
}

static void stop(void)
{
    daemons_stop();
    storage_stop();
    pipeline_close();
    shards_close();
    backends_close();
    brokers_close();
    disk_syncs_close();
    memo_forget();
}

/* --- the door -------------------------------------------------------------------------------------------------------------------- */

/* What comes again has been here before. */
static struct request_pause *pause_of(struct ctx *c, struct request *request)
{
    struct request_pause *p = request->kept;

    if (!request->parks)
        return NULL;
    if (!p) {
        p = request->kept = ctx_new(c, struct request_pause);
        p->began = clock_us();
    }
    p->until = p->at = 0;
    return p;
}

static void answer(struct ctx *c, struct request *request, struct reply *reply)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct swift_request *r = ctx_new(c, struct swift_request);      /* a streamed body may ask of it when this has returned */
    int64_t began = clock_mono_us();

    if (request_from_http(c, request, r, &response)) {
        r->env->pause = pause_of(c, request);
        request_split(c, r);                /* where it is none of the API's paths, a middleware or the proxy says so */
        pipeline_run(c, r, &response);
    }
    if (r->env->pause && r->env->pause->until) {
        reply->again_at = r->env->pause->until;
        response_clear(&response);
        fault_clear(c);
        return;
    }
    if (r->env->trans_id)
        c->request_id = r->env->trans_id;
    if (failed(c)) {
        log_error(c, "swift: %s %s: %s", r->method, r->path, c->fault.message);
        fault_clear(c);
        if (!response.status)
            response_text(c, &response, 500, "text/plain", "Internal server error.\n");
    }
    quick_learn(request, &response, began);
    response_to_http(c, r, &response, reply);
}

static void door(struct http_server_options *o)
{
    if (!proxy_options)
        return;
    o->timeout_s = MAX((int64_t)ceil(proxy_options->client_timeout), 1);
    o->pace = CLIENT_CHUNK;
}

const struct service swift = {
    .name = "swift", .type = "object-store", .title = "Object Store", .port = 8080, .endpoint = "/v1/AUTH_%(tenant_id)s",
    .options = option_attrs, .options_size = sizeof(struct swift_options), .start = start, .stop = stop,
    .answer = answer, .door = door, .quick = quick_is, .role = "object",
};
