#pragma once
// Where the queue keeps things, in the state:
//
//   spool/<name>            a parcel (queue/parcel.h): message and ticket, sealed to the
//                           organisation's public key; several destinations may share one
//   spool/runner.<id>       held (flock) by a runner as long as it lives
//   spool/sent.<id>         the end of that message was about to be sent; until its end is recorded
//   drop/<name>             parcels of users without rights, put here by smsend-drop; the folder
//                           lets its group write and nobody but its owner list
//   quarantine/<name>       what was found in the drop and is no parcel of ours
//
// The index of the spool is in the state's database (store/queue_table.h).

#include <string>

namespace sm::queue {

struct Layout {
  std::string state;
  [[nodiscard]] std::string spool() const { return state + "/spool"; }
  [[nodiscard]] std::string drop() const { return state + "/drop"; }
  [[nodiscard]] std::string quarantine() const { return state + "/quarantine"; }
  [[nodiscard]] std::string parcel(const std::string& name) const { return spool() + "/" + name; }
  [[nodiscard]] std::string runner(const std::string& id) const {
    return spool() + "/runner." + id;
  }
  [[nodiscard]] std::string sent(const std::string& message) const {
    return spool() + "/sent." + message;
  }
};

/// The drop of an installation as packages make it: smsend-drop writes here and nowhere else.
inline constexpr char kSystemDrop[] = "/var/lib/smtools/drop";

}  // namespace sm::queue
