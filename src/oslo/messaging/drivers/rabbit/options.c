/* [oslo_messaging_rabbit]: the original's options, which an URL's query may say for its transport alone. */
#include "oslo/messaging/drivers/rabbit/rabbit.h"

#include "oslo/record/record.h"

#define O(field, ...) ATTR(struct rabbit_options, field, 0, __VA_ARGS__)

const struct attr rabbit_option_attrs[] = {
    O(amqp_durable_queues, .unset = "false", .help = "Exchanges and queues outlive the broker's restart."),
    O(amqp_auto_delete, .unset = "false", .help = "Exchanges and queues go with their last user."),
    O(ssl, .unset = "false", .help = "Speak TLS to the broker."),
    O(ssl_version, .unset = "", ONE_OF("", "TLSv1", "SSLv23", "TLSv1_1", "TLSv1_2", "TLSv1_3"), .help = "TLSv1_2 or TLSv1_3 alone; otherwise the best both know."),
    O(ssl_key_file, .unset = "", .help = "PEM file of our certificate's key."),
    O(ssl_cert_file, .unset = "", .help = "PEM file of our certificate."),
    O(ssl_ca_file, .unset = "", .help = "PEM file of the authorities that the broker's certificate must come from; not checked when not set."),
    O(ssl_enforce_hostname_verification, .unset = "false", .help = "The certificate must be of the broker's name."),
    O(heartbeat_in_pthread, .unset = "true", .help = "Accepted: heartbeats always have a thread."),
    O(kombu_reconnect_delay, .unset = "1.0", .help = "Seconds between the loss of a connection or consumer and the first attempt to have it again."),
    O(kombu_compression, ONE_OF("gzip"), .help = "How bodies are compressed; not when not set. What comes is always understood."),
    O(kombu_missing_consumer_retry_timeout, .min = 0, .unset = "60", .help = "Seconds a reply is tried while its queue is not there."),
    O(kombu_failover_strategy, .unset = "round-robin", ONE_OF("round-robin", "shuffle"), .help = "Which broker comes next when one cannot be reached."),
    O(rabbit_login_method, .unset = "AMQPLAIN", ONE_OF("PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"), .help = "The mechanism of the login."),
    O(rabbit_retry_interval, .min = 0, .unset = "1", .help = "Seconds between the first attempts to connect."),
    O(rabbit_retry_backoff, .min = 0, .unset = "2", .help = "Seconds that each attempt adds to that."),
    O(rabbit_interval_max, .min = 1, .unset = "2", .help = "Seconds between attempts, at most."),
    O(rabbit_ha_queues, .unset = "false", .help = "Queues ask to be mirrored (brokers before 3.0)."),
    O(rabbit_quorum_queue, .unset = "false", .help = "Queues of topics are quorum queues, and durable."),
    O(rabbit_quorum_delivery_limit, .min = 0, .unset = "0", .help = "How often a quorum queue delivers a message again; no limit when 0."),
    O(rabbit_quroum_max_memory_length, .min = 0, .unset = "0", .help = "Messages a quorum queue keeps in memory; no limit when 0."),
    O(rabbit_quroum_max_memory_bytes, .min = 0, .unset = "0", .help = "Bytes a quorum queue keeps in memory; no limit when 0."),
    O(rabbit_transient_queues_ttl, .min = 0, .unset = "1800", .help = "Seconds after which an unused reply or fanout queue goes; never when 0."),
    O(rabbit_qos_prefetch_count, .min = 0, .max = 65535, .unset = "0", .help = "Messages a consumer is sent before it has acknowledged any; 100 when 0."),
    O(heartbeat_timeout_threshold, .min = 0, .max = 65535, .unset = "60", .help = "Seconds of silence after which the broker counts as gone; never when 0."),
    O(heartbeat_rate, .min = 1, .unset = "2", .help = "How often within them we look."),
    O(direct_mandatory_flag, .unset = "true", .help = "A reply that finds no queue comes back to us."),
    O(enable_cancel_on_failover, .unset = "false", .help = "Consumers ask to be told of a failover of their queue."),
    O(max_message_size, .min = 4096, .max = 536870912, .unset = "67108864", .help = "Bytes of a received message, at most; a larger one is refused."),
    {}
};
const size_t rabbit_options_size = sizeof(struct rabbit_options);

static void set(struct ctx *c, struct rabbit_options *o, const char *name, const char *value)
{
    const struct attr *a = attr_find(rabbit_option_attrs, name);

    if (a && !record_set_text(c, a, o, value))
        fail(c, 400, "InvalidTransportURL", "Invalid transport URL: option %s: not a valid value", name);
}

bool rabbit_options_read(struct ctx *c, struct ctx *keep, const struct transport *t, struct rabbit_options *ret)
{
    const struct rabbit_options *said = messaging_options()->rabbit;

    if (said)
        *ret = *said;
    else
        *ret = *(struct rabbit_options *)record_new(keep, rabbit_option_attrs, sizeof(*ret));
    for (guint i = 0; i < t->options->len; i++) {
        const struct transport_option *option = &g_array_index(t->options, struct transport_option, i);

        set(keep, ret, option->name, option->value);
    }
    if (!failed(keep) && ret->rabbit_quorum_queue && ret->rabbit_ha_queues)
        fail(keep, 500, "ConfigurationError", "rabbit_quorum_queue and rabbit_ha_queues are both enabled: a queue is one or the other");
    return !failed(keep) || fail(c, keep->fault.status, keep->fault.type, "%s", keep->fault.message);
}
