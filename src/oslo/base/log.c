/* Log lines: time, level, service, request id, message; one write(2) a line, so that lines of several processes never mix. */
#include "oslo/base/log.h"

#include "oslo/base/buf.h"
#include "oslo/base/text.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;      /* guards fd and path */
static int fd = STDERR_FILENO;
static char *path;
static enum log_level limit = LOG_LEVEL_INFO;

static void write_line(const struct buf *line);

void log_open(const char *new_path, enum log_level level)
{
    limit = level;
    g_free(path);
    path = g_strdup(new_path);
    if (path)
        log_reopen();
}

void log_reopen(void)
{
    if (!path)
        return;
    int opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

    if (opened < 0) {
        log_warning(NULL, "log file %s cannot be opened: %s", path, g_strerror(errno));
        return;
    }
    pthread_rwlock_wrlock(&lock);
    int old = fd;
    fd = opened;
    pthread_rwlock_unlock(&lock);
    if (old != STDERR_FILENO)
        close(old);
}

void log_line(const struct ctx *c, enum log_level level, const char *format, ...)
{
    static const char *const words[] = { "ERROR", "WARNING", "INFO", "DEBUG" };

    if (level > limit)
        return;
    char when[TIME_TEXT_SIZE];
    struct buf line = {};
    va_list args;

    buf_reserve(&line, 511);
    buf_puts(&line, time_write(when, utc_now(), TIME_SPACE_MICRO));
    buf_putc(&line, ' ');
    buf_puts(&line, words[level]);
    buf_putc(&line, ' ');
    buf_puts(&line, c && c->request_id ? c->request_id : "-");
    buf_putc(&line, ' ');
    size_t start = line.len;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    for (char *at = line.data + start; *at; at++)       /* one event, one line */
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    buf_putc(&line, '\n');
    write_line(&line);
    buf_clear(&line);
}

static void write_line(const struct buf *line)
{
    pthread_rwlock_rdlock(&lock);
    ssize_t written = write(fd, line->data, line->len);         /* a full disk must not stop the work */
    (void)written;
    pthread_rwlock_unlock(&lock);
}
