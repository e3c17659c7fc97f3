/* Any bytes as the body of a request, a notification or a reply: read or refused with a reason; a context of any shape makes a ctx, and
 * what was read can be written and read again. What is read where it stands is what jansson reads: a space before a body sends it there.
 */
#include <string.h>

#include "oslo/messaging/envelope.h"
#include "oslo/messaging/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static void follow(struct message *m, const struct envelope_request *in)
{
    struct delivery_facts facts = { .reply_queue = in->reply_queue, .monitor = in->monitor };
    char why[ENVELOPE_WHY];
    struct envelope again;
    struct ctx c;
    size_t n;

    context_to_ctx(&c, NULL, NULL, m->context);
    json_decref(context_to_json(&c));
    json_decref(context_to_notification(&c));
    char *text = envelope_request(m, &facts, &n);
    must(envelope_open(&again, text, n, why));
    envelope_close(&again);
    free(text);
    ctx_clear(&c);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_tree(const json_t *a, const json_t *b)
{
    char *x = json_dumps(a, JSON_ENCODE_ANY), *y = json_dumps(b, JSON_ENCODE_ANY);
    bool same = same_text(x, y);                     /* in the same order, too */

    free(x);
    free(y);
    return same;
}

static void same_message(const struct envelope_request *a, const struct envelope_request *b)
{
    must(same_text(a->message_id, b->message_id) && same_text(a->reply_queue, b->reply_queue) && same_text(a->unique_id, b->unique_id));
    must(a->monitor == b->monitor && same_text(a->message->method, b->message->method));
    must(same_text(a->message->rpc_namespace, b->message->rpc_namespace) && same_text(a->message->version, b->message->version));
    must(same_text(a->message->publisher, b->message->publisher) && same_text(a->message->priority, b->message->priority));
    must(same_tree(a->message->args, b->message->args) && same_tree(a->message->context, b->message->context));
}

static void read_both(const struct envelope *e, const struct envelope *slow)
{
    char why[ENVELOPE_WHY] = "", slow_why[ENVELOPE_WHY] = "";
    struct envelope_request in, slow_in;
    struct envelope_reply reply, slow_reply;
    struct ctx c;
    bool well = envelope_read_request(e, &in, why);

    must(envelope_read_request(slow, &slow_in, slow_why) == well && same_text(why, slow_why));
    if (well) {
        same_message(&in, &slow_in);
        follow(in.message, &in);
        message_free(in.message);
        message_free(slow_in.message);
    }
    well = envelope_read_notification(e, &in, why);
    must(envelope_read_notification(slow, &slow_in, slow_why) == well && same_text(why, slow_why));
    if (well) {
        same_message(&in, &slow_in);
        message_free(in.message);
        message_free(slow_in.message);
    }
    well = envelope_read_reply(e, &reply, why);
    must(envelope_read_reply(slow, &slow_reply, slow_why) == well && same_text(why, slow_why));
    if (well) {
        must(same_text(reply.message_id, slow_reply.message_id) && reply.ending == slow_reply.ending);
        must(same_tree(reply.result, slow_reply.result) && same_tree(reply.failure, slow_reply.failure));
        ctx_init(&c, NULL, "req-fuzz");
        if (reply.failure)
            failure_to_fault(&c, reply.failure);
        ctx_clear(&c);
        envelope_reply_clear(&reply);
        envelope_reply_clear(&slow_reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[ENVELOPE_WHY] = "", slow_why[ENVELOPE_WHY] = "", *spaced = malloc(size + 1);
    struct envelope e, slow;
    bool open = envelope_open(&e, (const char *)data, size, why);

    spaced[0] = ' ';
    memcpy(spaced + 1, data, size);
    must(envelope_open(&slow, spaced, size + 1, slow_why) == open);
    must(open || (*why && *slow_why));
    if (open) {
        read_both(&e, &slow);
        envelope_close(&e);
        envelope_close(&slow);
    }
    free(spaced);
    return 0;
}
