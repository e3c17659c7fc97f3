/* What the files of the rabbit driver tell each other.
 *
 * A transport has two connections: one sends, one receives, so that a broker which holds up those who publish still delivers. Each
 * has an owner thread (broker.c), whose turn it is (helm.c), and carries channels: the sender's, one for the replies to our calls, one a listener.
 */
#ifndef OSLO_MESSAGING_RABBIT_RABBIT_H
#define OSLO_MESSAGING_RABBIT_RABBIT_H

#include <pthread.h>

#include "oslo/messaging/drivers/rabbit/frames.h"
#include "oslo/messaging/drivers/rabbit/link.h"
#include "oslo/messaging/internal.h"

struct rabbit_options {
    bool amqp_durable_queues, amqp_auto_delete;
    bool ssl, ssl_enforce_hostname_verification, heartbeat_in_pthread;
    char *ssl_version, *ssl_key_file, *ssl_cert_file, *ssl_ca_file;
    double kombu_reconnect_delay;
    char *kombu_compression, *kombu_failover_strategy, *rabbit_login_method;
    int64_t kombu_missing_consumer_retry_timeout;
    int64_t rabbit_retry_interval, rabbit_retry_backoff, rabbit_interval_max;
    bool rabbit_ha_queues, rabbit_quorum_queue;
    int64_t rabbit_quorum_delivery_limit, rabbit_quroum_max_memory_length, rabbit_quroum_max_memory_bytes;
    int64_t rabbit_transient_queues_ttl, rabbit_qos_prefetch_count;
    int64_t heartbeat_timeout_threshold, heartbeat_rate;
    bool direct_mandatory_flag, enable_cancel_on_failover;
    int64_t max_message_size;
};

/* options.c: those of the section, then those of the transport's query; strings live in keep. */
bool rabbit_options_read(struct ctx *, struct ctx *keep, const struct transport *, struct rabbit_options *ret);

/* ---- broker.c, intake.c, outlet.c: a connection ----------------------------------------------------------- */

/* A message with its body, as it came. */
struct content {
    bool returned;                   /* by the broker, to us who published it; else delivered */
    uint64_t tag;                    /* of the delivery */
    bool redelivered;
    char *key;                       /* of a returned one */
    int code;                        /* why it was returned */
    bool compressed;
    bool refused;                    /* larger than we take: body is not kept */
    uint64_t size;                   /* announced */
    struct buf body;
};
void content_clear(struct content *);

struct channel {
    const struct channel_ops *ops;
    struct broker *connection;
    int number;                      /* on it, from 1 */
    enum channel_state { CHANNEL_DOWN, CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_CLOSING } state;
    unsigned generation;             /* how often it was opened: a delivery of an earlier one cannot be acknowledged */
    int64_t reopen_at;
    int64_t round_at;                /* 0: not wanted; the owner thread's */
    bool patient;                    /* something will come, and nobody waits for it: it may be read a little later, with more */
    int64_t work_until;              /* round() has left it something to do, until then undisturbed; 0: nothing */
    struct content content;          /* being received; the owner thread's */
    uint64_t missing;                /* bytes of its body yet to come */
};

/* Called by the connection's thread. All but content and round with the connection locked; nothing here may wait. */
struct channel_ops {
    void (*opened)(struct channel *, struct buf *to);                      /* declares what it needs */
    void (*method)(struct channel *, const amqp_method_t *, struct buf *to);
    void (*content)(struct channel *, struct content *);                    /* may take what is in it */
    /* The channel, its connection, or an attempt to connect failed. code is AMQP's where the channel alone was closed, after a
     * method of that number; else 0. Open again later by itself. */
    void (*lost)(struct channel *, int code, amqp_method_number_t after, const char *why);
    int64_t (*tick)(struct channel *, int64_t now, struct buf *to);    /* when it wants to be called next (0: never); NULL: never */
    /* All that came at once has been through content; again at the time it gives (0: when more has come). Not locked. */
    int64_t (*round)(struct channel *);
    /* Does what round() has left; not locked. It may take long: after work_until another thread reads on, and calls late(). The channel must
     * stay until it has returned. NULL: nothing is ever left. */
    void (*work)(struct channel *);
    void (*late)(struct channel *);
};

struct broker;
struct broker *broker_new(struct ctx *, const struct transport *, const struct rabbit_options *, const char *name);
/* Ends it: what was written goes out first, if it can within a moment. Channels are only forgotten. */
void broker_free(struct broker *);
/* From here on ops are called; the broker need not be there. */
void broker_add(struct broker *, struct channel *);
/* Until here. The owner runs none of its ops any more; leave, if given, writes last words where the channel is open. */
void broker_remove(struct broker *, struct channel *, void (*leave)(struct channel *, struct buf *to));

/* Anybody may write on an open channel: between begin and end, which sends it. */
struct buf *broker_begin(struct broker *);
void broker_end(struct broker *);
/* What is written waits for more until then, or until it is 0. Locked. */
void broker_gather(struct broker *, int64_t until);
/* Gives the channel up and opens it again after a delay. Locked. */
void broker_reset_channel(struct broker *, struct channel *, int64_t delay_us);
/* Is there a thread to read on while the owner works? */
bool broker_has_deputy(struct broker *);
/* Wakes the owner: there is something to do before it would look. */
void broker_wake(struct broker *);
/* Somebody waits for what comes: the owner looks at once. Locked. */
void broker_hurry(struct broker *, struct channel *);
size_t broker_frame_max(const struct broker *);

/* ---- declare.c: what exchanges and queues are like ----------------------------------------------------------- */
enum place { PLACE_TOPIC, PLACE_NOTIFICATIONS, PLACE_FANOUT, PLACE_REPLY };
void declare_exchange(struct buf *to, int channel, const struct rabbit_options *, enum place, const char *exchange);
void declare_queue(struct buf *to, int channel, const struct rabbit_options *, enum place, const char *queue);
void bind_queue(struct buf *to, int channel, const char *queue, const char *exchange, const char *key);
void consume_queue(struct buf *to, int channel, const struct rabbit_options *, const char *queue, const char *tag);

/* ---- sender.c ------------------------------------------------------------------------------------------------ */
enum outcome { DELIVERED, UNDELIVERABLE /* nobody's queue */, GIVEN_UP };

/* One message on its way to the broker: resent until it is confirmed. */
struct outgoing {
    enum place place;
    const char *exchange, *key;      /* they stand in names */
    char *body;
    size_t n;
    char expiration[INT_TEXT_SIZE];  /* ms; "": none */
    bool mandatory, compressed;
    int retry;                       /* resends after a lost connection: -1 any number */
    /* Once, with the sender locked; the outgoing is freed after it. */
    void (*settled)(void *data, enum outcome, const char *why);
    void *data;
    bool urgent;                     /* a thread waits for that */
    /* the sender's: */
    uint64_t tag;
    bool returned;
    int refusals;
    int64_t due, give_up;            /* of a reply that waits for its queue */
    char names[];
};
struct sender;
struct sender *sender_new(const struct rabbit_options *, struct broker *);
void sender_free(struct sender *);                   /* waits a moment for confirms */
void sender_send(struct sender *, struct outgoing *);        /* takes it over */
/* Sends and waits for the broker's word until the deadline (0: never). */
bool sender_deliver(struct ctx *, struct sender *, struct outgoing *, int64_t deadline, const char *what, const char *topic);
/* Whoever sent it with that data does not want to know any more; what was not sent yet will not be. True where it was not settled yet:
 * now it never will be. */
bool sender_forget(struct sender *, const void *data);
/* Something came that may lead to at_most messages being sent within a moment: they go out together. Gives when sender_gathered is to be
 * called; 0: need not be. */
int64_t sender_gather(struct sender *, int at_most);
void sender_gathered(struct sender *);
void sender_let_go(struct sender *);                 /* no more of them will come */
struct outgoing *outgoing_new(enum place, const char *exchange, const char *key, char *body, size_t n);

/* ---- replies.c: calls that wait ------------------------------------------------------------------------------ */
struct replies;
struct replies *replies_new(const struct rabbit_options *, struct broker *, struct sender *);
void replies_free(struct replies *);
bool replies_call(struct ctx *, struct replies *, const struct target *, struct message *, const struct rpc_options *,
                  int64_t deadline, struct rpc_reply *);

/* ---- listener.c ---------------------------------------------------------------------------------------------- */
struct rabbit {
    struct rabbit_options options;
    struct ctx keep;                 /* the options' strings */
    struct broker *in, *out;
    struct sender *sender;
    struct replies *replies;
};
void *listener_new(struct ctx *, struct rabbit *, const struct listen_on *);
struct incoming *listener_poll(void *);
bool listener_acknowledge(void *, struct incoming *);
void listener_requeue(void *, struct incoming *);
void listener_reply(void *, struct incoming *, struct rpc_reply);
void listener_keep_alive(void *, struct incoming *);
void listener_done(void *, struct incoming *);
void listener_stop(void *);
void listener_free(void *);

/* ---- body.c -------------------------------------------------------------------------------------------------- */
struct envelope;
bool content_open(const struct content *, const struct rabbit_options *, struct envelope *ret, char why[WHY_SIZE]);   /* the message in it */
void outgoing_compress(struct outgoing *, const struct rabbit_options *);    /* where the options say so */
char *random_name(const char *prefix);               /* with 32 hex digits; g_free */

#endif
