#pragma once
// What a recipient's page shows of an unlocked envelope: the header fields, the text, the HTML
// alternative as a document that can reach nothing, and the list of attachments.
//
// A message was written by a stranger. Its HTML is taken apart and written anew from a list of what
// is allowed (reading/html.h): the document has no script, no form, no address but those of links
// that a person may follow, and no image but those that came inside the message. Around it stand
// two walls more, which its server must put up: the policy kDocumentPolicy in the response that
// carries it, and the attribute kFrameSandbox on the frame that shows it. Any one of the three is
// enough to keep scripts and requests in; a client without the other two is still safe.
//
// Where a message is larger or stranger than can be shown, the page says less and never lies:
// `is_complete` is false, and the whole message can still be saved (sealing/assemble.h).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "envelope/envelope.h"

namespace sm::reading {

/// The Content-Security-Policy of the response that carries `Page::html_document`. The document has
/// a URL of its own: a `srcdoc` would inherit the policy of the page around it.
inline constexpr std::string_view kDocumentPolicy =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox";

/// The `sandbox` of the frame around it: no script, no origin, no form, no navigation of the page.
/// Links open outside, after a person's click.
inline constexpr std::string_view kFrameSandbox = "allow-popups allow-popups-to-escape-sandbox";

/// What is shown at most; more stays in the whole message.
struct Limits {
  std::size_t text = std::size_t{1} << 20;     ///< octets of plain text
  std::size_t html = std::size_t{2} << 20;     ///< octets of HTML as it came
  std::size_t image = std::size_t{5} << 20;    ///< octets of one image
  std::size_t images = std::size_t{10} << 20;  ///< of all images together, each time one is shown
};

struct Options {
  std::string language = "en";    ///< of the document where the message names none
  std::string title = "Message";  ///< of the document, for assistive technology
  Limits limits{};
};

/// When a message says that it was written.
struct SentDate {
  std::chrono::sys_seconds time;
  std::chrono::minutes offset;  ///< of its sender's clock from UTC
};

/// An attachment as a list shows it.
struct Attachment {
  std::size_t part;    ///< its number in the envelope
  std::string name;    ///< safe as a file name, and no two are the same
  std::string type;    ///< "image/png"; never to be shown inline on the strength of it
  std::uint64_t size;  ///< octets
};

/// All texts are valid UTF-8, unescaped, header fields on one line without control characters.
struct Page {
  std::string subject, from, to, cc;  ///< empty where there is none
  std::string date;                   ///< as written
  std::optional<SentDate> sent{};     ///< nothing where `date` is no date
  std::string text;                   ///< lines end in LF; taken from the HTML where that is all
  std::optional<std::string> html_document{};  ///< a whole document
  std::vector<Attachment> attachments{};
  bool has_blocked_images = false;  ///< images from elsewhere were left out
  bool is_complete = true;  ///< false: only the whole message has all of it (too long, encrypted,
                            ///< broken, or of a kind that is not shown)
};

/// Renders an unlocked envelope that is no pipe. An envelope of files alone has an empty message.
/// Errors are those of reading the envelope (damaged, gone); a message that cannot be understood is
/// none.
Result<Page> render(envelope::Envelope& envelope, const Options& options = {});

}  // namespace sm::reading
