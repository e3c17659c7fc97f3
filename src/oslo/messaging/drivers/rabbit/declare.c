/* What exchanges and queues are like. A peer that declares the same name otherwise is refused by the broker (406), so these are the
 * original's flags to the letter, and follow the same options.
 */
#include "oslo/messaging/drivers/rabbit/rabbit.h"

/* Says an option, or always, or never. */
enum when { NEVER, ALWAYS, IF_DURABLE, IF_AUTO_DELETE };

static const struct {
    const char *type;                        /* NULL: the default exchange, which is just there */
    enum when exchange_durable, exchange_auto_delete, queue_durable, queue_auto_delete;
    bool quorum, expires;
} places[] = {
    [PLACE_TOPIC]         = { "topic",  IF_DURABLE, IF_AUTO_DELETE, IF_DURABLE, IF_AUTO_DELETE, .quorum = true },
    [PLACE_NOTIFICATIONS] = { "topic",  IF_DURABLE, IF_AUTO_DELETE, IF_DURABLE, IF_AUTO_DELETE, .quorum = true },
    [PLACE_FANOUT]        = { "fanout", NEVER,      ALWAYS,         NEVER,      NEVER,          .expires = true },
    [PLACE_REPLY]         = { NULL,     NEVER,      NEVER,          NEVER,      NEVER,          .expires = true },
};

static bool holds(enum when when, const struct rabbit_options *o)
{
    return when == ALWAYS || (when == IF_DURABLE && (o->amqp_durable_queues || o->rabbit_quorum_queue)) ||
           (when == IF_AUTO_DELETE && o->amqp_auto_delete);
}

void declare_exchange(struct buf *to, int channel, const struct rabbit_options *o, enum place place, const char *exchange)
{
    amqp_exchange_declare_t declare = {
        .exchange = bytes_of(exchange), .type = bytes_of(places[place].type),
        .durable = holds(places[place].exchange_durable, o), .auto_delete = holds(places[place].exchange_auto_delete, o),
    };

    if (places[place].type)
        frame_method(to, channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

static void add_text(amqp_table_t *arguments, const char *key, const char *value)
{
    arguments->entries[arguments->num_entries++] = (amqp_table_entry_t){
        .key = bytes_of(key), .value = { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of(value) } };
}

static void add_number(amqp_table_t *arguments, const char *key, int64_t value)
{
    if (value > 0)
        arguments->entries[arguments->num_entries++] = (amqp_table_entry_t){
            .key = bytes_of(key), .value = { .kind = AMQP_FIELD_KIND_I64, .value.i64 = value } };
}

void declare_queue(struct buf *to, int channel, const struct rabbit_options *o, enum place place, const char *queue)
{
    amqp_table_entry_t entries[8];
    amqp_queue_declare_t declare = {
        .queue = bytes_of(queue), .durable = holds(places[place].queue_durable, o),
        .auto_delete = holds(places[place].queue_auto_delete, o), .arguments = { .entries = entries },
    };

    if (o->rabbit_ha_queues)
        add_text(&declare.arguments, "x-ha-policy", "all");
    if (o->rabbit_quorum_queue && places[place].quorum) {
        add_text(&declare.arguments, "x-queue-type", "quorum");
        add_number(&declare.arguments, "x-delivery-limit", o->rabbit_quorum_delivery_limit);
        add_number(&declare.arguments, "x-max-in-memory-length", o->rabbit_quroum_max_memory_length);
        add_number(&declare.arguments, "x-max-in-memory-bytes", o->rabbit_quroum_max_memory_bytes);
    }
    if (places[place].expires)
        add_number(&declare.arguments, "x-expires", o->rabbit_transient_queues_ttl * 1000);
    frame_method(to, channel, AMQP_QUEUE_DECLARE_METHOD, &declare);
}

void bind_queue(struct buf *to, int channel, const char *queue, const char *exchange, const char *key)
{
    amqp_queue_bind_t bind = { .queue = bytes_of(queue), .exchange = bytes_of(exchange), .routing_key = bytes_of(key) };

    frame_method(to, channel, AMQP_QUEUE_BIND_METHOD, &bind);
}

void consume_queue(struct buf *to, int channel, const struct rabbit_options *o, const char *queue, const char *tag)
{
    amqp_table_entry_t cancel = { .key = bytes_of("x-cancel-on-ha-failover"),
                                  .value = { .kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = true } };
    amqp_basic_consume_t consume = {
        .queue = bytes_of(queue), .consumer_tag = bytes_of(tag),
        .arguments = { .num_entries = o->enable_cancel_on_failover ? 1 : 0, .entries = &cancel },
    };

    frame_method(to, channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}
