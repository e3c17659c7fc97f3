/* Bytes and descriptors over a socket. */
#include "oslo/privsep/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_write(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool wire_read(int fd, void *bytes, size_t n)
{
    char *at = bytes;

    while (n > 0) {
        ssize_t got = recv(fd, at, n, MSG_WAITALL);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

bool wire_send_fd(int socket, int fd, const void *bytes, size_t n)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control = {};
    struct iovec part = { (void *)(uintptr_t)bytes, n };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t sent;

    if (fd < 0)
        return wire_write(socket, bytes, n);
    m.msg_control = &control;
    m.msg_controllen = sizeof(control);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
    do
        sent = sendmsg(socket, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)n;
}

bool wire_receive_fd(int socket, int *ret_fd, void *bytes, size_t n)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control = {};
    struct iovec part = { bytes, n };
    struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    ssize_t got;

    *ret_fd = -1;
    do
        got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
            memcpy(ret_fd, CMSG_DATA(h), sizeof(int));
    return (size_t)got == n || wire_read(socket, (char *)bytes + got, n - (size_t)got);
}
