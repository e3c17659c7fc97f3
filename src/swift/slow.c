/* An answer that is made while it is sent. */
#include "swift/slow.h"

#include "oslo/base/text.h"

#include <string.h>

enum { LONGEST = 64 << 20 };

struct sending {
    struct slow slow;
    int64_t since;                   /* when something was sent last */
    bool begun, ended;
    const char *text; size_t n;      /* to be sent */
};

static void say(struct sending *s, const char *text, size_t n)
{
    s->text = text;
    s->n = n;
    s->since = clock_mono_us();
}

static bool is_due(const struct sending *s)
{
    return clock_mono_us() - s->since > s->slow.every_us;
}

static void say_blank(struct sending *s)
{
    const char *blank = !s->begun && s->slow.first ? s->slow.first : " ";

    s->begun = true;
    say(s, blank, strlen(blank));
}

static bool say_end(struct ctx *c, struct sending *s)
{
    struct swift_response response = RESPONSE_EMPTY;
    char *body, *text;
    size_t n, between = strlen(s->slow.between);

    s->ended = true;
    s->slow.end(c, s->slow.data, true, &response);
    body = response_take_all(c, &response, LONGEST, &n);
    response_clear(&response);
    if (!body)
        return false;
    text = ctx_alloc(c, between + n);
    memcpy(text, s->slow.between, between);
    memcpy(text + between, body, n);
    say(s, text, between + n);
    return true;
}

static ssize_t read_sending(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct sending *s = data;

    while (!s->n && !s->ended) {
        if (!s->begun)
            say_blank(s);
        else if (!s->slow.more(c, s->slow.data)) {
            if (!say_end(c, s))
                return -1;
        } else if (is_due(s))
            say_blank(s);
    }
    n = MIN(n, s->n);
    if (n)
        memcpy(bytes, s->text, n);
    s->text += n;
    s->n -= n;
    return (ssize_t)n;
}

void response_slowly(struct ctx *c, struct swift_response *response, const struct slow *slow)
{
    struct sending *s = ctx_new(c, struct sending);

    *s = (struct sending){ .slow = *slow, .since = clock_mono_us() };
    while (!slow->at_once) {
        if (!slow->more(c, slow->data)) {
            slow->end(c, slow->data, false, response);
            return;
        }
        if (is_due(s))
            break;
    }
    response_clear(response);
    response->status = slow->status;
    headers_set(c, &response->headers, "Content-Type", slow->type);
    response->read = read_sending;
    response->read_data = s;
    response->length = -1;
}
