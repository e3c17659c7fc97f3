/* Every error Keystone answers, one line each: status, the original's exception, message. */
#ifndef KEYSTONE_FAULTS_H
#define KEYSTONE_FAULTS_H

#include "oslo/base/ctx.h"

#define MALFORMED " The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."

#define EXPECTING 400, "ValidationError", "Expecting to find %s in %s." MALFORMED
#define EXPECTING_JSON 400, "ValidationError", "Expecting to find valid JSON in request body." MALFORMED
#define SCHEMA 400, "SchemaValidationError", "%s"
#define INVALID_FIELD 400, "SchemaValidationError", "Invalid input for field '%s': %s"
#define VALIDATION 400, "ValidationError", "%s"
#define TIMESTAMP_FORMAT 400, "ValidationTimeStampError", "Timestamp not in expected format." MALFORMED
#define INVALID_APP_CRED 400, "ApplicationCredentialValidationError", "Invalid application credential: %s"
#define EXPIRATION_PAST 400, "ValidationExpirationError", "The 'expires_at' must not be before now." MALFORMED
#define CIRCULAR_REGION 400, "CircularRegionHierarchyError", "The specified parent region %s would create a circular region hierarchy."

#define PASSWORD_EXPIRED 401, "PasswordExpired", "The password is expired and needs to be changed for user: %s."
#define APP_CRED_AUTH 401, "ApplicationCredentialAuthError", "Error authenticating with application credential: %s"
#define AUTH_METHOD 401, "AuthMethodNotSupported", "Attempted to authenticate with an unsupported method."

#define NOT_AUTHORIZED 403, "ForbiddenAction", "You are not authorized to perform the requested action: %s."
#define NOT_AUTHORIZED_PLAIN 403, "Forbidden", "You are not authorized to perform the requested action."
#define DENIED 403, "ForbiddenNotSecurity", "%s"
#define IMMUTABLE_UPDATE 403, "ResourceUpdateForbidden", "Unable to update immutable %s resource: `%s. Set resource option \"immutable\" to false first."
#define IMMUTABLE_DELETE 403, "ResourceDeleteForbidden", "Unable to delete immutable %s resource: `%s. Set resource option \"immutable\" to false first."
#define REGION_IN_USE 403, "RegionDeletionError", "Unable to delete region %s because it or its child regions have associated endpoints."
#define REGISTERED_LIMIT_IN_USE 403, "RegisteredLimitError", "Unable to update or delete registered limit %s because there are project limits associated with it."
#define INVALID_LIMIT 403, "InvalidLimit", "Invalid resource limit: %s."
#define NO_LIMIT_REFERENCE 403, "NoLimitReference", "Unable to create a limit that has no corresponding registered limit."
#define ROLE_OF_OTHER_DOMAIN 403, "DomainSpecificRoleNotWithinIdPDomain", "role: %s must be within the same domain as the identity provider: %s."
#define INVALID_IMPLIED_ROLE 403, "InvalidImpliedRole", "%s cannot be an implied roles."

#define NO_PROTOCOL 404, "FederatedProtocolNotFound", "Could not find federated protocol %s for Identity Provider: %s."
#define NOT_FOUND 404, "NotFound", "%s"
#define NO_SUCH 404, "NotFound", "Could not find %s: %s."
#define NO_ROLE_NAMED 404, "RoleNotFound", "Role %s is not defined"
#define NO_SUCH_FOR 404, "NotFound", "Could not find %s for %s."
#define TOKEN_NOT_RECOGNIZED 404, "TokenNotFound", "Could not recognize Fernet token"
#define TOKEN_NOT_FOUND 404, "TokenNotFound", "Failed to validate token"
#define NO_TOKEN 404, "TokenNotFound", "No token in the request"
#define IMPLIED_ROLE_NOT_FOUND 404, "ImpliedRoleNotFound", "%s does not imply %s."
#define ASSIGNMENT_NOT_FOUND 404, "RoleAssignmentNotFound", \
    "Could not find role assignment with role: %s, user or group: %s, project, domain, or system: %s."

#define STORE_CONFLICT 409, "Conflict", "Conflict occurred attempting to store %s - %s."
#define NO_DIRECTORY 500, "LDAPServerConnectionError", "Unable to establish a connection to LDAP Server (%s)."
#define MAPPED_GROUP_NOT_FOUND 500, "MappedGroupNotFound", "Group %s returned by mapping %s was not found in the backend."
#define BUSY 503, "ServiceUnavailable", "Too many passwords are being checked. Try again."

#endif
