/* One question to the name servers. */
#include "swift/middleware/dns.h"

#include "oslo/base/text.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <resolv.h>
#include <string.h>

enum { TIMEOUT_MS = 2000, TRIES = 2 };

struct question {
    struct ctx *c;
    enum dns_found found;
    const char *name;
    int64_t ttl;
    bool answered;
};

enum dns_found dns_cname_read(struct ctx *c, const void *answer, size_t n, const char **ret_name, int64_t *ret_ttl)
{
    char name[NS_MAXDNAME];
    ns_msg message;
    ns_rr record;
    size_t length;

    if (n > NS_MAXMSG || ns_initparse(answer, (int)n, &message))
        return DNS_FAILED;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (ns_parserr(&message, ns_s_an, i, &record))
            return DNS_FAILED;
        if (ns_rr_type(record) != ns_t_cname)
            continue;
        if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record), name, sizeof(name)) < 0)
            return DNS_FAILED;
        for (length = strlen(name); length && name[length - 1] == '.';)
            name[--length] = 0;
        *ret_name = ctx_strdup(c, name);
        *ret_ttl = ns_rr_ttl(record);
        return DNS_FOUND;
    }
    return DNS_NOTHING;
}

static void take_answer(void *data, int status, int timeouts, unsigned char *answer, int n)
{
    struct question *q = data;

    q->answered = true;
    if (status == ARES_SUCCESS)
        q->found = dns_cname_read(q->c, answer, (size_t)n, &q->name, &q->ttl);
    else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
        q->found = DNS_NOTHING;
}

static void wait_for(ares_channel channel)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd fds[ARES_GETSOCK_MAXNUM];
    unsigned which = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);       /* to read; above those, to write */
    struct timeval left, *until = ares_timeout(channel, NULL, &left);
    nfds_t n = 0;

    for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        short events = (short)((which >> i & 1 ? POLLIN : 0) | (which >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0));

        if (events)
            fds[n++] = (struct pollfd){ .fd = sockets[i], .events = events };
    }
    poll(fds, n, until ? (int)(until->tv_sec * 1000 + until->tv_usec / 1000) + 1 : TIMEOUT_MS);
    if (!n)
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (nfds_t i = 0; i < n; i++)
        ares_process_fd(channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD, fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
}

static ares_channel open_channel(const char *servers)
{
    struct ares_options options = { .timeout = TIMEOUT_MS, .tries = TRIES };
    ares_channel channel;

    if (ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS)
        return NULL;
    if (!servers || ares_set_servers_ports_csv(channel, servers) == ARES_SUCCESS)
        return channel;
    ares_destroy(channel);
    return NULL;
}

bool dns_servers_valid(struct ctx *c, const char *servers)
{
    ares_channel channel = open_channel(servers);

    if (channel)
        ares_destroy(channel);
    return channel != NULL;
}

enum dns_found dns_cname(struct ctx *c, const char *servers, const char *domain, const char **ret_name, int64_t *ret_ttl)
{
    struct question q = { .c = c, .found = DNS_FAILED };
    ares_channel channel = open_channel(servers);

    if (!channel)
        return DNS_FAILED;
    ares_query(channel, domain, ns_c_in, ns_t_cname, take_answer, &q);
    while (!q.answered)
        wait_for(channel);
    ares_destroy(channel);
    *ret_name = q.name;
    *ret_ttl = q.ttl;
    return q.found;
}
