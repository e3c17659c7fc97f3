/* HTTP client over libcurl. Handles are kept, most recently used first, and with them their open connections. */
#include "oslo/http/fetch.h"
#include "oslo/base/text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES_MAX 32
#define TIMEOUT_US (60 * G_USEC_PER_SEC)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CURL *handles[HANDLES_MAX];           /* guarded by lock */
static int n_handles;                        /* guarded by lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct transfer {
    struct fetch *fetch;
    struct buf headers;                      /* "Name\0value\0" one after the other */
    int n_headers;
    struct buf reply;
};

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURL *handle_take(void)
{
    CURL *handle = NULL;

    pthread_once(&once, start_library);
    pthread_mutex_lock(&lock);
    if (n_handles > 0)
        handle = handles[--n_handles];
    pthread_mutex_unlock(&lock);
    return handle ? handle : curl_easy_init();
}

static void handle_give_back(CURL *handle)
{
    curl_easy_reset(handle);
    pthread_mutex_lock(&lock);
    if (n_handles < HANDLES_MAX) {
        handles[n_handles++] = handle;
        handle = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (handle)
        curl_easy_cleanup(handle);
}

static size_t on_header(char *line, size_t one, size_t n, void *data)
{
    struct transfer *transfer = data;
    const char *colon = memchr(line, ':', n);
    const char *end = line + n;

    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {          /* of a redirect or a 100: only the last reply's headers count */
        transfer->headers.len = 0;
        transfer->n_headers = 0;
    }
    if (!colon)
        return n;
    buf_add(&transfer->headers, line, (size_t)(colon - line));
    buf_putc(&transfer->headers, '\0');
    for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
        ;
    while (end > colon && strchr(" \t\r\n", end[-1]))
        end--;
    buf_add(&transfer->headers, colon, (size_t)(end - colon));
    buf_putc(&transfer->headers, '\0');
    transfer->n_headers++;
    return n;
}

static size_t on_body(char *bytes, size_t one, size_t n, void *data)
{
    struct transfer *transfer = data;

    if (transfer->fetch->write)
        return transfer->fetch->write(transfer->fetch->data, bytes, n) ? n : 0;
    buf_add(&transfer->reply, bytes, n);
    return n;
}

static size_t on_read(char *bytes, size_t one, size_t n, void *data)
{
    struct transfer *transfer = data;
    ssize_t got = transfer->fetch->read(transfer->fetch->data, bytes, n);

    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static struct curl_slist *header_list(struct ctx *c, const struct fetch *f)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (const struct pair *p = f->headers; p && p->name; p++)
        list = curl_slist_append(list, ctx_printf(c, *p->value ? "%s: %s" : "%s;", p->name, p->value));
    return list;
}

static int64_t time_left(struct ctx *c, const struct fetch *f)
{
    int64_t left = f->timeout_us ? f->timeout_us : TIMEOUT_US;

    if (c->deadline)
        left = MIN(left, c->deadline - clock_mono_us());
    return MAX(left, 1000);
}

static void set_body(CURL *handle, struct transfer *transfer)
{
    const struct fetch *f = transfer->fetch;

    if (f->read) {
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(handle, CURLOPT_READDATA, transfer);
    } else if (f->body) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, f->body);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body_size);
    } else if (strcmp(f->method, "POST") == 0 || strcmp(f->method, "PUT") == 0 || strcmp(f->method, "PATCH") == 0) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "");
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, 0L);
    }
    if (strcmp(f->method, "HEAD") == 0)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, f->method);
}

static void set_options(struct ctx *c, CURL *handle, struct transfer *transfer)
{
    const struct fetch *f = transfer->fetch;

    curl_easy_setopt(handle, CURLOPT_URL, f->url);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, f->proxy ? "" : "*");
    curl_easy_setopt(handle, CURLOPT_PROXY, f->proxy ? f->proxy : "");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)(time_left(c, f) / 1000));
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
    if (f->ca_file)
        curl_easy_setopt(handle, CURLOPT_CAINFO, f->ca_file);
    if (f->certificate)
        curl_easy_setopt(handle, CURLOPT_SSLCERT, f->certificate);
    if (f->key)
        curl_easy_setopt(handle, CURLOPT_SSLKEY, f->key);
    if (f->insecure) {
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set_body(handle, transfer);
}

/* "::address:": every host and port is reached there. */
static struct curl_slist *connect_to(struct ctx *c, const struct fetch *f)
{
    if (!f->address)
        return NULL;
    return curl_slist_append(NULL, ctx_printf(c, strchr(f->address, ':') ? "::[%s]:" : "::%s:", f->address));
}

static struct pair *take_headers(struct ctx *c, struct transfer *transfer)
{
    struct pair *pairs = ctx_new_n(c, struct pair, transfer->n_headers + 1);
    const char *p = transfer->headers.data;

    for (int i = 0; i < transfer->n_headers; i++) {
        pairs[i].name = ctx_strdup(c, p);
        p += strlen(p) + 1;
        pairs[i].value = ctx_strdup(c, p);
        p += strlen(p) + 1;
    }
    return pairs;
}

static bool judge(struct ctx *c, const struct fetch *f, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return true;
    case CURLE_OPERATION_TIMEDOUT:
        return fail(c, 504, "Timeout", "%s %s timed out", f->method, f->url);
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return fail(c, INTERNAL_ERROR, "the transfer was given up");
    default:
        return fail(c, 503, "ServiceUnavailable", "%s %s: %s", f->method, f->url, curl_easy_strerror(code));
    }
}

bool fetch(struct ctx *c, struct fetch *f)
{
    struct transfer transfer = { .fetch = f };
    CURL *handle = handle_take();
    struct curl_slist *headers = header_list(c, f), *to = connect_to(c, f);
    long status = 0;
    CURLcode code;

    set_options(c, handle, &transfer);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_CONNECT_TO, to);
    code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_slist_free_all(to);
    handle_give_back(handle);
    if (code == CURLE_OK) {
        f->status = (int)status;
        f->reply_headers = take_headers(c, &transfer);
        f->reply = ctx_strndup(c, transfer.reply.data ? transfer.reply.data : "", transfer.reply.len);
        f->reply_size = transfer.reply.len;
    }
    buf_clear(&transfer.headers);
    buf_clear(&transfer.reply);
    return judge(c, f, code);
}
