/* Where DHCP requests come in: one thread waits on a socket a network, each opened in that network's namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "neutron/agent/dhcp/dhcp.h"
#include "oslo/base/log.h"
#include "oslo/privsep/privsep.h"
#include "oslo/trace/trace.h"

struct door { char *network_id; int fd; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards doors and all below it */
static GHashTable *doors;            /* network id -> struct door */
static int epoll = -1, stop = -1;
static pthread_t thread;

static void *serve(void *);

static void door_free(void *door)
{
    struct door *d = door;

    if (d->fd >= 0)
        close(d->fd);                    /* epoll forgets it */
    g_free(d->network_id);
    g_free(d);
}

static bool start(struct ctx *c)
{
    if (doors)
        return true;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    stop = eventfd(0, EFD_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, stop, &(struct epoll_event){ .events = EPOLLIN });
    if (pthread_create(&thread, NULL, serve, NULL) != 0)
        return fail(c, UNAVAILABLE, "cannot start the DHCP thread");
    doors = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, door_free);
    return true;
}

bool responder_serve(struct ctx *c, const char *network_id, const char *netns, const char *device)
{
    struct privsep_socket want = { .netns = netns, .family = AF_INET, .type = SOCK_DGRAM, .port = 67, .device = device, .broadcast = true };
    bool known, ok;
    int fd;

    pthread_mutex_lock(&lock);
    known = doors && g_hash_table_contains(doors, network_id);
    pthread_mutex_unlock(&lock);
    if (known)
        return true;
    if ((fd = privsep_socket(c, &want)) < 0)
        return false;
    pthread_mutex_lock(&lock);
    ok = start(c);
    if (ok) {
        struct door *d = g_new0(struct door, 1);

        d->network_id = g_strdup(network_id);
        d->fd = fd;
        g_hash_table_replace(doors, d->network_id, d);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
    } else {
        close(fd);
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void responder_withdraw(const char *network_id)
{
    pthread_mutex_lock(&lock);
    if (doors)
        g_hash_table_remove(doors, network_id);
    pthread_mutex_unlock(&lock);
}

void responder_stop(void)
{
    if (!doors)
        return;
    if (eventfd_write(stop, 1) == 0)
        pthread_join(thread, NULL);
    g_clear_pointer(&doors, g_hash_table_unref);
    close(epoll);
    close(stop);
}

/* The network whose door has that descriptor, and a descriptor of our own to answer by: the door may close meanwhile. */
static char *door_of(struct ctx *c, int fd, int *ret_fd)
{
    char *network_id = NULL;
    GHashTableIter i;
    void *door;

    pthread_mutex_lock(&lock);
    g_hash_table_iter_init(&i, doors);
    while (!network_id && g_hash_table_iter_next(&i, NULL, &door))
        if (((struct door *)door)->fd == fd)
            network_id = ctx_strdup(c, ((struct door *)door)->network_id);
    *ret_fd = network_id ? dup(fd) : -1;
    pthread_mutex_unlock(&lock);
    return network_id;
}

/* To a relay, to a client that has its address already, else to all: it cannot answer ARP yet. */
static struct sockaddr_in answer_to(const struct dhcp_request *request, const struct dhcp_reply *reply)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(request->relay ? 67 : 68) };

    if (request->relay)
        to.sin_addr.s_addr = htonl(request->relay);
    else if (request->client && reply->type != DHCP_NAK)
        to.sin_addr.s_addr = htonl(request->client);
    else
        to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    return to;
}

static void answer(int fd)
{
    uint8_t bytes[1500], packet[DHCP_PACKET_MOST];
    struct dhcp_request request;
    struct dhcp_reply reply;
    struct sockaddr_in to;
    struct ctx c;
    size_t size;
    int own = -1;

    ctx_init(&c, NULL, NULL);
    const char *network_id = door_of(&c, fd, &own);
    ssize_t n = own >= 0 ? recv(own, bytes, sizeof(bytes), MSG_DONTWAIT) : -1;

    if (n > 0 && dhcp_request_read(&request, bytes, (size_t)n)) {
        struct span *span = span_begin(&c, SPAN_DRIVER, "DHCP %d from %02x:%02x:%02x:%02x:%02x:%02x", (int)request.type, request.mac[0],
                                       request.mac[1], request.mac[2], request.mac[3], request.mac[4], request.mac[5]);
        span_resource(&c, network_id);
        if (dhcp_network_answer(&c, network_id, &request, &reply) && (size = dhcp_reply_write(packet, &request, &reply)) > 0) {
            to = answer_to(&request, &reply);
            if (sendto(own, packet, size, 0, (void *)&to, sizeof(to)) < 0)
                log_warning(&c, "DHCP answer on network %s is not sent: %s", network_id, g_strerror(errno));
        }
        span_end(&c, span, 0);
    }
    if (own >= 0)
        close(own);
    ctx_clear(&c);
}

static void *serve(void *data)
{
    struct epoll_event events[32];
    bool stopped = false;

    pthread_setname_np(pthread_self(), "dhcp");
    while (!stopped) {
        int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == 0)
                stopped = true;
            else
                answer(events[i].data.fd);
        }
    }
    return NULL;
}
