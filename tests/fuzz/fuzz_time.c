/* Times, identifiers, base64 and numbers from clients: what is written must read back as the same. */
#include "oslo/record/attr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct format *const formats[] = { &format_uuid, &format_uuid_like, &format_ip, &format_cidr, &format_mac, &format_hostname, &format_url };
    struct ctx c;
    utc_time t, again;
    int64_t integer;
    bool boolean;
    void *bytes;
    size_t n;
    char *text, shape[TIME_TEXT_SIZE];

    ctx_init(&c, NULL, "req-fuzz");
    text = ctx_strndup(&c, (const char *)data, size);
    if (time_parse(text, &t) && (!time_parse(time_write(shape, t, TIME_ISO_MICRO_Z), &again) || again.us != t.us))
        abort();
    if (base64_read(&c, text, &bytes, &n) && (!base64_read(&c, base64_write(&c, bytes, n), &bytes, &n)))
        abort();
    text_to_int(text, &integer);
    text_to_bool(text, &boolean);
    text_split(&c, text, ',');
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        formats[i]->check(text);
    if (text_is_utf8(text, strlen(text)))
        format_name.check(text);
    ctx_clear(&c);
    return 0;
}
