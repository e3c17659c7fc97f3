/* Assertions for other clouds (SAML 2.0): who somebody is here, signed, for a service provider that trusts this cloud. */
#ifndef KEYSTONE_FEDERATION_SAML_H
#define KEYSTONE_FEDERATION_SAML_H

#include "keystone/keystone.h"

struct saml_subject {
    const char *user, *user_domain, *project, *project_domain;
    const char *const *roles, *const *groups;        /* NULL-terminated; a group as JSON:{"name": ..., "domain": {"name": ...}} */
};

/* A Response with one signed Assertion for that recipient; NULL with a fault 500 where there is no key or no name to sign with. */
char *saml_response(struct ctx *, const char *recipient, const struct saml_subject *);
/* The response in the envelope of the enhanced client profile. */
char *saml_envelope(struct ctx *, const char *response, const char *relay_state);
/* How a service provider knows this cloud: of the file that is configured, else made of the options. NULL with a fault 500. */
char *saml_metadata(struct ctx *);

#endif
