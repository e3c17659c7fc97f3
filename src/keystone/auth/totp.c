/* By a one-time code of the clock (RFC 6238, as phones make them: SHA-1, six digits, 30 seconds): the seeds are the user's credentials
 * of type totp, in base32. */
#include "keystone/api/credentials.h"
#include "keystone/auth/account.h"
#include "keystone/auth/attempt.h"
#include "keystone/auth/signature.h"
#include "keystone/auth/totp.h"

#include <string.h>

enum { PERIOD_S = 30, DIGITS = 6, MODULUS = 1000000, SEED_MOST = 1024 };

bool base32_read(struct ctx *c, const char *text, unsigned char **ret_bytes, size_t *ret_n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t length = strcspn(text, "="), n = 0;
    unsigned char *bytes = ctx_alloc(c, length + 1);
    unsigned bits = 0, have = 0;

    if (strspn(text + length, "=") != strlen(text + length) || length > SEED_MOST)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *at = strchr(alphabet, text[i]);

        if (!at)
            return false;
        bits = bits << 5 | (unsigned)(at - alphabet);
        have += 5;
        if (have >= 8)
            bytes[n++] = (unsigned char)(bits >> (have -= 8));
    }
    *ret_bytes = bytes;
    *ret_n = n;
    return true;
}

void totp_code(const void *seed, size_t n, int64_t time_s, char ret_code[7])
{
    uint64_t counter = GUINT64_TO_BE((uint64_t)(time_s / PERIOD_S));
    struct mac mac = mac_of("SHA1", seed, n, &counter, sizeof counter);
    const unsigned char *at = mac.bytes + (mac.bytes[mac.n - 1] & 15);
    unsigned value = (at[0] & 127u) << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];

    g_snprintf(ret_code, DIGITS + 1, "%06u", value % MODULUS);
}

/* Of now, or of as many windows before as are taken. */
static bool code_fits(struct ctx *c, const char *seed, const char *code)
{
    unsigned char *bytes;
    bool fits = false;
    char expected[DIGITS + 1];
    size_t n;

    if (!base32_read(c, seed, &bytes, &n) || !n)
        return false;
    for (int64_t i = 0; i <= keystone_options()->totp_previous_windows; i++) {
        totp_code(bytes, n, clock_us() / SECOND_US - i * PERIOD_S, expected);
        fits |= signature_equal(expected, code);
    }
    return fits;
}

bool auth_by_totp(struct ctx *c, struct attempt *a, const json_t *method)
{
    const json_t *user = json_object_get(method, "user");
    const char *code = json_get_string(user, "passcode"), *const *seeds;
    struct account account = {};
    bool found, fits = false;

    if (!attempt_user_named(c, method))
        return false;
    found = account_find(c, user, &account);
    seeds = failed(c) ? NULL : credential_blobs(c, found ? account.id : "", "totp");
    for (; seeds && *seeds; seeds++)
        fits |= code && code_fits(c, *seeds, code);
    if (!fits || !account.enabled)
        return unauthorized(c);
    return attempt_user(c, a, account.id);
}
