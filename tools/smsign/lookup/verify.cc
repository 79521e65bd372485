#include <unistd.h>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "commands.h"
#include "dkim/verifier.h"
#include "keys.h"
#include "message/reader.h"
#include "report.h"
#include "times.h"

namespace sm::smsign {
namespace {

Result<dkim::Verification> verify_message(const message::Message& message, dns::Resolver& resolver,
                                          std::chrono::sys_seconds now) {
  dkim::Verifier verifier(message.header());
  const auto body = message.body().open();
  for (;;) {
    const auto block = body->next();
    if (!block) return fail(block.error());
    if (block->empty()) return verifier.finish(resolver, now);
    verifier.update(*block);
  }
}

cli::Verdict verdict_of(const dkim::Verification& verification) {
  if (verification.author_passes()) return cli::Verdict::yes;
  return verification.is_undetermined() ? cli::Verdict::temporary : cli::Verdict::no;
}

}  // namespace

Result<cli::Verdict> verify(const Options& options) {
  const auto now = time_or_now(options.now);
  if (!now) return fail(now.error());
  const auto resolver = resolver_of(options);
  if (!resolver) return fail(resolver.error());
  const auto source = message::read_descriptor(STDIN_FILENO, "standard input");
  const auto message = message::read_message(*source, message::Purpose::inspection);
  if (!message) return fail(message.error());
  if (options.canonical) return print_canonical(options, *message);

  const auto verification = verify_message(*message, **resolver, *now);
  if (!verification) return fail(verification.error());
  auto& out = options.common.out();
  if (!options.authentication_results.empty()) {
    const auto field = authentication_results(*verification, options.authentication_results);
    if (!field) return fail(field.error());
    out.print(*field);
  } else if (options.explains) {
    if (auto explained = print_explanation(options, *message, *verification); !explained) {
      return fail(explained.error());
    }
  } else {
    for (const dkim::SignatureResult& result : verification->signatures)
      out.line(options.common.is_json ? json_line(result) : plain_line(result));
  }
  if (verification->signatures.empty()) {
    options.common.diagnostics().warning("the message has no DKIM-Signature");
  } else if (!verification->author) {
    options.common.diagnostics().warning(verification->author_defect);
  }
  return verdict_of(*verification);
}

}  // namespace sm::smsign
