/* Requests to one node. */
#include "swift/tools/direct.h"

#include "swift/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *direct_target(struct ctx *c, const struct ring_device *node, uint32_t partition, const char *path)
{
    return name_quote(c, ctx_printf(c, "/%s/%u%s", node->device, partition, path), "/");
}

bool direct_ask(struct ctx *c, struct wire *w, const struct ring_device *node, const char *method, const char *target, struct headers *h,
                const char **ret_line, int *ret_status)
{
    bool v6 = strchr(node->ip, ':') != NULL;
    struct buf b = {};
    char *line;
    bool well;

    headers_printf(c, h, "Host", v6 ? "[%s]:%d" : "%s:%d", node->ip, node->port);
    headers_set(c, h, "Connection", "close");
    buf_printf(&b, "%s %s HTTP/1.1\r\n", method, target);
    wire_put_headers(&b, h);
    buf_puts(&b, "\r\n");
    *h = (struct headers){};
    errno = 0;
    well = wire_put(w, b.data, b.len) && wire_read_head(c, w, &line, h) && sscanf(line, "HTTP/1.%*d %d", ret_status) == 1;
    buf_clear(&b);
    if (!well) {
        errno = errno == EAGAIN ? ETIMEDOUT : errno;
        return false;
    }
    *ret_line = line;
    wire_begin_body(w, h, *ret_status, !strcmp(method, "HEAD"));
    return true;
}
