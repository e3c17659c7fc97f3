/* Looking attrs up, and the named shapes a string may have. */
#include "oslo/record/attr.h"

#include <arpa/inet.h>
#include <string.h>

const struct attr *attr_find(const struct attr *attrs, const char *name)
{
    for (const struct attr *a = attrs; a->name; a++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

const struct attr *attr_find_json(const struct attr *attrs, const char *name)
{
    for (const struct attr *a = attrs; a->name; a++)
        if (!strcmp(attr_json(a), name))
            return a;
    return NULL;
}

static bool check_uuid(const char *value)
{
    return strlen(value) == 36 && uuid_is(value);
}

/* Any value Python's uuid.UUID takes once dashes are gone: 32 hex digits. */
static bool check_uuid_like(const char *value)
{
    int n = 0;

    for (; *value; value++)
        if (g_ascii_isxdigit(*value))
            n++;
        else if (*value != '-')
            return false;
    return n == 32;
}

static bool check_ipv4(const char *value)
{
    struct in_addr a;

    return inet_pton(AF_INET, value, &a) == 1;
}

static bool check_ipv6(const char *value)
{
    struct in6_addr a;

    return inet_pton(AF_INET6, value, &a) == 1;
}

static bool check_ip(const char *value)
{
    return check_ipv4(value) || check_ipv6(value);
}

static bool check_cidr(const char *value)
{
    const char *slash = strchr(value, '/');
    char address[64];
    int64_t bits;

    if (!slash || (size_t)(slash - value) >= sizeof(address) || !text_to_int(slash + 1, &bits) || bits < 0)
        return false;
    memcpy(address, value, (size_t)(slash - value));
    address[slash - value] = '\0';
    return (check_ipv4(address) && bits <= 32) || (check_ipv6(address) && bits <= 128);
}

static bool check_mac(const char *value)
{
    for (int i = 0; i < 17; i++)
        if (i % 3 == 2 ? value[i] != ':' : !g_ascii_isxdigit(value[i]))
            return false;
    return !value[17];
}

static bool check_hostname(const char *value)
{
    size_t n = strlen(value), label = 0;

    if (!n || n > 255)
        return false;
    for (size_t i = 0; i < n; i++) {
        char ch = value[i];

        if (ch == '.') {
            if (!label || value[i - 1] == '-')
                return false;
            label = 0;
        } else if (g_ascii_isalnum(ch) || (ch == '-' && label)) {
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return value[n - 1] != '-';
}

static bool check_url(const char *value)
{
    const char *rest = strstr(value, "://");

    return rest && rest > value && rest[3] && !strpbrk(value, " \t\r\n");
}

static bool check_name(const char *value)
{
    size_t n = strlen(value);

    if (!n || g_ascii_isspace(value[0]) || g_ascii_isspace(value[n - 1]))
        return false;
    for (const char *p = value; *p; p = g_utf8_next_char(p)) {
        gunichar ch = g_utf8_get_char(p);

        if (!g_unichar_isprint(ch))
            return false;
    }
    return true;
}

const struct format format_uuid = { "uuid", check_uuid }, format_uuid_like = { "uuid", check_uuid_like },
    format_ip = { "ip", check_ip }, format_ipv4 = { "ipv4", check_ipv4 }, format_ipv6 = { "ipv6", check_ipv6 },
    format_cidr = { "cidr", check_cidr }, format_mac = { "mac", check_mac }, format_hostname = { "hostname", check_hostname },
    format_url = { "uri", check_url }, format_name = { "name", check_name };
