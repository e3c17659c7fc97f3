/* The last step of the pipeline: judges the path, finds the controller, asks whether who asks may. */
#include "swift/proxy/proxy.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/swift.h"

#include <string.h>

#define OWNER_HEADERS "x-container-read, x-container-write, x-container-sync-key, x-container-sync-to, x-account-meta-temp-url-key," \
    " x-account-meta-temp-url-key-2, x-container-meta-temp-url-key, x-container-meta-temp-url-key-2, x-account-access-control"
#define O(name, default, text) ATTR(struct proxy_options, name, 0, .unset = default, .help = text)

static const struct attr option_attrs[] = {
    O(allow_account_management, "false", "Accounts may be put and deleted."),
    O(account_autocreate, "false", "Accounts are made by their first use."),
    O(strict_cors_mode, "true", "CORS headers only for origins that are allowed."),
    O(expose_info, "true", "Whether /info is answered."),
    O(client_timeout, "60", "Seconds a client may be silent, or take for 64 KiB of a body."),
    O(conn_timeout, "0.5", "Seconds for a connection to a storage node."),
    O(node_timeout, "10", "Seconds for an answer of a storage node."),
    ATTR(struct proxy_options, recoverable_node_timeout, 0, .unset = "0", .help = "The same where another node can be asked; as node_timeout when 0."),
    O(post_quorum_timeout, "0.5", "Seconds for the rest once there is a quorum."),
    O(error_suppression_interval, "60", "Seconds a node that fails is left alone."),
    O(error_suppression_limit, "10", "Errors after which it is."),
    O(recheck_account_existence, "60", "Seconds what is known of an account is believed."),
    O(recheck_container_existence, "60", "Seconds what is known of a container is believed."),
    O(recheck_listing_shard_ranges, "600", "Seconds the shards that a container is listed from are believed."),
    O(recheck_updating_shard_ranges, "3600", "Seconds the shards that its rows are sent to are believed."),
    O(container_listing_shard_ranges_skip_cache, "0", "How often they are asked for all the same, in per cent."),
    O(container_updating_shard_ranges_skip_cache, "0", "The same of those that rows are sent to."),
    O(max_containers_per_account, "0", "Containers an account may have; 0: any number."),
    O(request_node_count, "2 * replicas", "Nodes asked for one object at most."),
    O(timing_expiry, "300", "Seconds the time that a node took is believed, where nodes are sorted by it."),
    O(max_containers_whitelist, "", "Accounts with any number of containers."),
    O(swift_owner_headers, OWNER_HEADERS, "Headers for an account's owner alone."),
    O(cors_allow_origin, "", "Origins allowed everywhere."),
    O(cors_expose_headers, "", "Headers browsers may read everywhere."),
    O(deny_host_headers, "", "Values of Host that are refused."),
    ATTR(struct proxy_options, admin_key, SECRET, .help = "Signs /info for admins."),
    ATTR(struct proxy_options, write_legacy_ec_crc, 0, .help = "Fragments get checksums that liberasurecode up to 1.5 can read."),
    O(trans_id_suffix, "", "What transaction ids end with."),
    {}
};

const struct proxy_options *proxy_options;
static char **owner_headers;

static json_t *policies_json(void)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policies_count(); i++) {
        const struct storage_policy *p = policy_at(i);
        json_t *one = json_pack("{s:s, s:s}", "name", p->name, "aliases", p->aliases);

        if (p->is_default)
            json_object_set_new(one, "default", json_true());
        if (!p->deprecated)
            json_array_append_new(list, one);
        else
            json_decref(one);
    }
    return list;
}

static void register_info(void)
{
    const struct constraints *k = constraints;

    info_register("swift", json_pack("{s:s, s:b, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "version", SWIFT_VERSION,
                                     "strict_cors_mode", (int)proxy_options->strict_cors_mode, "policies", policies_json(), "allow_account_management",
                                     (int)proxy_options->allow_account_management, "account_autocreate", (int)proxy_options->account_autocreate,
                                     "max_file_size", k->max_file_size, "max_meta_name_length", k->max_meta_name_length, "max_meta_value_length",
                                     k->max_meta_value_length, "max_meta_count", k->max_meta_count, "max_meta_overall_size", k->max_meta_overall_size,
                                     "max_header_size", k->max_header_size, "max_object_name_length", k->max_object_name_length,
                                     "container_listing_limit", k->container_listing_limit, "account_listing_limit", k->account_listing_limit,
                                     "max_account_name_length", k->max_account_name_length, "max_container_name_length", k->max_container_name_length,
                                     "extra_header_count", k->extra_header_count), false);
}

static bool proxy_open(struct ctx *c, struct step *self)
{
    proxy_options = self->options;
    owner_headers = g_strsplit(proxy_options->swift_owner_headers, ",", -1);
    for (char **name = owner_headers; *name; name++)
        g_strstrip(*name);
    erasure_write_legacy_crc(proxy_options->write_legacy_ec_crc);
    register_info();
    return policy_options_configure(c, self->conf, self->section, proxy_options->conn_timeout);
}

void proxy_hide_owner_headers(struct headers *h)
{
    for (char **name = owner_headers; *name; name++)
        headers_remove(h, *name);
}

bool proxy_authorized(struct ctx *c, struct swift_request *r, const char *acl, struct swift_response *response)
{
    r->env->acl = acl;
    return !r->env->authorize || r->env->authorize(c, r, response);
}

/* --- one request ---------------------------------------------------------------------------------------------------------------- */

/* internal: the method that those who speak for this process alone may use as well. */
static const struct {
    const char *what, *methods, *managed;
    void (*run)(struct ctx *, struct swift_request *, struct swift_response *);
    const char *internal;
} controllers[] = {
    { "account", "GET, HEAD, OPTIONS, POST", "DELETE, GET, HEAD, OPTIONS, POST, PUT", account_controller },
    { "container", "DELETE, GET, HEAD, OPTIONS, POST, PUT", NULL, container_controller, "UPDATE" },
    { "object", "DELETE, GET, HEAD, OPTIONS, POST, PUT", NULL, object_controller },
};

/* 0: the path is one of the API's. */
static int judge_path(struct ctx *c, struct swift_request *r)
{
    if (r->path[0] != '/' || r->path[1] == '/' || !r->path[1])
        return 404;
    if (!request_split(c, r))
        return 412;
    return version_is_valid(r->version) ? 0 : 400;
}

static bool may_enter(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *host = request_get(r, "Host"), *token = request_get(r, "X-Storage-Token");
    int status = 0;

    if (token && !request_get(r, "X-Auth-Token"))
        headers_set(c, &r->headers, "X-Auth-Token", token);
    if (strstr(r->path, RESERVED) && !r->env->allow_reserved && !header_true(&r->headers, "X-Backend-Allow-Reserved-Names")) {
        response_error(c, response, 412, "Invalid UTF8 or contains NULL");
        return false;
    }
    status = judge_path(c, r);
    if (status) {
        response_error(c, response, status, status == 412 ? "Bad URL" : NULL);
        return false;
    }
    for (char **denied = host && *proxy_options->deny_host_headers ? text_split(c, proxy_options->deny_host_headers, ',') : NULL; denied && *denied; denied++)
        if (**denied && !strncmp(host, *denied, strlen(*denied)) && (!host[strlen(*denied)] || host[strlen(*denied)] == ':')) {
            response_error(c, response, 403, "Invalid host header");
            return false;
        }
    return true;
}

/* Who may do it whatever the container's ACLs say is not asked again, and stays its owner where they would have let anybody in. The others are judged
 * once the controller knows the ACLs, where there are any. */
static void control(struct ctx *c, size_t kind, struct swift_request *r, struct swift_response *response)
{
    bool (*authorize)(struct ctx *, struct swift_request *, struct swift_response *) = r->env->authorize;
    bool waits = kind == 2 || (kind == 1 && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD")));

    if (authorize && !authorize(c, r, response)) {
        if (!waits)
            return;
        response_clear(response);
        authorize = NULL;
    }
    if (authorize)
        r->env->authorize = NULL;
    controllers[kind].run(c, r, response);
    if (authorize)
        r->env->authorize = authorize;
}

static bool may_internally(const struct swift_request *r, size_t kind)
{
    return controllers[kind].internal && !strcmp(r->method, controllers[kind].internal) && header_true(&r->headers, "X-Backend-Allow-Private-Methods");
}

/* "DELETE, GET" has "GET". */
static bool is_among(const char *list, const char *word)
{
    for (size_t n; *list; list += n + strspn(list + n, ", ")) {
        n = strcspn(list, ",");
        if (!strncmp(list, word, n) && !word[n])
            return true;
    }
    return false;
}

static void run(struct ctx *c, const struct step *self, struct swift_request *r, struct swift_response *response)
{
    const char *methods;
    size_t kind;

    if (!strcmp(r->path, "/info")) {
        if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))
            info_serve(c, r, response);
        else
            response_error(c, response, strcmp(r->method, "OPTIONS") ? 405 : 200, NULL);
        return;
    }
    if (!may_enter(c, r, response))
        return;
    kind = r->object ? 2 : r->container ? 1 : 0;
    methods = proxy_options->allow_account_management && controllers[kind].managed ? controllers[kind].managed : controllers[kind].methods;
    if (!is_among(methods, r->method) && !may_internally(r, kind)) {
        response_error(c, response, 405, NULL);
        headers_set(c, &response->headers, "Allow", methods);
        return;
    }
    if (!strcmp(r->method, "OPTIONS")) {
        cors_options(c, r, response, methods);
        return;
    }
    control(c, kind, r, response);
    cors_expose(c, r, response);
}

static void proxy_close(struct step *self)
{
    g_clear_pointer(&owner_headers, g_strfreev);
    info_clear();
}

const struct middleware proxy_server = { .name = "proxy", .options = option_attrs, .options_size = sizeof(struct proxy_options), .open = proxy_open,
                                         .run = run, .close = proxy_close };
