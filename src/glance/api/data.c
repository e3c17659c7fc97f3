/* An image's data: upload, download with ranges, staging for a later import. Bodies stream in both directions. */
#include "glance/model/image.h"
#include "glance/model/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_body(struct ctx *c, void *request, void *bytes, size_t n)
{
    return request_read(c, request, bytes, n);
}

static bool is_octets(struct ctx *c, const struct request *request)
{
    const char *type = request_header(request, "Content-Type");

    if (type && g_str_has_prefix(type, "application/octet-stream"))
        return true;
    return fail(c, MEDIA_TYPE, type ? type : "");
}

/* Upload. */

static bool upload_allowed(struct ctx *c, const struct image *image)
{
    if (image_change_allowed(c, image, "upload_image"))
        return true;
    if (c->fault.status == 403) {
        fault_clear(c);
        fail(c, UPLOAD_FORBIDDEN, image->id);
    }
    return false;
}

/* The data are on the disk: says so in the row, unless the image has gone meanwhile. */
static bool commit_data(struct ctx *c, struct image *image, const struct stored *stored)
{
    image_set_stored(c, image, stored);
    if (image_transition(c, image, "active"))
        return true;
    if (c->fault.status != 409)
        return false;
    store_remove(c, image->id);
    fault_clear(c);
    return fail(c, IMAGE_GONE, image->id);
}

/* Makes the image what it was; the fault at hand stays. */
static void give_up(struct ctx *c, struct image *image)
{
    struct fault fault = c->fault;

    fault_clear(c);
    image_restore(c, image);
    fault_clear(c);
    c->fault = fault;
}

/* What is said to be too large need not come. */
static bool size_allowed(struct ctx *c, const struct request *request)
{
    return request->content_length <= glance_options()->image_size_cap || fail(c, IMAGE_TOO_LARGE);
}

static bool image_upload(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *store = request_header(request, "X-Image-Meta-Store");
    struct stored stored;
    struct image *image;

    if (!is_octets(c, request))
        return false;
    if (store && strcmp(store, STORE) != 0)
        return fail(c, STORE_UNKNOWN, store);
    image = image_lookup(c, request_arg(request, "image_id"));
    if (!image || !upload_allowed(c, image))
        return false;
    if (strcmp(image->status, "queued") == 0 && !image_has_formats(c, image))
        return false;
    if (strcmp(image->status, "queued") != 0)
        return fail(c, STATUS_TRANSITION, image->status, "saving");
    if (!size_allowed(c, request))
        return false;
    if (!image_transition(c, image, "saving"))
        return false;
    if (store_write(c, image->id, text_equal(image->container_format, "bare") ? image->disk_format : NULL, read_body, request, &stored))
        return commit_data(c, image, &stored);
    give_up(c, image);
    return false;
}

/* Download. */

struct range { int64_t from, to; bool asked; };      /* to is exclusive */

/* "bytes=a-b", "bytes=a-", "bytes=-n". */
static bool parse_range(const char *text, int64_t size, struct range *r)
{
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GRegex) regex = g_regex_new("^bytes[ \\t]*=[ \\t]*(\\d*)[ \\t]*-[ \\t]*(\\d*)$", G_REGEX_CASELESS, 0, NULL);
    g_autofree char *first = NULL, *last = NULL;
    int64_t a = 0, b = 0;

    if (!g_regex_match(regex, text, 0, &match))
        return false;
    first = g_match_info_fetch(match, 1);
    last = g_match_info_fetch(match, 2);
    if ((!*first && !*last) || (*first && !text_to_int(first, &a)) || (*last && !text_to_int(last, &b)) || (*first && *last && b < a))
        return false;
    if (*first)
        *r = (struct range){ a, *last && b < size ? b + 1 : size, true };
    else
        *r = (struct range){ MAX(size - b, 0), size, true };
    return true;
}

/* "bytes a-b/n", which does not belong in a request, but has always been taken. */
static bool parse_content_range(const char *text, int64_t size, struct range *r)
{
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GRegex) regex = g_regex_new("^bytes (\\d+)-(\\d+)/(\\d+|\\*)$", 0, 0, NULL);
    g_autofree char *first = NULL, *last = NULL;
    int64_t a, b;

    if (!g_regex_match(regex, text, 0, &match))
        return false;
    first = g_match_info_fetch(match, 1);
    last = g_match_info_fetch(match, 2);
    if (!text_to_int(first, &a) || !text_to_int(last, &b) || b < a)
        return false;
    *r = (struct range){ a, MIN(b + 1, size), true };
    return true;
}

static bool read_range(struct ctx *c, const struct request *request, int64_t size, struct range *r)
{
    const char *range = request_header(request, "Range"), *content_range = request_header(request, "Content-Range");

    *r = (struct range){ 0, size, false };
    if (range && strchr(range, ','))
        return fail(c, RANGE_MANY);
    if (range && !parse_range(range, size, r))
        return fail(c, RANGE_INVALID, "Range");
    if (!range && content_range && !parse_content_range(content_range, size, r))
        return fail(c, RANGE_INVALID, "Content-Range");
    if (r->asked && r->from >= size)
        return fail(c, RANGE_START, range ? "Range" : "Content-Range", size - 1);
    return true;
}

static bool answer_data(struct ctx *c, const struct image *image, struct request *request, struct reply *reply)
{
    int64_t size = 0;
    int fd = image->store ? store_read(c, image->id, &size) : -1;
    struct range r;

    if (fd < 0) {
        reply->status = 204;
        return true;
    }
    if (!read_range(c, request, size, &r)) {
        close(fd);
        return false;
    }
    if (r.asked) {
        reply->status = 206;
        reply_header(c, reply, "Content-Range", ctx_printf(c, "bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, r.from,
                                                           r.to - 1, size));
    }
    if (image->checksum)
        reply_header(c, reply, "Content-MD5", image->checksum);
    reply_file(reply, "application/octet-stream", fd, r.from, r.to - r.from);
    return true;
}

static bool image_download(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = image_lookup(c, request_arg(request, "image_id"));

    if (!image)
        return false;
    if (strcmp(image->status, "deactivated") == 0 && !c->who.is_admin)
        return fail(c, DOWNLOAD_DEACTIVATED);
    return image_allowed(c, image, "download_image") && answer_data(c, image, request, reply);
}

/* Staging. */

static bool image_stage(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image;
    int64_t size = 0;

    if (!is_octets(c, request))
        return false;
    image = image_lookup(c, request_arg(request, "image_id"));
    if (!image || !image_change_allowed(c, image, "modify_image"))
        return false;
    if (strcmp(image->status, "queued") != 0)
        return fail(c, STATUS_TRANSITION, image->status, "uploading");
    if (!size_allowed(c, request))
        return false;
    if (!image_transition(c, image, "uploading"))
        return false;
    if (!stage_write(c, image->id, read_body, request, &size)) {
        give_up(c, image);
        return false;
    }
    image->size = (opt_int){ size, true };
    return image_transition(c, image, "uploading");
}

const struct route glance_data_routes[] = {
    { "GET", "images/{image_id}/file", image_download, .flags = ROUTE_NO_POLICY },
    { "PUT", "images/{image_id}/file", image_upload, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_STREAM | ROUTE_EMPTY },
    { "PUT", "images/{image_id}/stage", image_stage, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_STREAM | ROUTE_EMPTY },
    {}
};
