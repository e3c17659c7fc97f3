/* Every error the networking API can answer: status, exception class, text. */
#ifndef NEUTRON_FAULTS_H
#define NEUTRON_FAULTS_H

#define HTTP_BAD_REQUEST            400, "HTTPBadRequest", "%s"
#define HTTP_NOT_FOUND              404, "HTTPNotFound", "The resource could not be found."
#define HOST_MAC_FAILURE            503, "HostMacAddressGenerationFailure", "Unable to generate unique mac on host %s."
#define INVALID_RESOURCE_TYPE       400, "InvalidResourceTypeClass", "Invalid resource type %s"
#define INVALID_TARGET_VERSION      400, "InvalidTargetVersion", "Invalid target version %s"
#define INVALID_INPUT               400, "InvalidInput", "Invalid input for operation: %s."
#define BAD_RESOURCE_REQUEST        400, "BadRequest", "Bad %s request: %s."
#define ADMIN_REQUIRED              403, "AdminRequired", "User does not have admin privileges: %s."
#define OVER_QUOTA                  409, "OverQuota", "Quota exceeded for resources: ['%s']."
#define REVISION_MISMATCH           412, "RevisionNumberConstraintFailed", "Constrained to %s, but current revision is %s"
#define OBJECT_NOT_FOUND            404, "%s", "%s %s could not be found."

#define NETWORK_NOT_FOUND           404, "NetworkNotFound", "Network %s could not be found."
#define NETWORK_IN_USE              409, "NetworkInUse", "Unable to complete operation on network %s. %s."
#define INVALID_SHARED_SETTING      409, "InvalidSharedSetting", \
    "Unable to reconfigure sharing settings for network %s. Multiple tenants are using it."
#define NO_NETWORK_AVAILABLE        503, "NoNetworkAvailable", \
    "Unable to create the network. No tenant network is available for allocation."
#define FLAT_NETWORK_IN_USE         409, "FlatNetworkInUse", \
    "Unable to create the flat network. Physical network %s is in use."
#define VLAN_ID_IN_USE              409, "VlanIdInUse", \
    "Unable to create the network. The VLAN %lld on physical network %s is in use."
#define TUNNEL_ID_IN_USE            409, "TunnelIdInUse", "Unable to create the network. The tunnel ID %lld is in use."
#define EXTERNAL_NETWORK_IN_USE     409, "ExternalNetworkInUse", \
    "External network %s cannot be updated to be made non-external, since it has existing gateway ports."
#define DEFAULT_EXTERNAL_EXISTS     409, "DefaultExternalNetworkExists", "A default external network already exists: %s."

#define SUBNET_NOT_FOUND            404, "SubnetNotFound", "Subnet %s could not be found."
#define SUBNET_IN_USE               409, "SubnetInUse", "Unable to complete operation on subnet %s: %s."
#define GATEWAY_IN_POOL             409, "GatewayConflictWithAllocationPools", "Gateway ip %s conflicts with allocation pool %s."
#define GATEWAY_IN_USE              409, "GatewayIpInUse", \
    "Current gateway ip %s already in use by port %s. Unable to update."
#define INVALID_ALLOCATION_POOL     400, "InvalidAllocationPool", "The allocation pool %s is not valid."
#define POOL_OUT_OF_BOUNDS          400, "OutOfBoundsAllocationPool", \
    "The allocation pool %s spans beyond the subnet cidr %s."
#define POOLS_OVERLAP               409, "OverlappingAllocationPools", \
    "Found overlapping allocation pools: %s %s for subnet %s."
#define DNS_SERVERS_EXHAUSTED       400, "DNSNameServersExhausted", \
    "Unable to complete operation for %s. The number of DNS nameservers exceeds the limit %lld."
#define HOST_ROUTES_EXHAUSTED       400, "HostRoutesExhausted", \
    "Unable to complete operation for %s. The number of host routes exceeds the limit %lld."
#define INVALID_SERVICE_TYPE        400, "InvalidSubnetServiceType", \
    "Subnet service type %s does not correspond to a valid device owner."

#define SUBNETPOOL_NOT_FOUND        404, "SubnetPoolNotFound", "Subnet pool %s could not be found."
#define SUBNETPOOL_IN_USE           400, "SubnetPoolDeleteError", "Unable to delete subnet pool: %s."
#define SUBNETPOOL_QUOTA            409, "SubnetPoolQuotaExceeded", "Per-tenant subnet pool prefix quota exceeded."
#define POOL_PREFIXES_EMPTY         400, "EmptySubnetPoolPrefixList", "Empty subnet pool prefix list."
#define POOL_PREFIX_VERSIONS        400, "PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool."
#define POOL_PREFIX_BOUNDS          400, "IllegalSubnetPoolPrefixBounds", "Illegal prefix bounds: %s=%lld, %s=%lld."
#define POOL_PREFIX_UPDATE          400, "IllegalSubnetPoolPrefixUpdate", "Illegal update to prefixes: %s."
#define POOL_UPDATE                 400, "IllegalSubnetPoolUpdate", "Illegal subnetpool update : %s."
#define POOL_MIN_PREFIX             400, "UnsupportedMinSubnetPoolPrefix", "Prefix '%lld' not supported in IPv%lld pool."
#define POOL_ALLOCATE_MIN           400, "MinPrefixSubnetAllocationError", \
    "Unable to allocate subnet with prefix length %lld, minimum allowed prefix is %lld."
#define POOL_ALLOCATE_MAX           400, "MaxPrefixSubnetAllocationError", \
    "Unable to allocate subnet with prefix length %lld, maximum allowed prefix is %lld."
#define POOL_EXHAUSTED              500, "SubnetAllocationError", "Failed to allocate subnet: %s."
#define POOL_AFFINITY               400, "NetworkSubnetPoolAffinityError", \
    "Subnets hosted on the same network must be allocated from the same subnet pool."
#define SCOPE_AFFINITY              400, "NetworkAddressScopeAffinityError", \
    "Subnets of the same address family hosted on the same network must all participate in the same address scope."
#define POOL_SCOPE_VERSION          400, "IllegalSubnetPoolIpVersionAssociationToAddressScope", \
    "Illegal subnetpool association: subnetpool %s cannot associate with address scope %s because subnetpool ip_version is not %lld."
#define SCOPE_PREFIX_CONFLICT       409, "AddressScopePrefixConflict", \
    "Failed to associate address scope: subnetpools within an address scope must have unique prefixes."
#define ADDRESS_SCOPE_NOT_FOUND     404, "AddressScopeNotFound", "Address scope %s could not be found."
#define ADDRESS_SCOPE_IN_USE        409, "AddressScopeInUse", \
    "Unable to complete operation on address scope %s. There are one or more subnet pools in use on the address scope."
#define ADDRESS_SCOPE_UPDATE        400, "AddressScopeUpdateError", "Unable to update address scope %s : %s."

#define PORT_NOT_FOUND              404, "PortNotFound", "Port %s could not be found."
#define SERVICE_PORT_IN_USE         409, "ServicePortInUse", "Port %s cannot be deleted directly via the port API: %s."
#define PORT_BOUND                  409, "PortBound", \
    "Unable to complete operation on port %s, port is already bound, port type: %s, old_mac %s, new_mac %s."
#define PORT_IN_USE                 409, "PortInUse", \
    "Unable to complete operation on port %s for network %s. Port already has an attached device %s."
#define MAC_IN_USE                  409, "MacAddressInUse", \
    "Unable to complete operation for network %s. The mac address %s is in use."
#define MAC_EXHAUSTED               503, "MacAddressGenerationFailure", "Unable to generate unique mac on network %s."
#define DEVICE_NOT_OWNED            409, "DeviceIDNotOwnedByTenant", \
    "The following device_id %s is not owned by your tenant or matches another tenants router."
#define IP_IN_USE                   409, "IpAddressAlreadyAllocated", "IP address %s already allocated in subnet %s"
#define NO_MORE_IPS                 409, "IpAddressGenerationFailure", "No more IP addresses available on network %s."
#define NO_MATCHING_SUBNET          409, "IpAddressGenerationFailureNoMatchingSubnet", \
    "No valid service subnet for the given device owner, network %s, service type %s."
#define INVALID_IP_FOR_NETWORK      400, "InvalidIpForNetwork", \
    "IP address %s is not a valid IP for any of the subnets on the specified network."
#define INVALID_IP_FOR_SUBNET       400, "InvalidIpForSubnet", "IP address %s is not a valid IP for the specified subnet."
#define IP_ON_AUTO_SUBNET           400, "AllocationOnAutoAddressSubnet", \
    "IPv6 address %s cannot be directly assigned to a port on subnet %s as the subnet is configured for automatic addresses"
#define PORT_SECURITY_HAS_GROUPS    409, "PortSecurityPortHasSecurityGroup", \
    "Port has security group associated. Cannot disable port security or IP address until security group is removed."
#define PORT_SECURITY_REQUIRED      400, "PortSecurityAndIPRequiredForSecurityGroups", \
    "Port security must be enabled and port must have an IP address in order to use security groups."
#define ADDRESS_PAIRS_NEED_SECURITY 409, "AddressPairAndPortSecurityRequired", \
    "Port Security must be enabled in order to have allowed address pairs on a port."
#define ADDRESS_PAIRS_EXHAUSTED     400, "AllowedAddressPairExhausted", \
    "The number of allowed address pair exceeds the maximum %lld."
#define ADDRESS_PAIR_DUPLICATE      400, "DuplicateAddressPairInRequest", \
    "Request contains duplicate address pair: mac_address %s ip_address %s."
#define ADDRESS_PAIR_NEEDS_IP       400, "AllowedAddressPairsMissingIP", "AllowedAddressPair must contain ip_address"
#define BINDING_NOT_FOUND           404, "PortBindingNotFound", "Binding for port %s for host %s could not be found."
#define BINDING_EXISTS              409, "PortBindingAlreadyExists", "Binding for port %s on host %s already exists."
#define BINDING_ACTIVE              409, "PortBindingAlreadyActive", "Binding for port %s on host %s is already active."
#define BINDING_FAILED              500, "PortBindingError", "Binding for port %s on host %s could not be created or updated."

#define SECURITY_GROUP_NOT_FOUND    404, "SecurityGroupNotFound", "Security group %s does not exist"
#define SECURITY_GROUP_IN_USE       409, "SecurityGroupInUse", "Security Group %s %s."
#define DEFAULT_GROUP_EXISTS        409, "SecurityGroupDefaultAlreadyExists", "Default security group already exists."
#define DEFAULT_GROUP_REMOVE        409, "SecurityGroupCannotRemoveDefault", \
    "Insufficient rights for removing default security group."
#define DEFAULT_GROUP_UPDATE        409, "SecurityGroupCannotUpdateDefault", "Updating default security group not allowed."
#define SG_RULE_NOT_FOUND           404, "SecurityGroupRuleNotFound", "Security group rule %s does not exist"
#define SG_RULE_EXISTS              409, "SecurityGroupRuleExists", "Security group rule already exists. Rule id is %s."
#define SG_RULE_DUPLICATE           409, "DuplicateSecurityGroupRuleInPost", "Duplicate Security Group Rule in POST."
#define SG_RULES_MANY_PROJECTS      400, "SecurityGroupRulesNotSingleTenant", \
    "Multiple tenant_ids in bulk security group rule create not allowed"
#define SG_RULES_MANY_GROUPS        400, "SecurityGroupNotSingleGroupRules", \
    "Only allowed to update rules for one security profile at a time"
#define SG_PORT_RANGE               400, "SecurityGroupInvalidPortRange", \
    "For TCP/UDP protocols, port_range_min must be <= port_range_max"
#define SG_PORT_VALUE               400, "SecurityGroupInvalidPortValue", "Invalid value for port %s"
#define SG_ICMP_VALUE               400, "SecurityGroupInvalidIcmpValue", \
    "Invalid value for ICMP %s (%s) %lld. It must be 0 to 255."
#define SG_ICMP_TYPE_MISSING        400, "SecurityGroupMissingIcmpType", \
    "ICMP code (port-range-max) %lld is provided but ICMP type (port-range-min) is missing."
#define SG_NO_PORTS                 400, "SecurityGroupInvalidProtocolForPort", \
    "Ports cannot be specified for protocol %s. Ports are only supported for %s."
#define SG_PROTOCOL_REQUIRED        400, "SecurityGroupProtocolRequiredWithPorts", \
    "Must also specify protocol if port range is given."
#define SG_PROTOCOL                 400, "SecurityGroupRuleInvalidProtocol", \
    "Security group rule protocol %s not supported. Only protocol values %s and integer representations [0 to 255] are supported."
#define SG_PROTOCOL_ETHERTYPE       400, "SecurityGroupEthertypeConflictWithProtocol", "Invalid ethertype %s for protocol %s."
#define SG_ETHERTYPE                400, "SecurityGroupRuleInvalidEtherType", \
    "Security group rule for ethertype '%s' not supported. Allowed values are %s."
#define SG_CIDR_ETHERTYPE           400, "SecurityGroupRuleParameterConflict", "Conflicting value ethertype %s for CIDR %s"
#define SG_MANY_REMOTES             400, "SecurityGroupMultipleRemoteEntites", \
    "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided."
#define INVALID_CIDR                400, "InvalidCIDR", "Invalid CIDR %s given as IP prefix."

#define ADDRESS_GROUP_NOT_FOUND     404, "AddressGroupNotFound", "Address group %s could not be found."
#define ADDRESS_GROUP_IN_USE        409, "AddressGroupInUse", "Address group %s is in use on one or more security group rules."
#define ADDRESSES_EXIST             400, "AddressesAlreadyExist", "Addresses %s already exist in the address group %s."
#define ADDRESSES_NOT_FOUND         404, "AddressesNotFound", "Addresses %s not found in the address group %s."

#define ROUTER_NOT_FOUND            404, "RouterNotFound", "Router %s could not be found"
#define ROUTER_IN_USE               409, "RouterInUse", "Router %s %s"
#define ROUTER_NO_INTERFACE         404, "RouterInterfaceNotFound", "Router %s does not have an interface with id %s"
#define ROUTER_NO_SUBNET            404, "RouterInterfaceNotFoundForSubnet", "Router %s has no interface on subnet %s"
#define ROUTER_INTERFACE_FIP        409, "RouterInterfaceInUseByFloatingIP", \
    "Router interface for subnet %s on router %s cannot be deleted, as it is required by one or more floating IPs."
#define ROUTER_INTERFACE_ROUTE      409, "RouterInterfaceInUseByRoute", \
    "Router interface for subnet %s on router %s cannot be deleted, as it is required by one or more routes."
#define ROUTER_GATEWAY_FIP          409, "RouterExternalGatewayInUseByFloatingIp", \
    "Gateway cannot be updated for router %s, since a gateway to external network %s is required by one or more floating IPs."
#define INVALID_ROUTES              400, "InvalidRoutes", "Invalid format for routes: %s, %s"
#define ROUTES_EXHAUSTED            400, "RoutesExhausted", \
    "Unable to complete operation for %s. The number of routes exceeds the maximum %lld."
#define SUBNET_MISMATCH             400, "SubnetMismatchForPort", "Subnet on port %s does not match the requested subnet %s."

#define FLOATING_IP_NOT_FOUND       404, "FloatingIPNotFound", "Floating IP %s could not be found"
#define FLOATING_IP_UNREACHABLE     404, "ExternalGatewayForFloatingIPNotFound", \
    "External network %s is not reachable from subnet %s.  Therefore, cannot associate Port %s with a Floating IP."
#define FLOATING_IP_ASSOCIATED      409, "FloatingIPPortAlreadyAssociated", \
    "Cannot associate floating IP %s (%s) with port %s using fixed IP %s, as that fixed IP already has a floating IP on external network %s."
#define EXTERNAL_IPS_EXHAUSTED      400, "ExternalIpAddressExhausted", "Unable to find any IP address on external network %s."

#define RBAC_NOT_FOUND              404, "RbacPolicyNotFound", "RBAC policy of type %s with ID %s not found"
#define RBAC_DUPLICATE              409, "DuplicateRbacPolicy", "An RBAC policy already exists with those values."
#define RBAC_IN_USE                 409, "RbacPolicyInUse", \
    "RBAC policy on object %s cannot be removed because other objects depend on it.\nDetails: %s"
#define RBAC_ACTION                 400, "InvalidActionForType", \
    "Invalid action '%s' for object type '%s'. Valid actions: %s"

#define AGENT_NOT_FOUND             404, "AgentNotFound", "Agent %s could not be found."
#define INVALID_DHCP_AGENT          404, "InvalidDHCPAgent", "Agent %s is not a valid DHCP Agent or has been disabled."
#define NETWORK_HOSTED              409, "NetworkHostedByDHCPAgent", "The network %s has been already hosted by the DHCP Agent %s."
#define NETWORK_NOT_HOSTED          409, "NetworkNotHostedByDhcpAgent", "The network %s is not hosted by the DHCP Agent %s."
#define INVALID_L3_AGENT            404, "InvalidL3Agent", "Agent %s is not a L3 Agent or has been disabled"
#define ROUTER_HOSTED               409, "RouterHostedByL3Agent", "The router %s has been already hosted by the L3 Agent %s."
#define ROUTER_NOT_HOSTED           409, "RouterNotHostedByL3Agent", "The router %s is not hosted by L3 agent %s."
#define AVAILABILITY_ZONE_NOT_FOUND 404, "AvailabilityZoneNotFound", "AvailabilityZone %s could not be found."

#define TAG_NOT_FOUND               404, "TagNotFound", "Tag %s could not be found."
#define TAG_RESOURCE_NOT_FOUND      404, "TagResourceNotFound", "Resource %s %s could not be found."
#define QUOTA_PROJECT_NOT_FOUND     404, "TenantQuotaNotFound", "Quota for tenant %s could not be found."

#define FLAVOR_NOT_FOUND            404, "FlavorNotFound", "Flavor %s could not be found."
#define FLAVOR_IN_USE               409, "FlavorInUse", "Flavor %s is used by some service instance."
#define PROFILE_NOT_FOUND           404, "ServiceProfileNotFound", "Service Profile %s could not be found."
#define PROFILE_IN_USE              409, "ServiceProfileInUse", "Service Profile %s is used by some service instance."
#define PROFILE_EMPTY               400, "ServiceProfileEmpty", "Service Profile needs either a driver or metainfo."
#define PROFILE_DRIVER_NOT_FOUND    404, "ServiceProfileDriverNotFound", "Service Profile driver %s could not be found."
#define PROFILE_BOUND               409, "FlavorServiceProfileBindingExists", \
    "Service Profile %s is already associated with flavor %s."
#define PROFILE_NOT_BOUND           404, "FlavorServiceProfileBindingNotFound", \
    "Service Profile %s is not associated with flavor %s."
#define AUTO_ALLOCATION_FAILED      409, "AutoAllocationFailure", "Deployment error: %s."
#define EXTENSION_NOT_FOUND         404, "HTTPNotFound", "Extension with alias %s does not exist"

#endif
