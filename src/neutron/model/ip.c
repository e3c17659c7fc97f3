/* Addresses and prefixes of both families. */
#include "neutron/model/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/text.h"

int ip_bits(int version)
{
    return version == 4 ? 32 : 128;
}

static ip_number host_mask(int version, int prefixlen)
{
    int bits = ip_bits(version) - prefixlen;

    return bits >= 128 ? ~(ip_number)0 : ((ip_number)1 << bits) - 1;
}

bool ip_read(const char *text, struct ip *ret_ip)
{
    unsigned char bytes[16];
    int version = text && strchr(text, ':') ? 6 : 4;

    if (!text || inet_pton(version == 6 ? AF_INET6 : AF_INET, text, bytes) != 1)
        return false;
    *ret_ip = (struct ip){ .version = version };
    for (int i = 0; i < ip_bits(version) / 8; i++)
        ret_ip->n = ret_ip->n << 8 | bytes[i];
    return true;
}

char *ip_text(struct ctx *c, struct ip ip)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    int size = ip_bits(ip.version) / 8;

    for (int i = size - 1; i >= 0; i--, ip.n >>= 8)
        bytes[i] = (unsigned char)ip.n;
    inet_ntop(ip.version == 6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
    return ctx_strdup(c, text);
}

/* "24", or for IPv4 a netmask such as 255.255.255.0. */
static bool prefixlen_read(const char *text, int version, int *ret_length)
{
    struct ip mask;
    int64_t value;

    if (text_to_int(text, &value)) {
        *ret_length = (int)value;
        return value >= 0 && value <= ip_bits(version);
    }
    if (version != 4 || !ip_read(text, &mask) || mask.version != 4)
        return false;
    for (int length = 0; length <= 32; length++) {
        if ((host_mask(4, length) ^ 0xffffffffu) == mask.n) {
            *ret_length = length;
            return true;
        }
    }
    return false;
}

bool cidr_read(const char *text, struct cidr *ret_cidr)
{
    char address[IP_TEXT_SIZE];
    const char *slash = text ? strchr(text, '/') : NULL;
    size_t size = slash ? (size_t)(slash - text) : text ? strlen(text) : 0;

    if (!text || size >= sizeof(address))
        return false;
    memcpy(address, text, size);
    address[size] = 0;
    if (!ip_read(address, &ret_cidr->base))
        return false;
    ret_cidr->prefixlen = ip_bits(ret_cidr->base.version);
    if (slash && !prefixlen_read(slash + 1, ret_cidr->base.version, &ret_cidr->prefixlen))
        return false;
    ret_cidr->base.n &= ~host_mask(ret_cidr->base.version, ret_cidr->prefixlen);
    return true;
}

char *cidr_text(struct ctx *c, struct cidr cidr)
{
    return ctx_printf(c, "%s/%d", ip_text(c, cidr.base), cidr.prefixlen);
}

bool cidr_is_canonical(const char *text)
{
    struct ctx c;
    struct cidr cidr;
    bool same;

    if (!cidr_read(text, &cidr))
        return false;
    ctx_init(&c, NULL, "");
    same = g_strcmp0(text, cidr_text(&c, cidr)) == 0;
    ctx_clear(&c);
    return same;
}

ip_number cidr_first(struct cidr cidr)
{
    return cidr.base.n;
}

ip_number cidr_last(struct cidr cidr)
{
    return cidr.base.n | host_mask(cidr.base.version, cidr.prefixlen);
}

bool cidr_has(struct cidr cidr, struct ip ip)
{
    return ip.version == cidr.base.version && ip.n >= cidr_first(cidr) && ip.n <= cidr_last(cidr);
}

bool cidr_overlaps(struct cidr a, struct cidr b)
{
    return a.base.version == b.base.version && cidr_first(a) <= cidr_last(b) && cidr_first(b) <= cidr_last(a);
}

bool cidr_contains(struct cidr outer, struct cidr inner)
{
    return outer.base.version == inner.base.version && cidr_first(outer) <= cidr_first(inner) && cidr_last(inner) <= cidr_last(outer);
}

struct ip cidr_ip(struct cidr cidr, ip_number offset)
{
    return (struct ip){ cidr.base.n + offset, cidr.base.version };
}

static bool mac_read(const char *text, unsigned char bytes[6])
{
    int digits = 0;

    for (; *text; text++) {
        if (*text == ':' || *text == '-' || *text == '.')
            continue;
        if (!g_ascii_isxdigit(*text) || digits == 12)
            return false;
        if (digits % 2 == 0)
            bytes[digits / 2] = 0;
        bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | g_ascii_xdigit_value(*text));
        digits++;
    }
    return digits == 12;
}

static char *mac_write(struct ctx *c, const unsigned char b[6])
{
    return ctx_printf(c, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

bool mac_is(const char *text)
{
    unsigned char bytes[6];
    static const unsigned char none[6];

    return text && mac_read(text, bytes) && memcmp(bytes, none, 6) != 0;
}

char *mac_canonical(struct ctx *c, const char *text)
{
    unsigned char bytes[6] = { 0 };

    mac_read(text, bytes);
    return mac_write(c, bytes);
}

char *mac_random(struct ctx *c)
{
    unsigned char bytes[6] = { 0xfa, 0x16, 0x3e };

    random_bytes(bytes + 3, 3);
    return mac_write(c, bytes);
}

struct ip eui64(struct cidr prefix, const char *mac)
{
    unsigned char b[6] = { 0 };
    unsigned char id[8];
    ip_number n = 0;

    mac_read(mac, b);
    memcpy(id, (const unsigned char[]){ b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5] }, 8);
    for (int i = 0; i < 8; i++)
        n = n << 8 | id[i];
    return (struct ip){ (prefix.base.n & ~(ip_number)UINT64_MAX) | n, 6 };
}

static int cidr_compare(const void *left, const void *right)
{
    const struct cidr *a = left, *b = right;

    if (a->base.version != b->base.version)
        return a->base.version - b->base.version;
    if (a->base.n != b->base.n)
        return a->base.n < b->base.n ? -1 : 1;
    return a->prefixlen - b->prefixlen;
}

/* Two halves of the same prefix, or one inside the other, become one. */
static bool cidr_join(struct cidr *a, struct cidr b)
{
    if (cidr_contains(*a, b))
        return true;
    if (a->base.version != b.base.version || a->prefixlen != b.prefixlen || a->prefixlen == 0)
        return false;
    struct cidr both = { a->base, a->prefixlen - 1 };
    both.base.n &= ~host_mask(both.base.version, both.prefixlen);
    if (!cidr_contains(both, b) || both.base.n != a->base.n)
        return false;
    *a = both;
    return true;
}

struct cidr *cidr_merge(struct ctx *c, const struct cidr *list, size_t n, size_t *ret_n)
{
    struct cidr *out = ctx_new_n(c, struct cidr, n + 1);
    struct cidr *sorted = ctx_new_n(c, struct cidr, n + 1);
    size_t used = 0;

    if (n)
        memcpy(sorted, list, n * sizeof(*list));
    qsort(sorted, n, sizeof(*sorted), cidr_compare);
    for (size_t i = 0; i < n; i++) {
        out[used++] = sorted[i];
        while (used > 1 && cidr_join(&out[used - 2], out[used - 1]))
            used--;
    }
    *ret_n = used;
    return out;
}
