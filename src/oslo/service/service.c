/* The options of the program and of every service, read into the registry. */
#include "oslo/service/service.h"

#include "oslo/service/parts.h"

#include <string.h>
#include <unistd.h>

const struct attr common_option_attrs[] = {
    ATTR(struct common_options, state_dir, 0, .help = "Where everything this cloud keeps lives: databases, images, secrets, logs."),
    ATTR(struct common_options, listen, 0, .unset = "127.0.0.1", .help = "The address the APIs listen on."),
    ATTR(struct common_options, public_host, 0, .unset = "127.0.0.1", .help = "The host name or address in the catalog's endpoints."),
    ATTR(struct common_options, region, 0, .unset = "RegionOne", .max = 255, .help = "The region of the catalog's endpoints."),
    ATTR(struct common_options, host, 0, .max = 255, .help = "This host's name in the services' tables; the system's own when not set."),
    ATTR(struct common_options, transport_url, 0, .unset = "local://", .help = "Where messages between processes go."),
    ATTR(struct common_options, rpc_response_timeout, 0, .min = 1, .unset = "60", .help = "Seconds a remote procedure call waits for its answer."),
    ATTR(struct common_options, rpc_ping_enabled, 0, .unset = "false", .help = "Every RPC server answers the method oslo_rpc_server_ping."),
    ATTR(struct common_options, log_file, 0, .help = "The log; <state_dir>/nacre.log in the background and standard error in the foreground when not set."),
    ATTR(struct common_options, debug, 0, .unset = "false", .help = "Log what is of use to a programmer only."),
    ATTR(struct common_options, sim, 0, .unset = "false", .help = "Simulated hypervisors and network: real APIs, nothing touches the host."),
    ATTR(struct common_options, sim_hosts, 0, .min = 1, .max = 10000, .unset = "1", .help = "Hosts that a simulating process pretends to be."),
    ATTR(struct common_options, port_offset, 0, .min = 0, .max = 50000, .unset = "0", .help = "Added to every API's port."),
    ATTR(struct common_options, share_ports, 0, .unset = "false", .help = "Several processes of this host may serve the same APIs on the same ports."),
    ATTR(struct common_options, http_workers, 0, .min = 1, .max = 1024, .unset = "32", .help = "Threads that serve requests, at most."),
    ATTR(struct common_options, http_streams, 0, .min = 1, .max = 4096, .unset = "256", .help = "Threads that wait for bodies which come or go slowly, at most."),
    ATTR(struct common_options, http_pollers, 0, .min = 1, .max = 64, .unset = "2", .help = "Threads that read and write connections."),
    ATTR(struct common_options, http_queue, 0, .min = 1, .unset = "1024", .help = "Requests that may wait for a worker; more are answered with 503."),
    ATTR(struct common_options, max_body, 0, .min = 1024, .unset = "1048576", .help = "Bytes of a request's body, where it is not streamed."),
    ATTR(struct common_options, max_header, 0, .min = 1024, .unset = "32768", .help = "Bytes of a request's line and headers."),
    ATTR(struct common_options, request_timeout, 0, .min = 1, .unset = "60", .help = "Seconds after which the work of a request is given up."),
    ATTR(struct common_options, keepalive_timeout, 0, .min = 1, .unset = "75", .help = "Seconds a connection may be idle."),
    ATTR(struct common_options, drain_timeout, 0, .min = 0, .unset = "30", .help = "Seconds that requests under way are given to finish at a stop."),
    ATTR(struct common_options, trace_slots, 0, .min = 0, .unset = "16384", .help = "Spans kept for `nacre trace`, the newest; 0: none."),
    ATTR(struct common_options, token_cache_time, 0, .min = 1, .max = 3600, .unset = "300", .help = "Seconds a validated token is believed before Keystone is asked again."),
    ATTR(struct common_options, tls_certificate, 0, .help = "PEM file of the certificate; TLS where it and tls_key are set."),
    ATTR(struct common_options, tls_key, 0, .help = "PEM file of the certificate's key."),
    ATTR(struct common_options, admin_password, SECRET, .help = "Of the user admin at first start; made and kept in <state_dir>/secrets when not set."),
    {}
};

const struct attr shared_option_attrs[] = {
    ATTR(struct shared_options, connection, SECRET, .help = "The database; sqlite:///<state_dir>/<service>.db when not set."),
    ATTR(struct shared_options, endpoint_override, 0, .help = "Where other services of this process find this one, instead of the catalog."),
    ATTR(struct shared_options, port, 0, .min = 0, .max = 65535, .unset = "0", .help = "The API's port; the service's usual one plus port_offset when 0."),
    ATTR(struct shared_options, job_workers, 0, .min = 1, .max = 256, .unset = "4", .help = "Threads that run its long operations."),
    {}
};

const struct attr policy_option_attrs[] = {
    ATTR(struct policy_settings, policy_file, 0, .help = "Rules (YAML or JSON) that replace the defaults of the same name; <state_dir>/<service>-policy.yaml if it is there when not set."),
    ATTR(struct policy_settings, policy_dirs, 0, .help = "Directories, with commas between, of files with further rules; <state_dir>/<service>-policy.d if it is there when not set."),
    ATTR(struct policy_settings, policy_default_rule, 0, .unset = "default", .help = "The rule that is asked where one is not there."),
    ATTR(struct policy_settings, enforce_scope, 0, .unset = "false", .help = "Refuse tokens of another scope (system, domain, project) than a rule is for."),
    ATTR(struct policy_settings, enforce_new_defaults, 0, .unset = "false", .help = "Rules that were replaced count no more."),
    ATTR(struct policy_settings, remote_content_type, 0, .unset = "application/x-www-form-urlencoded",
         ONE_OF("application/x-www-form-urlencoded", "application/json"), .help = "How http: and https: checks are asked."),
    ATTR(struct policy_settings, remote_ssl_verify_server_crt, 0, .unset = "false", .help = "Check the certificate of the server that an https: check asks."),
    ATTR(struct policy_settings, remote_ssl_ca_crt_file, 0, .help = "The authorities it is checked against; the system's when not set."),
    ATTR(struct policy_settings, remote_ssl_client_crt_file, 0, .help = "A certificate to show to that server."),
    ATTR(struct policy_settings, remote_ssl_client_key_file, 0, .help = "Its key."),
    {}
};

struct notification_options {
    char *driver, *topics, *transport_url;
    int64_t retry;
};
const struct attr notification_option_attrs[] = {
    ATTR(struct notification_options, driver, 0, .unset = "noop", .help = "Where notifications go: messagingv2, messaging, log, noop; several with commas between."),
    ATTR(struct notification_options, topics, 0, .unset = "notifications", .help = "The topics they are sent to."),
    ATTR(struct notification_options, transport_url, 0, .help = "The bus they go over; that of [DEFAULT] when not set."),
    ATTR(struct notification_options, retry, 0, .min = -1, .unset = "-1", .help = "How often one that cannot be delivered is sent again; for ever when -1."),
    {}
};

struct executor_options { int64_t executor_thread_pool_size; };
const struct attr executor_option_attrs[] = {
    ATTR(struct executor_options, executor_thread_pool_size, 0, .min = 1, .max = 1024, .unset = "4", .help = "Threads of an RPC server that answer, where it does not say itself."),
    {}
};

static bool configure_common(struct ctx *, const char *file);
static const struct policy_settings *configure_policy(struct ctx *, const char *file, const char *service);
static bool configure_messaging(struct ctx *, const char *file);

bool service_configure(struct ctx *c, const char *config_file)
{
    struct option_section *sections;
    size_t n = 0;

    while (services[n])
        n++;
    sections = ctx_new_n(c, struct option_section, n + 4);
    n = 0;
    sections[n++] = (struct option_section){ "DEFAULT", { common_option_attrs, executor_option_attrs } };
    sections[n++] = (struct option_section){ "oslo_messaging_notifications", { notification_option_attrs } };
    sections[n++] = (struct option_section){ "oslo_messaging_rabbit", { rabbit_option_attrs } };
    for (size_t i = 0; services[i]; i++)
        sections[n++] = (struct option_section){ services[i]->name, { shared_option_attrs, policy_option_attrs, services[i]->options } };
    if (!options_check(c, config_file, sections) || !configure_common(c, config_file) || !configure_messaging(c, config_file))
        return false;
    for (size_t i = 0; services[i]; i++) {
        const struct service *service = services[i];
        struct service_state *state = service_state_add(service);

        state->serve = service_serve;
        state->forbidden = service->style ? service->style->forbidden : NULL;
        state->shared = options_load(c, config_file, service->name, shared_option_attrs, sizeof(struct shared_options));
        state->policy_settings = configure_policy(c, config_file, service->name);
        if (state->shared && service->options)
            state->options = options_load(c, config_file, service->name, service->options, service->options_size);
        if (failed(c))
            return false;
        state->port = state->shared->port ? (int)state->shared->port
                    : service->port ? (int)(service->port + common_options->port_offset) : 0;
    }
    return true;
}

static bool configure_common(struct ctx *c, const char *file)
{
    struct common_options *options = options_load(c, file, "DEFAULT", common_option_attrs, sizeof(*options));

    if (!options)
        return false;
    if (!options->state_dir)
        options->state_dir = default_state_dir();
    if (!options->host)
        options->host = g_strdup(g_get_host_name());
    common_options = options;
    return true;
}

static const struct policy_settings *configure_policy(struct ctx *c, const char *file, const char *service)
{
    struct policy_settings *settings = options_load(c, file, service, policy_option_attrs, sizeof(*settings));

    if (settings && !settings->policy_file)
        settings->policy_file = g_strdup_printf("%s/%s-policy.yaml", common_options->state_dir, service);
    if (settings && !settings->policy_dirs)
        settings->policy_dirs = g_strdup_printf("%s/%s-policy.d", common_options->state_dir, service);
    return settings;
}

static bool configure_messaging(struct ctx *c, const char *file)
{
    static struct messaging_options messaging;
    const struct notification_options *o = options_load(c, file, "oslo_messaging_notifications", notification_option_attrs, sizeof(*o));

    const struct rabbit_options *rabbit = options_load(c, file, "oslo_messaging_rabbit", rabbit_option_attrs, rabbit_options_size);

    const struct executor_options *executor = options_load(c, file, "DEFAULT", executor_option_attrs, sizeof(*executor));

    if (!o || !rabbit || !executor)
        return false;
    messaging = (struct messaging_options){
        .transport_url = common_options->transport_url, .rpc_response_timeout = common_options->rpc_response_timeout,
        .notification_drivers = o->driver, .notification_topics = o->topics, .notification_transport_url = o->transport_url,
        .notification_retry = o->retry, .rpc_ping_enabled = common_options->rpc_ping_enabled,
        .executor_thread_pool_size = executor->executor_thread_pool_size, .rabbit = rabbit,
    };
    messaging_configure(&messaging);
    return true;
}

char *default_state_dir(void)
{
    return geteuid() == 0 ? g_strdup("/var/lib/nacre") : g_build_filename(g_get_user_data_dir(), "nacre", NULL);
}
