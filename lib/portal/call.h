#pragma once
// One request at work: what was asked, by whom, in which language, and the acts that answer it.
// Part of lib/portal; lives as long as the answer is made.

#include <optional>
#include <string>

#include "portal/fields.h"
#include "portal/portal.h"
#include "sealing/link.h"

namespace sm::portal {

/// What a path names.
struct Place {
  enum class Kind { nothing, health, robots, asset, link, number };
  Kind kind = Kind::nothing;
  std::string token{};  ///< as written
  std::string act{};    ///< "" for the first page, "message", "file", …
  std::size_t part = 0;
};
Place place_of(std::string_view path);

class Call {
 public:
  Call(Portal& portal, Staff& staff, const Request& request);

  Answer answer();
  std::optional<Answer> refuse_upload();
  Answer take_upload(ByteStream& body);

 private:
  using Reading = sealing::Reading;

  // The link's page and who may pass it: visit.cc
  Answer welcome();
  Answer welcome(const sealing::Visit& visit, View view, unsigned status);
  Answer send_code();
  Answer judge_code();
  Answer judge_password();
  Answer enter();
  Answer judged(Result<sealing::JudgeAnswer> judged, bool is_code);
  Answer locked(std::chrono::seconds left, unsigned status);
  Answer wrong(int left, bool is_code);

  // What a session reads: reading.cc
  Answer message();
  Answer document();
  Answer file();
  Answer whole_mail();
  Answer archive();
  Answer ask_done();
  Answer done();
  Answer leave();

  // Replies: replying.cc
  Answer reply_form();
  Answer reply_form(const Reading& reading, View view, unsigned status);
  Answer replied();
  Answer receive(Reading reading, ByteStream& body);

  // A missing phone number: asking.cc
  Answer number();
  Answer set_number();

  // What they share: call.cc
  [[nodiscard]] Setting setting() const;
  Answer show(Template which, View view = {}, unsigned status = 200);
  Answer unavailable();
  Answer problem(const Error& error);
  Answer stale();
  Answer redirect(const std::string& path);
  void see_organisation(const std::string& org, const std::string& recipient_language);
  [[nodiscard]] bool is_at_home(const std::string& org) const;
  /// The session's message; an Answer where there is none: back to the link's page, or unavailable.
  std::variant<Reading, Answer> read();
  [[nodiscard]] std::string nonce(std::string_view form);
  /// A POST of our own page: from this site, with this browser's nonce for this form.
  [[nodiscard]] bool is_ours(std::string_view form, std::string_view given) const;
  [[nodiscard]] std::optional<Form> own_form(std::string_view form);
  [[nodiscard]] bool comes_from_elsewhere() const;
  void set_cookie(Answer& answer, const sealing::CookieSecret& secret);
  void drop_cookie(Answer& answer);
  Answer dress(Answer answer);
  std::optional<Answer> route();
  Answer asset();
  Answer health();

  Portal& portal_;
  Staff& staff_;
  const Request& request_;
  std::string prefix_;
  Place place_;
  std::optional<envelope::LinkToken> token_;
  std::string base_;         ///< "/m/<token>", with the prefix
  std::string cookie_name_;  ///< one for each link, so that several can be open side by side
  std::optional<sealing::CookieSecret> cookie_;
  bool is_new_cookie_ = false;
  std::string org_;
  std::string language_;
  bool chose_language_ = false;
};

}  // namespace sm::portal
