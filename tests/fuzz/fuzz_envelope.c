/* Any bytes as the body of a request, a notification or a reply: read or refused with a reason; a context of any shape makes a ctx, and
 * what was read can be written and read again.
 */
#include "oslo/messaging/envelope.h"
#include "oslo/messaging/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void follow(struct message *m, const struct envelope_request *in)
{
    struct delivery_facts facts = { .reply_queue = in->reply_queue, .monitor = in->monitor };
    char why[ENVELOPE_WHY];
    struct ctx c;
    size_t n;

    context_to_ctx(&c, NULL, NULL, m->context);
    json_decref(context_to_json(&c));
    json_decref(context_to_notification(&c));
    char *again = envelope_request(m, &facts, &n);
    json_t *object = envelope_open(again, n, why);
    if (!object)
        __builtin_trap();
    json_decref(object);
    free(again);
    ctx_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[ENVELOPE_WHY] = "";
    json_t *object = envelope_open((const char *)data, size, why);
    struct envelope_request in;
    struct envelope_reply reply;

    if (!object) {
        if (!*why)
            __builtin_trap();
        return 0;
    }
    if (envelope_read_request(object, &in, why)) {
        follow(in.message, &in);
        message_free(in.message);
    }
    if (envelope_read_notification(object, &in, why))
        message_free(in.message);
    if (envelope_read_reply(object, &reply, why)) {
        struct ctx c;

        ctx_init(&c, NULL, "req-fuzz");
        if (reply.failure)
            failure_to_fault(&c, reply.failure);
        ctx_clear(&c);
        envelope_reply_clear(&reply);
    }
    json_decref(object);
    return 0;
}
