/* Named shapes of strings. */
#include "nova/api/formats.h"

#include "oslo/record/attr.h"
#include "oslo/record/python.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_space(gunichar ch)
{
    return g_unichar_type(ch) == G_UNICODE_SPACE_SEPARATOR;
}

/* Printable, without the excluded character, and not beginning or ending with a blank. The empty string is judged by length. */
static bool is_name_without(const char *text, gunichar excluded)
{
    if (*text && (is_space(g_utf8_get_char(text)) || is_space(g_utf8_get_char(g_utf8_prev_char(text + strlen(text))))))
        return false;
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar ch = g_utf8_get_char(text);

        if (!char_is_printable(ch) || ch == excluded)
            return false;
    }
    return true;
}

static bool is_name(const char *text)
{
    return is_name_without(text, 0);
}

static bool is_az_name(const char *text)
{
    return is_name_without(text, ':');
}

static bool is_description(const char *text)
{
    for (; *text; text = g_utf8_next_char(text))
        if (!char_is_printable(g_utf8_get_char(text)))
            return false;
    return true;
}

static bool only_of(const char *text, const char *more)
{
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr(more, *text))
            return false;
    return true;
}

static bool is_keypair_name_20(const char *text)
{
    return only_of(text, "_- ");
}

static bool is_keypair_name_292(const char *text)
{
    return only_of(text, "@._- ");
}

/* As Python reads it: other characters do not count, what remains must be whole groups. */
static bool is_base64(const char *text)
{
    size_t n = 0, padding = 0;

    for (; *text; text++) {
        if (*text == '=')
            padding++;
        else if (g_ascii_isalnum(*text) || *text == '+' || *text == '/')
            n++;
    }
    return n % 4 == 0 || (n % 4 == 2 && padding >= 2) || (n % 4 == 3 && padding >= 1);
}

static bool is_ipv4(const char *text)
{
    struct in_addr a;

    return inet_pton(AF_INET, text, &a) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr a;

    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_date_time(const char *text)
{
    utc_time t;

    return time_parse(text, &t);
}

static bool is_cidr(const char *text)
{
    return format_cidr.check(text);
}

static bool is_uri(const char *text)
{
    const char *colon = strstr(text, "://");

    return colon && colon > text && colon[3] && !strpbrk(text, " <>\"{}|\\^`");
}

static bool is_regex(const char *text)
{
    GRegex *regex = *text ? g_regex_new(text, 0, 0, NULL) : NULL;

    if (!regex)
        return false;
    g_regex_unref(regex);
    return true;
}

const struct schema_format nova_formats[] = {
    { "uuid", uuid_is },
    { "name", is_name, .reason = "printable characters. Can not start or end with whitespace." },
    { "az_name", is_az_name, .reason = "printable characters except :.Can not start or end with whitespace." },
    { "description", is_description, .strings_only = true },
    { "keypair_name_20", is_keypair_name_20,
      .reason = "Only expected characters: [_- 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ]" },
    { "keypair_name_292", is_keypair_name_292,
      .reason = "Only expected characters: [@._- 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ]" },
    { "base64", is_base64 },
    { "ipv4", is_ipv4, .strings_only = true },
    { "ipv6", is_ipv6, .strings_only = true },
    { "date-time", is_date_time },
    { "cidr", is_cidr },
    { "uri", is_uri },
    { "regex", is_regex },
    {}
};
