#pragma once
// How a domain stands in the world: what is published for it, and what that is worth. Pure
// judgement over what was looked up (surroundings.h), in words for the domain's owner.

#include <string>
#include <vector>

#include "crypto/signing_key.h"
#include "dns/resolver.h"
#include "setup/finding.h"
#include "setup/surroundings.h"

namespace sm::setup {

/// The resolver's answers are validated: the top-level domain is seen to be signed.
void check_dnssec(const Surroundings& around, Findings& findings);
/// SPF and DMARC; whether mail that leaves here is aligned.
void check_sender(const Surroundings& around, Findings& findings);
/// The key in force is published. Asks the DNS.
void check_dkim(dns::Resolver& resolver, const name::Domain& domain, const std::string& selector,
                const Result<crypto::SigningKey>& key, Findings& findings);
/// The domain's own mail hosts, MTA-STS, TLSRPT, TLSA: answers to our mail come back that way.
void check_receiving(const Surroundings& around, Findings& findings);

}  // namespace sm::setup
