/* Names: decoded, quoted, hashed. */
#include "swift/name.h"

#include "oslo/base/text.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

static char *hash_prefix, *hash_suffix;
static EVP_MD *md5_algorithm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* --- bytes and names ------------------------------------------------------------------------------------------- */

/* UTF-8 with NULs among it. */
static bool is_utf8(const char *bytes, size_t n)
{
    while (n) {
        const char *nul = memchr(bytes, 0, n);
        size_t piece = nul ? (size_t)(nul - bytes) : n;

        if (!g_utf8_validate(bytes, (gssize)piece, NULL))
            return false;
        bytes += piece + (nul != NULL);
        n -= piece + (nul != NULL);
    }
    return true;
}

char *name_from_bytes(struct ctx *c, const void *bytes, size_t n)
{
    const char *from = bytes;
    size_t nuls = 0;
    char *name, *to;

    for (size_t i = 0; i < n; i++)
        nuls += from[i] == 0;
    if (!nuls)
        return ctx_strndup(c, from, n);
    to = name = ctx_alloc(c, n + nuls + 1);
    for (size_t i = 0; i < n; i++) {
        if (from[i]) {
            *to++ = from[i];
        } else {
            *to++ = RESERVED[0];
            *to++ = RESERVED[1];
        }
    }
    *to = '\0';
    return name;
}

static bool is_nul(const char *at)
{
    return (unsigned char)at[0] == 0xc0 && (unsigned char)at[1] == 0x80;
}

char *name_bytes(struct ctx *c, const char *name, size_t *ret_n)
{
    size_t n = strlen(name);
    char *bytes = ctx_strndup(c, name, n), *to;

    if (!strstr(name, RESERVED)) {
        *ret_n = n;
        return bytes;
    }
    to = bytes;
    for (; *name; name++) {
        bool nul = is_nul(name);

        *to++ = nul ? '\0' : *name;
        name += nul;
    }
    *to = '\0';
    *ret_n = (size_t)(to - bytes);
    return bytes;
}

size_t name_length(const char *name)
{
    size_t n = strlen(name);

    for (const char *at = name; (at = strstr(at, RESERVED)); at += 2)
        n--;
    return n;
}

static unsigned next_byte(const char **at)
{
    if (is_nul(*at)) {
        *at += 2;
        return 1;                            /* a NUL: above the end, below every other byte */
    }
    return **at ? (unsigned char)*(*at)++ + 1u : 0;
}

int name_compare(const char *a, const char *b)
{
    for (;;) {
        unsigned x = next_byte(&a), y = next_byte(&b);

        if (x != y)
            return x < y ? -1 : 1;
        if (!x)
            return 0;
    }
}

bool name_is_reserved(const char *name)
{
    return name && is_nul(name);
}

/* --- quoting --------------------------------------------------------------------------------------------------- */

char *name_decode(struct ctx *c, const char *quoted, size_t n, bool plus)
{
    g_autofree char *bytes = g_malloc(n + 1);
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (quoted[i] == '%' && i + 2 < n && g_ascii_isxdigit(quoted[i + 1]) && g_ascii_isxdigit(quoted[i + 2])) {
            bytes[used++] = (char)(g_ascii_xdigit_value(quoted[i + 1]) << 4 | g_ascii_xdigit_value(quoted[i + 2]));
            i += 2;
        } else {
            bytes[used++] = plus && quoted[i] == '+' ? ' ' : quoted[i];
        }
    }
    return is_utf8(bytes, used) ? name_from_bytes(c, bytes, used) : NULL;
}

static bool is_safe(char byte, const char *safe)
{
    while (*safe && *safe != byte)
        safe++;
    return g_ascii_isalnum(byte) || byte == '_' || byte == '.' || byte == '-' || byte == '~' || (byte && *safe);
}

/* How many bytes at the beginning stay as they are. */
static size_t safe_run(const char *name, const char *safe)
{
    size_t n = 0;

    while (is_safe(name[n], safe))
        n++;
    return n;
}

void name_quote_to(struct buf *to, const char *name, const char *safe)
{
    static const char digits[] = "0123456789ABCDEF";

    for (;; name++) {
        size_t n = safe_run(name, safe);
        unsigned char byte;

        buf_add(to, name, n);
        name += n;
        byte = (unsigned char)*name;
        if (!byte)
            break;
        if (is_nul(name)) {
            byte = 0;
            name++;
        }
        buf_putc(to, '%');
        buf_putc(to, digits[byte >> 4]);
        buf_putc(to, digits[byte & 15]);
    }
}

char *name_quote(struct ctx *c, const char *name, const char *safe)
{
    size_t n = safe_run(name, safe);
    struct buf to = {};
    char *quoted;

    if (!name[n])
        return ctx_strndup(c, name, n);
    name_quote_to(&to, name, safe);
    quoted = ctx_strndup(c, to.data ? to.data : "", to.len);
    buf_clear(&to);
    return quoted;
}

static void json_character(struct buf *to, gunichar ch)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    const char *found = ch && ch < 0x80 ? strchr(plain, (int)ch) : NULL;

    if (found) {
        buf_putc(to, '\\');
        buf_putc(to, escaped[found - plain]);
    } else if (ch >= 0x20 && ch < 0x7f) {
        buf_putc(to, (char)ch);
    } else if (ch < 0x10000) {
        buf_printf(to, "\\u%04x", ch);
    } else {
        buf_printf(to, "\\u%04x\\u%04x", 0xd800 + ((ch - 0x10000) >> 10), 0xdc00 + ((ch - 0x10000) & 0x3ff));
    }
}

static bool is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Does a byte of eight need more than itself? Its highest bit is set in one of these: as it is; below 0x20; 0x7f; '"'; '\\'. */
static bool eight_plain(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t word, quote, slash;

    memcpy(&word, at, sizeof(word));
    quote = word ^ ones * '"';
    slash = word ^ ones * '\\';
    return !((word | (word - ones * 0x20) | (word + ones) | (quote - ones) | (slash - ones)) & high);
}

/* How many bytes at the beginning stand in JSON as they are. */
static size_t plain_run(const char *at, size_t n)
{
    size_t i = 0;

    while (i + 8 <= n && eight_plain(at + i))
        i += 8;
    while (i < n && is_plain(at[i]))
        i++;
    return i;
}

void name_json(struct buf *to, const char *name)
{
    const char *at = name;
    size_t left = strlen(name);

    buf_putc(to, '"');
    while (left) {
        size_t plain = plain_run(at, left), escaped;

        buf_add(to, at, plain);
        at += plain;
        left -= plain;
        if (!left)
            break;
        escaped = is_nul(at) ? 2 : (size_t)(g_utf8_next_char(at) - at);
        json_character(to, is_nul(at) ? 0 : g_utf8_get_char(at));
        escaped = MIN(escaped, left);
        at += escaped;
        left -= escaped;
    }
    buf_putc(to, '"');
}

/* --- hashes ---------------------------------------------------------------------------------------------------- */

struct md5 { EVP_MD_CTX *state; };

static void fetch_md5(void)
{
    md5_algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
    g_assert(md5_algorithm);
}

struct md5 *md5_new(void)
{
    struct md5 *m = g_new(struct md5, 1);

    pthread_once(&once, fetch_md5);
    m->state = EVP_MD_CTX_new();
    EVP_DigestInit_ex(m->state, md5_algorithm, NULL);
    return m;
}

void md5_add(struct md5 *m, const void *bytes, size_t n)
{
    EVP_DigestUpdate(m->state, bytes, n);
}

void md5_free(struct md5 *m)
{
    if (!m)
        return;
    EVP_MD_CTX_free(m->state);
    g_free(m);
}

void md5_end(struct md5 *m, uint8_t ret_digest[16])
{
    EVP_DigestFinal_ex(m->state, ret_digest, NULL);
    md5_free(m);
}

void digest_hex(const uint8_t digest[16], char ret_hex[33])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[32] = '\0';
}

void md5_end_hex(struct md5 *m, char ret_hex[33])
{
    uint8_t digest[16];

    md5_end(m, digest);
    digest_hex(digest, ret_hex);
}

void md5_of(const void *bytes, size_t n, uint8_t ret_digest[16])
{
    struct md5 *m = md5_new();

    md5_add(m, bytes, n);
    md5_end(m, ret_digest);
}

void hash_path_configure(const char *prefix, const char *suffix)
{
    g_free(hash_prefix);
    g_free(hash_suffix);
    hash_prefix = g_strdup(prefix ? prefix : "");
    hash_suffix = g_strdup(suffix ? suffix : "");
}

static void add_name(struct md5 *m, const char *name)
{
    const char *nul;

    for (; (nul = strstr(name, RESERVED)); name = nul + 2) {
        md5_add(m, name, (size_t)(nul - name));
        md5_add(m, "", 1);
    }
    md5_add(m, name, strlen(name));
}

void hash_path(const char *account, const char *container, const char *object, uint8_t ret_digest[16])
{
    const char *const names[] = { account, container, object };
    struct md5 *m = md5_new();

    md5_add(m, hash_prefix, strlen(hash_prefix));
    for (size_t i = 0; i < G_N_ELEMENTS(names) && names[i]; i++) {
        md5_add(m, "/", 1);
        add_name(m, names[i]);
    }
    md5_add(m, hash_suffix, strlen(hash_suffix));
    md5_end(m, ret_digest);
}

char *hash_path_hex(struct ctx *c, const char *account, const char *container, const char *object)
{
    uint8_t digest[16];
    char *hex = ctx_alloc(c, 33);

    hash_path(account, container, object, digest);
    digest_hex(digest, hex);
    return hex;
}
