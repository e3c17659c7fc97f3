/* Connections that wait to be used, and the prepared statements each of them keeps. */
#include "oslo/db/driver.h"

#include <stdlib.h>
#include <string.h>

struct connection *pool_take(struct ctx *c, struct db *db, struct pool *pool)
{
    struct connection *taken;

    pthread_mutex_lock(&pool->lock);
    while (!pool->idle && pool->open >= pool->most)
        pthread_cond_wait(&pool->freed, &pool->lock);
    taken = pool->idle;
    if (taken)
        pool->idle = taken->next;
    else
        pool->open++;
    pthread_mutex_unlock(&pool->lock);
    if (!taken && !(taken = db->driver->connect(c, db, pool->writer))) {
        pthread_mutex_lock(&pool->lock);
        pool->open--;
        pthread_cond_signal(&pool->freed);
        pthread_mutex_unlock(&pool->lock);
    }
    return taken;
}

void pool_give(struct db *db, struct pool *pool, struct connection *given)
{
    bool broken = given->broken;

    if (broken)
        db->driver->disconnect(given);
    pthread_mutex_lock(&pool->lock);
    if (broken) {
        pool->open--;
    } else {
        given->next = pool->idle;
        pool->idle = given;
    }
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

void connection_init(struct connection *conn, struct db *db, bool writer)
{
    conn->db = db;
    conn->writer = writer;
    conn->statements = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&conn->recent);
}

void connection_clear(struct connection *conn)
{
    while (conn->recent.head)
        statement_drop(conn, conn->recent.head->data);
    g_hash_table_destroy(conn->statements);
}

struct statement *statement_find(struct connection *conn, const char *sql)
{
    struct statement *st = g_hash_table_lookup(conn->statements, sql);

    if (st && conn->recent.head != &st->link) {
        g_queue_unlink(&conn->recent, &st->link);
        g_queue_push_head_link(&conn->recent, &st->link);
    }
    return st;
}

struct statement *statement_keep(struct connection *conn, const char *sql, void *prepared)
{
    struct statement *st = g_new0(struct statement, 1);

    if (conn->recent.length >= STATEMENTS_KEPT)
        statement_drop(conn, conn->recent.tail->data);
    st->sql = g_strdup(sql);
    st->prepared = prepared;
    st->link.data = st;
    g_hash_table_insert(conn->statements, st->sql, st);
    g_queue_push_head_link(&conn->recent, &st->link);
    return st;
}

void statement_drop(struct connection *conn, struct statement *st)
{
    g_hash_table_remove(conn->statements, st->sql);
    g_queue_unlink(&conn->recent, &st->link);
    conn->db->driver->forget(conn, st->prepared);
    g_free(st->sql);
    g_free(st);
}
