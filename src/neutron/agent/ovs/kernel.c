/* Does this kernel switch for Open vSwitch? It does if generic netlink knows the family of its datapath. */
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "neutron/agent/ovs/switch.h"

bool kernel_has_datapath(void)
{
    static const char family[] = "ovs_datapath";
    struct {
        struct nlmsghdr head;
        struct genlmsghdr generic;
        struct nlattr attr;
        char name[(sizeof(family) + 3) / 4 * 4];
    } ask = {
        { sizeof(ask), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 }, { CTRL_CMD_GETFAMILY, 1, 0 }, { NLA_HDRLEN + sizeof(family), CTRL_ATTR_FAMILY_NAME }, {}
    };
    union { struct nlmsghdr head; char bytes[8192]; } answer = {};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    bool known = false;

    memcpy(ask.name, family, sizeof(family));
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 2 }, sizeof(struct timeval));
    if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask) && recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.head))
        known = answer.head.nlmsg_type == GENL_ID_CTRL;
    close(fd);
    return known;
}
