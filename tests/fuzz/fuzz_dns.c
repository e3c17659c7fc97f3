/* Any bytes as a name server's answer: an alias that is text, or none. */
#include "swift/middleware/dns.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *name = NULL;
    int64_t ttl = -1;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    if (dns_cname_read(&c, data, size, &name, &ttl) == DNS_FOUND && (!name || strlen(name) > 1025 || ttl < 0))
        __builtin_trap();
    ctx_clear(&c);
    return 0;
}
