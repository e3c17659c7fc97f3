/* Unpacks an archive as it arrives (libarchive): nothing of it is kept in memory or on a disk but as objects. */
#include "swift/middleware/archive.h"

#include "oslo/base/text.h"
#include "swift/middleware/middlewares.h"
#include "swift/name.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct extraction {
    struct ctx *c;
    const struct step *step;
    const struct bulk_options *options;
    struct swift_request *request;
    struct archive *archive;
    struct bulk_result result;
    GHashTable *containers;          /* that were looked at */
    int64_t made;                    /* containers */
    const char *failed;              /* the status line of a failure of some */
    bool cut;                        /* the body broke off */
    char block[65536];
};

static la_ssize_t more(struct archive *archive, void *data, const void **ret_bytes)
{
    struct extraction *x = data;
    ssize_t got = request_take(x->c, x->request, x->block, sizeof x->block);

    *ret_bytes = x->block;
    x->cut = got < 0;
    return got < 0 ? -1 : got;
}

static ssize_t read_entry(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct extraction *x = data;
    la_ssize_t got = archive_read_data(x->archive, bytes, n);

    return got < 0 ? -1 : (ssize_t)got;
}

static bool end(struct extraction *x, int status, const char *body)
{
    struct swift_response page = RESPONSE_EMPTY;

    response_error(x->c, &page, status, body);
    x->result.status = status_line(x->c, status);
    x->result.body = ctx_strdup(x->c, page.body.data ? page.body.data : "");
    response_clear(&page);
    return false;
}

/* --- one file ------------------------------------------------------------------------------------------------------ */

static int ask(struct extraction *x, const char *method, const char *container)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct swift_request *r = request_sub(x->c, x->request, method, x->request->account, container, NULL, "EA");

    headers_set(x->c, &r->headers, "X-Auth-Token", request_get(x->request, "X-Auth-Token"));
    request_set_body(r, "", 0);
    step_next(x->c, x->step, r, &response);
    int status = response.status;
    response_clear(&response);
    return status;
}

/* Makes the container where it is not there. *ret_status: what stood against it; the PUT may succeed all the same. */
static bool need_container(struct extraction *x, const char *container, int *ret_status)
{
    int status;

    *ret_status = 0;
    if (g_hash_table_contains(x->containers, container))
        return true;
    status = ask(x, "HEAD", container);
    if (status == 404) {
        status = ask(x, "PUT", container);
        if (status / 100 == 2 && ++x->made > x->options->max_containers_per_extraction)
            return end(x, 400, ctx_printf(x->c, "More than %lld containers to create from tar.", (long long)x->options->max_containers_per_extraction));
    }
    if (status == 401)
        return end(x, 401, NULL);
    if (status / 100 != 2)
        *ret_status = status;
    return true;
}

/* Extended attributes that stand for metadata, and what the request says for all of its objects. */
static void set_headers(struct extraction *x, struct archive_entry *entry, struct headers *to)
{
    const char *name;
    const void *value;
    size_t n;

    headers_set(x->c, to, "X-Auth-Token", request_get(x->request, "X-Auth-Token"));
    headers_copy_prefix(x->c, to, &x->request->headers, "X-Object-Meta-");
    headers_set(x->c, to, "X-Delete-At", request_get(x->request, "X-Delete-At"));
    headers_set(x->c, to, "X-Delete-After", request_get(x->request, "X-Delete-After"));
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &n) == ARCHIVE_OK) {
        const char *text = ctx_strndup(x->c, value, n);

        if (!strcmp(name, "user.mime_type"))
            headers_set(x->c, to, "Content-Type", text);
        else if (g_str_has_prefix(name, "user.meta."))
            headers_set(x->c, to, ctx_printf(x->c, "X-Object-Meta-%s", name + strlen("user.meta.")), text);
    }
}

static void fail_entry(struct extraction *x, const char *path, int status)
{
    if (status / 100 == 5)
        x->failed = status_line(x->c, 502);
    bulk_error(x->c, &x->result, path, status_line(x->c, status));
}

static bool put_entry(struct extraction *x, struct archive_entry *entry, const char *path)
{
    const char *slash = strchr(path, '/'), *container = ctx_strndup(x->c, path, (size_t)(slash - path));
    struct swift_response response = RESPONSE_EMPTY;
    int container_status, status;

    if (!text_is_utf8(path, strlen(path)) || archive_entry_size(entry) > constraints->max_file_size) {
        fail_entry(x, path, text_is_utf8(path, strlen(path)) ? 413 : 412);
        return true;
    }
    if (!need_container(x, container, &container_status))
        return false;
    struct swift_request *r = request_sub(x->c, x->request, "PUT", x->request->account, container, slash + 1, "EA");
    set_headers(x, entry, &r->headers);
    r->read = read_entry;
    r->read_data = x;
    r->length = archive_entry_size(entry);
    step_next(x->c, x->step, r, &response);
    status = response.status;
    response_clear(&response);
    g_hash_table_add(x->containers, g_strdup(container));
    if (status / 100 == 2) {
        x->result.counts[0].count++;
        return true;
    }
    if (container_status)
        bulk_error(x->c, &x->result, ctx_printf(x->c, "/%s/%s/%s", x->request->version, x->request->account, container), status_line(x->c, container_status));
    fail_entry(x, path, status);
    return status != 401 || end(x, 401, NULL);
}

/* Where a file of the archive belongs; NULL: nowhere (it stands on the account's level). What climbs out of it stays a name like any other. */
static const char *place(struct extraction *x, const char *name)
{
    const char *base = x->request->container ? x->request->object ? ctx_printf(x->c, "%s/%s", x->request->container, x->request->object) : x->request->container : "";
    size_t n = strlen(base);

    while (n && base[n - 1] == '/')
        n--;
    if (!strncmp(name, "./", 2))
        name += 2;
    name += strspn(name, "/");
    if (n)
        name = ctx_printf(x->c, "%.*s/%s", (int)n, base, name);
    return strchr(name, '/') ? name : NULL;
}

static bool unpack(struct extraction *x)
{
    struct archive_entry *entry;

    for (;;) {
        int status = archive_read_next_header(x->archive, &entry);

        if (status == ARCHIVE_EOF || bulk_errors(&x->result) >= (size_t)x->options->max_failed_extractions)
            return true;
        if (status < ARCHIVE_WARN) {
            x->result.status = status_line(x->c, x->cut ? 499 : 400);
            x->result.body = ctx_printf(x->c, "Invalid Tar File: %s", archive_error_string(x->archive) ?: "");
            return false;
        }
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || !archive_entry_pathname(entry))
            continue;
        const char *path = place(x, archive_entry_pathname(entry));
        if (path && !put_entry(x, entry, path))
            return false;
    }
}

/* --- the archive ------------------------------------------------------------------------------------------------------ */

static bool open_archive(struct extraction *x, const char *kind)
{
    x->archive = archive_read_new();
    archive_read_support_format_tar(x->archive);
    archive_read_support_format_empty(x->archive);
    if (g_str_has_suffix(kind, "gz"))
        archive_read_support_filter_gzip(x->archive);
    else if (g_str_has_suffix(kind, "bz2"))
        archive_read_support_filter_bzip2(x->archive);
    if (archive_read_open(x->archive, x, NULL, more, NULL) == ARCHIVE_OK)
        return true;
    x->result.status = status_line(x->c, 400);
    x->result.body = ctx_printf(x->c, "Invalid Tar File: %s", archive_error_string(x->archive) ?: "");
    return false;
}

static void extract(struct extraction *x, const char *kind)
{
    x->failed = status_line(x->c, 400);
    x->containers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (open_archive(x, kind) && unpack(x)) {
        x->result.status = status_line(x->c, 201);
        if (bulk_errors(&x->result)) {
            x->result.status = x->failed;
        } else if (!x->result.counts[0].count) {
            x->result.status = status_line(x->c, 400);
            x->result.body = "Invalid Tar File: No Valid Files";
        }
    }
    archive_read_free(x->archive);
    g_hash_table_destroy(x->containers);
}

void archive_extract(struct ctx *c, const struct step *step, struct swift_request *r, const char *kind, struct swift_response *response)
{
    static const char *const kinds[] = { "tar", "tar.gz", "tar.bz2", NULL };
    struct extraction *x = ctx_new(c, struct extraction);
    const char *type;
    bool malformed;

    kind = g_strstrip(g_ascii_strdown(kind, -1));
    ctx_own(c, (void *)kind, g_free);
    kind += strspn(kind, ".");
    if (!text_in(kind, kinds)) {
        response_error(c, response, 400, "Unsupported archive format");
        return;
    }
    *x = (struct extraction){ .c = c, .step = step, .options = step->options, .request = r };
    bulk_result_init(c, &x->result, "extract");
    x->result.counts[0].name = "Number Files Created";
    x->result.body = "";
    type = bulk_type(c, r, &malformed);
    if (!type)
        end(x, 406, NULL);
    else if (r->length < 0 && !request_get(r, "Transfer-Encoding"))
        end(x, 411, NULL);
    else if (!r->account)
        end(x, 404, NULL);
    else
        extract(x, kind);
    bulk_answer(c, type, &x->result, response);
}
