#include "smtp/outcome.h"

namespace sm::smtp {

std::string_view text(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::connect_failed:
      return "connect-failed";
    case Obstacle::connect_timed_out:
      return "connect-timed-out";
    case Obstacle::deadline_passed:
      return "deadline-passed";
    case Obstacle::rate_limited:
      return "rate-limited";
    case Obstacle::greeting_refused:
      return "greeting-refused";
    case Obstacle::starttls_not_offered:
      return "starttls-not-offered";
    case Obstacle::starttls_refused:
      return "starttls-refused";
    case Obstacle::tls_refused_now:
      return "tls-refused-now";
    case Obstacle::tls_failed:
      return "tls-failed";
    case Obstacle::peer_not_verified:
      return "peer-not-verified";
    case Obstacle::lost:
      return "connection-lost";
    case Obstacle::timed_out:
      return "timed-out";
    case Obstacle::protocol_error:
      return "protocol-error";
    case Obstacle::injected:
      return "injected";
    case Obstacle::local_failure:
      return "local-failure";
  }
  return "local-failure";
}

bool is_definite(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::starttls_not_offered:
    case Obstacle::starttls_refused:
    case Obstacle::tls_failed:
    case Obstacle::peer_not_verified:
      return true;
    case Obstacle::connect_failed:
    case Obstacle::connect_timed_out:
    case Obstacle::deadline_passed:
    case Obstacle::rate_limited:
    case Obstacle::greeting_refused:
    case Obstacle::tls_refused_now:
    case Obstacle::lost:
    case Obstacle::timed_out:
    case Obstacle::protocol_error:
    case Obstacle::injected:
    case Obstacle::local_failure:
      return false;
  }
  return false;
}

std::string_view text(Outcome outcome) {
  switch (outcome) {
    case Outcome::accepted:
      return "accepted";
    case Outcome::deferred:
      return "deferred";
    case Outcome::failed:
      return "failed";
    case Outcome::uncertain:
      return "uncertain";
  }
  return "uncertain";
}

std::string_view text(Stage stage) {
  switch (stage) {
    case Stage::connection:
      return "connection";
    case Stage::mail:
      return "mail";
    case Stage::rcpt:
      return "rcpt";
    case Stage::data:
      return "data";
    case Stage::content:
      return "content";
    case Stage::end_of_data:
      return "end-of-data";
  }
  return "connection";
}

std::string_view text(Interruption interruption) {
  switch (interruption) {
    case Interruption::none:
      return "none";
    case Interruption::lost:
      return "connection-lost";
    case Interruption::timed_out:
      return "timed-out";
    case Interruption::deadline_passed:
      return "deadline-passed";
    case Interruption::protocol_error:
      return "protocol-error";
    case Interruption::content_unreadable:
      return "content-unreadable";
  }
  return "none";
}

}  // namespace sm::smtp
