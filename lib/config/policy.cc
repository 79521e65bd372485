#include <algorithm>

#include "base/text.h"
#include "config/config.h"

namespace sm::config {
namespace {

std::string_view text(Minimum minimum) {
  return minimum == Minimum::trusted ? "trusted" : "verified";
}
std::string text(const ServerAddress& server) {
  return server.text();
}
const std::string& text(const std::string& path) {
  return path;
}

Unexpected forbidden(const std::string& source, const std::string& why) {
  return fail(Errc::denied, "policy-forbids: " + source + " " + why,
              "the policy can be made stricter, never looser");
}

/// `wanted` must lie within what is allowed; where anything is, it becomes what is allowed.
template <class Item>
Result<void> narrow(std::vector<Item>& allowed, const std::optional<std::vector<Item>>& wanted,
                    const std::string& source, const std::string& what) {
  if (!wanted) return {};
  for (const auto& item : *wanted) {
    const bool is_allowed =
        allowed.empty() || std::find(allowed.begin(), allowed.end(), item) != allowed.end();
    if (!is_allowed) return forbidden(source, "names the " + what + " " + std::string(text(item)));
  }
  allowed = *wanted;
  return {};
}

Result<void> narrow_sources(Policy& policy, const PolicyLayer& layer, const std::string& source) {
  if (auto done = narrow(policy.resolvers, layer.resolvers, source, "resolver"); !done) return done;
  if (auto done = narrow(policy.trust_anchors, layer.trust_anchors, source, "trust anchor");
      !done) {
    return done;
  }
  if (layer.ca_file && policy.ca_file && *layer.ca_file != *policy.ca_file) {
    return forbidden(source, "names the CA file " + *layer.ca_file);
  }
  if (layer.ca_file) policy.ca_file = layer.ca_file;
  return {};
}

Result<void> narrow_sealing(Policy& policy, const PolicyLayer& layer, const std::string& source) {
  if (layer.methods) {
    if (!std::includes(policy.methods.begin(), policy.methods.end(), layer.methods->begin(),
                       layer.methods->end())) {
      return forbidden(source, "allows a method that the policy does not");
    }
    policy.methods = *layer.methods;
  }
  if (layer.longest_expiry) {
    if (*layer.longest_expiry > policy.longest_expiry) {
      return forbidden(source, "asks for an expiry of more than " +
                                   std::to_string(policy.longest_expiry.count()) + " days");
    }
    policy.longest_expiry = *layer.longest_expiry;
  }
  if (layer.escrow) {
    if (*layer.escrow && policy.escrow == false) return forbidden(source, "asks for escrow");
    policy.escrow = layer.escrow;
  }
  if (layer.after_retrieval) {
    if (*layer.after_retrieval < policy.after_retrieval) {
      return forbidden(source, "keeps messages that are to be destroyed once read");
    }
    policy.after_retrieval = *layer.after_retrieval;
  }
  if (layer.registered_senders) {
    if (policy.registered_senders && !*layer.registered_senders) {
      return forbidden(source, "lets senders in who are not registered");
    }
    policy.registered_senders = *layer.registered_senders;
  }
  return {};
}

}  // namespace

Result<Policy> tightened(const Policy& policy, const PolicyLayer& layer,
                         const std::string& source) {
  Policy tight = policy;
  if (layer.minimum) {
    if (*layer.minimum < policy.minimum) {
      return forbidden(source, "asks for the minimum " + std::string(text(*layer.minimum)) +
                                   ", the policy for " + std::string(text(policy.minimum)));
    }
    tight.minimum = *layer.minimum;
  }
  if (layer.requiretls) {
    if (!*layer.requiretls && policy.requiretls) {
      return forbidden(source, "does without REQUIRETLS, which the policy asks for");
    }
    tight.requiretls = *layer.requiretls;
  }
  if (auto done = narrow_sources(tight, layer, source); !done) return fail(done.error());
  if (auto done = narrow_sealing(tight, layer, source); !done) return fail(done.error());
  return tight;
}

}  // namespace sm::config
