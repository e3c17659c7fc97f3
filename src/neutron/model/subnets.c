/* What is asked of subnets. */
#include "neutron/model/subnets.h"

#include <string.h>

struct subnet **subnets_of(struct ctx *c, const char *network_id, size_t *ret_n)
{
    struct buf columns = { 0 };
    size_t n = 0, cap = 8;
    struct subnet **list = ctx_new_n(c, struct subnet *, cap + 1);
    struct rows *rows;

    record_columns(&columns, subnet_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM subnets WHERE network_id = $1 ORDER BY created_at, id", columns.data), T(network_id));
    buf_clear(&columns);
    while (db_next(rows)) {
        if (n == cap) {
            struct subnet **more = ctx_new_n(c, struct subnet *, cap * 2 + 1);

            memcpy(more, list, cap * sizeof(*list));
            list = more;
            cap *= 2;
        }
        list[n] = ctx_new(c, struct subnet);
        record_from_row(rows, subnet_attrs, list[n++], 0);
    }
    *ret_n = n;
    return failed(c) ? NULL : list;
}

struct subnet *subnet_find(struct subnet **list, const char *id)
{
    for (; *list; list++)
        if (!strcmp((*list)->id, id))
            return *list;
    return NULL;
}

struct cidr subnet_cidr(const struct subnet *s)
{
    struct cidr cidr = { { 0, (int)s->ip_version }, 0 };

    cidr_read(s->cidr, &cidr);
    return cidr;
}

bool subnet_is_auto(const struct subnet *s)
{
    static const char *const modes[] = { "slaac", "dhcpv6-stateless", NULL };

    return (s->ipv6_address_mode && text_in(s->ipv6_address_mode, modes)) || (s->ipv6_ra_mode && text_in(s->ipv6_ra_mode, modes));
}

bool subnet_has_host(const struct subnet *s, struct ip ip, bool router)
{
    struct cidr cidr = subnet_cidr(s);

    if (!cidr_has(cidr, ip))
        return false;
    if (cidr_last(cidr) - cidr_first(cidr) < 2)
        return true;
    if (ip.version == 6)
        return router || ip.n != cidr_first(cidr);
    return ip.n != cidr_first(cidr) && ip.n != cidr_last(cidr);
}

struct range *pools_read(struct ctx *c, const struct subnet *s, size_t *ret_n)
{
    json_t *list = json_of(c, s->allocation_pools), *pool;
    struct range *ranges = ctx_new_n(c, struct range, json_array_size(list) + 1);
    size_t i;

    *ret_n = json_array_size(list);
    json_array_foreach(list, i, pool) {
        struct ip first = { 0 }, last = { 0 };

        ip_read(json_get_string(pool, "start"), &first);
        ip_read(json_get_string(pool, "end"), &last);
        ranges[i] = (struct range){ first.n, last.n };
    }
    return ranges;
}

struct range *pools_default(struct ctx *c, struct cidr cidr, const struct ip *gateway, size_t *ret_n)
{
    struct range *ranges = ctx_new_n(c, struct range, 2);
    ip_number first = cidr_first(cidr), last = cidr_last(cidr);

    *ret_n = 0;
    if (first == last) {
        ranges[(*ret_n)++] = (struct range){ first, last };
        return ranges;
    }
    first++;
    last -= cidr.base.version == 4;
    if (first >= last)
        return ranges;
    if (!gateway || gateway->n < first || gateway->n > last) {
        ranges[(*ret_n)++] = (struct range){ first, last };
        return ranges;
    }
    if (gateway->n > first)
        ranges[(*ret_n)++] = (struct range){ first, gateway->n - 1 };
    if (gateway->n < last)
        ranges[(*ret_n)++] = (struct range){ gateway->n + 1, last };
    return ranges;
}

raw_json pools_write(struct ctx *c, int version, const struct range *ranges, size_t n)
{
    json_t *list = ctx_json(c, json_array());

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "start", ip_text(c, (struct ip){ ranges[i].first, version }),
                                              "end", ip_text(c, (struct ip){ ranges[i].last, version })));
    return json_text(c, list);
}
