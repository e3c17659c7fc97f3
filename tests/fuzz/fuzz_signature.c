/* Any text as what signed requests say: an OAuth 1.0 header, an EC2 or S3 request in JSON, a receipt, a seed in base32, the path of an access
 * rule. The first byte picks.
 */
#include <string.h>

#include "keystone/auth/ec2_signature.h"
#include "keystone/auth/oauth1_signature.h"
#include "keystone/auth/totp.h"
#include "keystone/token/payload.h"
#include "oslo/auth/access_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void oauth1(struct ctx *c, const char *text)
{
    static const struct pair query[] = { { "a", "b c" }, { "", "" }, {} };
    struct oauth1 o;
    const char *error;

    if (!oauth1_read(c, text, &o))
        return;
    if (!oauth1_wrong(c, &o, OAUTH1_CALLBACK | OAUTH1_VERIFIER, 1700000000, &error) && oauth1_signed(c, &o, "http://h:80/p", query, "", "x"))
        __builtin_trap();
}

static void requests(struct ctx *c, const char *text)
{
    const json_t *credentials = ctx_json(c, json_loads(text, 0, NULL));
    const char *time = ec2_timestamp(credentials);
    int64_t us;

    /* Nobody knows this secret. */
    if (ec2_signed(c, credentials, "\x01\x02 no secret") || s3_signed(c, credentials, "\x01\x02 no secret"))
        __builtin_trap();
    if (time)
        ec2_time_read(c, time, &us);
}

static void paths(struct ctx *c, char *text)
{
    char *path = strchr(text, '\n');

    if (path)
        *path++ = '\0';
    access_path_matches(c, text, path ? path : "/v3/users");
    if (!access_path_matches(c, "**", text))
        __builtin_trap();
    access_rules_allow(c, text, "compute", "GET", "/v2.1/servers");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct receipt receipt;
    unsigned char *seed;
    struct ctx c;
    size_t n;

    if (!size)
        return 0;
    ctx_init(&c, NULL, "req-fuzz");
    char *text = ctx_strndup(&c, (const char *)data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        oauth1(&c, text);
        break;
    case 1:
        requests(&c, text);
        break;
    case 2:
        receipt_read(&c, data + 1, size - 1, &receipt);
        break;
    case 3:
        if (base32_read(&c, text, &seed, &n)) {
            char code[7];

            totp_code(seed, n, 59, code);
        }
        break;
    case 4:
        paths(&c, text);
        break;
    }
    ctx_clear(&c);
    return 0;
}
