/* The Open vSwitch database, by JSON-RPC (RFC 7047) over its socket: what it holds is kept here by a monitor, changes are
 * transactions. A lost connection is made again by itself; what it holds is then read anew.
 */
#ifndef NEUTRON_AGENT_OVS_OVSDB_H
#define NEUTRON_AGENT_OVS_OVSDB_H

#include "oslo/base/ctx.h"

#define OVSDB_UNAVAILABLE 503, "OvsdbConnectionUnavailable", "The Open vSwitch database does not answer at %s: %s"
#define OVSDB_REFUSED     500, "OvsdbTransactionError", "The Open vSwitch database refused a change: %s"

/* connection: "unix:/run/openvswitch/db.sock" or "tcp:HOST:PORT". Waits for the first answer. changed() is called after each change
 * of an interface or port, and after a new connection, from the client's thread. */
bool ovsdb_start(struct ctx *, const char *connection, void (*changed)(void));
void ovsdb_stop(void);

/* Lets look() see all that is monitored, {table: {uuid: row}}; it must not keep any of it. Values are as on the wire. */
void ovsdb_look(void (*look)(json_t *tables, void *data), void *data);

/* All operations (stolen) or none; a result each, of the ctx. What the change did is seen by ovsdb_look() when this returns. */
json_t *ovsdb_transact(struct ctx *, json_t *operations);
/* Waits for the next change of what is monitored; false at the deadline (clock_mono_us()). */
bool ovsdb_wait(int64_t deadline);

/* ---- values: ["set", [..]], ["map", [[k, v]..]], ["uuid", ".."]; a set of one may stand alone -------------------- */
size_t ovsdb_set_size(const json_t *value);
const json_t *ovsdb_set_at(const json_t *value, size_t i);           /* NULL past the end */
const char *ovsdb_uuid(const json_t *value);                         /* of ["uuid", u] or ["named-uuid", u] */
const char *ovsdb_map_get(const json_t *map, const char *key);
json_t *ovsdb_map(const char *const *pairs);                         /* key, value, ..., NULL; a NULL value is left out */
json_t *ovsdb_where(const char *column, const char *value);          /* [[column, "==", value]] */

#endif
