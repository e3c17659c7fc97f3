/* HTTP header blocks as the library leaves them: whatever is let through has tokens as names and no control characters. */
#include "oslo/http/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct framing framing = {};
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    framing_read(&c, &framing, "GET", "/", "HTTP/1.1", (const char *)data, size);
    for (const struct pair *h = framing.headers; !framing.status && h->name; h++)
        if (!*h->name || strpbrk(h->name, " \t:\r\n") || strpbrk(h->value, "\r\n"))
            abort();
    ctx_clear(&c);
    return 0;
}
