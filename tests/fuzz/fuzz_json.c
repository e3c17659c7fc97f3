/* Request bodies: read with their limits, judged by a table of every kind, written back, and read again the same. What is plain is just what
 * jansson reads of it.
 */
#include "oslo/record/plain.h"
#include "oslo/record/record.h"

#include <stdlib.h>
#include <string.h>

struct all {
    char *string, *chosen, *mac;
    bool boolean;
    int64_t integer;
    double real;
    utc_time time;
    opt_int maybe;
    opt_bool perhaps;
    raw_json json;
};

static const struct attr all_attrs[] = {
    ATTR(struct all, string, CREATE | NULLABLE, .min = 1, .max = 10, .json = "s"),
    ATTR(struct all, chosen, CREATE, ONE_OF("a", "b"), .json = "c"),
    ATTR(struct all, mac, CREATE, .format = &format_mac, .json = "m"),
    ATTR(struct all, boolean, CREATE, .json = "b"),
    ATTR(struct all, integer, CREATE, .min = -5, .max = 1000, .json = "i"),
    ATTR(struct all, real, CREATE, .json = "r"),
    ATTR(struct all, time, CREATE | NULLABLE, .json = "t"),
    ATTR(struct all, maybe, CREATE | NULLABLE, .json = "o"),
    ATTR(struct all, perhaps, CREATE | NULLABLE, .json = "p"),
    ATTR(struct all, json, CREATE | NULLABLE, .json = "j"),
    {}
};

static void compare(const char *text, size_t n)
{
    struct plain p = { text, text + n };
    json_t *plain = plain_tree(&p);

    if (plain && plain_over(&p)) {
        json_t *tree = json_loadb(text, n, JSON_DECODE_ANY, NULL);
        char *a = json_dumps(plain, JSON_ENCODE_ANY), *b = tree ? json_dumps(tree, JSON_ENCODE_ANY) : NULL;

        if (!b || strcmp(a, b) != 0)         /* in the same order, too */
            abort();
        free(a);
        free(b);
        json_decref(tree);
    }
    json_decref(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctx c;
    struct invalid invalid = { 0 };
    struct all all = { 0 };
    struct buf text = { 0 };
    struct out o = { .to = &text, .times = TIME_ISO_MICRO_Z };
    json_t *body;

    compare((const char *)data, size);
    ctx_init(&c, NULL, "req-fuzz");
    body = json_read(&c, (const char *)data, size);
    if (json_is_object(body) && record_read_json(&c, all_attrs, &all, body, VERB_CREATE, &invalid)) {
        out_object(&o, NULL);
        record_write(&o, all_attrs, &all, &(struct record_view){ 0 });
        out_end_object(&o);
        if (!json_read(&c, text.data, text.len))
            abort();
    }
    buf_clear(&text);
    ctx_clear(&c);
    return 0;
}
