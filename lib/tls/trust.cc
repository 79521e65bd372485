#include "tls/trust.h"

#include "base/encoding.h"

namespace sm::tls {

std::string DaneRecord::text() const {
  return std::to_string(usage) + ' ' + std::to_string(selector) + ' ' +
         std::to_string(matching_type) + ' ' + to_hex(data);
}

bool DaneRecord::is_usable() const {
  // RFC 7672 §3.1.3: PKIX-TA(0) and PKIX-EE(1) are unusable for SMTP.
  if (usage != 2 && usage != 3) return false;
  if (selector > 1) return false;
  switch (matching_type) {
    case 0:
      return !data.empty();
    case 1:
      return data.size() == 32;
    case 2:
      return data.size() == 64;
    default:
      return false;
  }
}

std::string_view rfc8460_text(CertificateFault fault) {
  switch (fault) {
    case CertificateFault::host_mismatch:
      return "certificate-host-mismatch";
    case CertificateFault::expired:
      return "certificate-expired";
    // RFC 8460 §4.3.1: a label for certificate failures that have no word of their own.
    case CertificateFault::not_yet_valid:
    case CertificateFault::not_trusted:
      return "certificate-not-trusted";
    case CertificateFault::no_dane_match:
    case CertificateFault::other:
      return "validation-failure";
  }
  return "validation-failure";
}

}  // namespace sm::tls
