/* Addresses and prefixes of both families as 128-bit numbers, so that pools, overlaps and neighbours are plain arithmetic. */
#ifndef NEUTRON_MODEL_IP_H
#define NEUTRON_MODEL_IP_H

#include "oslo/base/ctx.h"

typedef unsigned __int128 ip_number;

struct ip { ip_number n; int version; };             /* version 4 or 6; IPv4 numbers are below 2^32 */
struct cidr { struct ip base; int prefixlen; };      /* base has its host bits cleared */
struct range { ip_number first, last; };

#define IP_TEXT_SIZE 64
bool ip_read(const char *text, struct ip *ret_ip);           /* strict: four dotted numbers without leading zeros, or RFC 4291 */
char *ip_text(struct ctx *, struct ip);                      /* canonical: RFC 5952 */
bool cidr_read(const char *text, struct cidr *ret_cidr);     /* "a/n", "a/mask" or a lone address (full length); host bits are cleared */
char *cidr_text(struct ctx *, struct cidr);
bool cidr_is_canonical(const char *text);                    /* exactly as cidr_text would write it */
int ip_bits(int version);                                    /* 32 or 128 */

ip_number cidr_first(struct cidr);
ip_number cidr_last(struct cidr);
bool cidr_has(struct cidr, struct ip);
bool cidr_overlaps(struct cidr, struct cidr);
bool cidr_contains(struct cidr outer, struct cidr inner);
struct ip cidr_ip(struct cidr, ip_number offset);            /* base + offset */

bool mac_is(const char *text);
char *mac_canonical(struct ctx *, const char *text);         /* fa:16:3e:00:00:01, from that, dashed or dotted spellings */
char *mac_random(struct ctx *);                              /* fa:16:3e:xx:xx:xx */
struct ip eui64(struct cidr, const char *mac);               /* the address SLAAC gives on that prefix */

/* The fewest prefixes that cover all of list and nothing else (sorted). */
struct cidr *cidr_merge(struct ctx *, const struct cidr *list, size_t n, size_t *ret_n);

#endif
