#pragma once
// What one file says, before it meets the other sources. Part of lib/config; others use config.h.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace sm::config {

struct OrganisationText {
  Organisation organisation;  ///< its policy not filled in
  PolicyLayer policy;
};

struct FileText {
  std::optional<std::string> state;
  Network network;
  PolicyLayer policy;
  std::vector<OrganisationText> organisations;
  std::string audit_origin;
  std::optional<std::string> nta7516_header;
  Sealing sealing;
  std::optional<SmsGateway> sms;
  Branding branding;
  Queue queue;
  Local local;
  Batch batch;
};

/// Reads the text of the file `name`. Errc::configuration with line and column for all that is not
/// in smtools.yaml(5).
Result<FileText> parse_file(std::string_view text, const std::string& name);

}  // namespace sm::config
