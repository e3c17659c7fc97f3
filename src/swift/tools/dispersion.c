/* What dispersion-populate and dispersion-report share. */
#include "swift/tools/dispersion.h"

#include "swift/conf.h"
#include "swift/name.h"
#include "swift/swift.h"

#include <math.h>
#include <unistd.h>

#define O(field, value, text) ATTR(struct dispersion_options, field, 0, .unset = value, .help = text)
static const struct attr options[] = {
    O(auth_url, NULL, "Where to log in."),
    O(auth_user, NULL, "As whom."),
    ATTR(struct dispersion_options, auth_key, SECRET, .help = "With which password."),
    O(auth_version, "1.0", "1.0: the proxy's own auth; 2.0, 3: Keystone."),
    O(endpoint_type, "publicURL", "Which endpoint of the catalog."),
    O(region_name, "", "Of which region."),
    O(user_domain_name, "", "The user's domain."),
    O(project_domain_name, "", "The project's domain."),
    O(project_name, "", "The project."),
    O(keystone_api_insecure, "false", "Whether certificates are not verified."),
    O(swift_dir, NULL, "Where the rings are."),
    O(dispersion_coverage, "1.0", "How many of a hundred partitions get one."),
    O(retries, "5", "How often a request is tried again."),
    O(concurrency, "25", "How many requests go side by side."),
    O(container_populate, "true", "Whether containers are made."),
    O(object_populate, "true", "Whether objects are made."),
    O(container_report, "true", "Whether containers are looked for."),
    O(object_report, "true", "Whether objects are looked for."),
    O(dump_json, "false", "Whether the report is JSON."),
    O(partitions, "", "Whether partitions with missing copies are named."),
    {}
};

bool dispersion_read(struct ctx *c, char **words, const char *policy_name, struct dispersion *d)
{
    const char *path = *words ? *words : ctx_printf(c, "%s/dispersion.conf", swift_dir());
    struct conf *conf;

    *d = (struct dispersion){};
    if (access(path, R_OK))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Unable to read config file: %s", path));
    if (!(conf = conf_load(c, path)) || !(d->options = conf_options(c, conf, "dispersion", options, sizeof(*d->options))))
        return false;
    d->policy = policy_name ? policy_by_name(policy_name) : policy_default();
    return d->policy ? true : fail(c, BAD_REQUEST, ctx_printf(c, "Unable to find policy: %s", policy_name));
}

bool dispersion_log_in(struct ctx *c, struct dispersion *d, bool insecure)
{
    const struct dispersion_options *o = d->options;
    const struct login login = { o->auth_url, o->auth_user, o->auth_key, o->auth_version, o->endpoint_type, o->region_name, o->user_domain_name,
                                 o->project_domain_name, o->project_name, insecure || o->keystone_api_insecure };
    const char *missing = !o->auth_url ? "auth_url" : !o->auth_user ? "auth_user" : !o->auth_key ? "auth_key" : NULL;

    if (missing)
        return fail(c, BAD_REQUEST, ctx_printf(c, "[dispersion] says no %s", missing));
    d->client.retries = o->retries;
    d->client.insecure = login.insecure;
    return client_log_in(c, &login, &d->client);
}

const struct ring *dispersion_ring(struct ctx *c, const struct dispersion *d, bool objects)
{
    const char *name = !objects ? "container" : d->policy->index ? ctx_printf(c, "object-%d", d->policy->index) : "object";
    struct ring *ring = ring_load(c, ctx_printf(c, "%s/%s.ring.gz", d->options->swift_dir ? d->options->swift_dir : swift_dir(), name));

    return ring ? ctx_own(c, ring, (void (*)(void *))(void *)ring_unref) : NULL;
}

uint32_t dispersion_partition(const struct ring *ring, const char *account, const char *container, const char *object)
{
    uint8_t digest[16];

    hash_path(account, container, object, digest);
    return ring_partition(ring, digest);
}

const char *dispersion_box(struct ctx *c, const struct dispersion *d)
{
    return ctx_printf(c, "dispersion_objects_%d", d->policy->index);
}

const char *dispersion_time(struct ctx *c, double seconds)
{
    const char *unit = "s";

    for (const char *larger = "mh"; *larger && seconds > 60; larger++) {
        seconds /= 60;
        unit = larger;
    }
    return ctx_printf(c, "%.0f%c", nearbyint(seconds), *unit);
}

const char *dispersion_eta(struct ctx *c, int64_t begun_us, double done, double all)
{
    double elapsed = (double)(clock_mono_us() - begun_us) / G_USEC_PER_SEC;

    return dispersion_time(c, elapsed / (done > 0 ? done / all : 0.00001) - elapsed);
}
