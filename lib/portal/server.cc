#include "portal/server.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <microhttpd.h>
#include <sys/socket.h>

#include "base/text.h"
#include "portal/connections.h"
#include "portal/fields.h"
#include "portal/lanes.h"
#include "sealing/outbox.h"

namespace sm::portal {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostForm = std::size_t{64} << 10;
constexpr std::size_t kConnectionMemory = std::size_t{32} << 10;  // header fields: 431 beyond
constexpr std::size_t kBlock = std::size_t{128} << 10;
constexpr unsigned kIoThreads = 2;
constexpr unsigned kIdleSeconds = 30;
constexpr seconds kWorkTime{180};
/// Slower than that, over all, nobody sends or gets anything.
constexpr std::uint64_t kLeastRate = 1024;
/// Of a refused upload so much is read and dropped, so that its browser, which answers to nothing
/// while it sends, gets to see why; and at no slower rate than that.
constexpr std::uint64_t kMostDropped = std::uint64_t{256} << 20;
constexpr std::uint64_t kLeastDroppedRate = std::uint64_t{256} << 10;
constexpr seconds kLongestUnknown{std::chrono::hours(6)};
constexpr std::size_t kMostErrands = 50;
constexpr seconds kErrandTime{60};

seconds time_for(std::uint64_t octets) {
  return kWorkTime + seconds(octets / kLeastRate);
}

bool is_token(std::string_view text) {  // RFC 9110 §5.6.2
  const auto is_char = [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_char);
}

/// The header fields of a request, counted.
struct Fields {
  Request request;
  int hosts = 0;
  int lengths = 0;
  bool has_coding = false;
  bool asks_first = false;  ///< sends its body only when told to (RFC 9110 §10.1.1)
  bool is_malformed = false;
};

MHD_Result take_field(void* into, MHD_ValueKind, const char* key, std::size_t key_size,
                      const char* value, std::size_t value_size) {
  auto& fields = *static_cast<Fields*>(into);
  const std::string_view name(key, key_size);
  const std::string_view text(value == nullptr ? "" : value, value == nullptr ? 0 : value_size);
  if (!is_token(name)) fields.is_malformed = true;
  const auto is = [&](std::string_view other) { return equal_ignoring_case(name, other); };
  const auto once = [&](std::string& field) {
    if (!field.empty()) fields.is_malformed = true;
    field = text;
  };
  auto& request = fields.request;
  if (is("host")) {
    ++fields.hosts;
    request.host = canonical_host(text);
  } else if (is("content-length")) {
    ++fields.lengths;
    const auto length = parse_decimal(text);
    if (!length) fields.is_malformed = true;
    request.content_length = length.value_or(0);
  } else if (is("transfer-encoding")) {
    fields.has_coding = true;
  } else if (is("expect")) {
    fields.asks_first = true;
  } else if (is("cookie")) {
    request.cookies += (request.cookies.empty() ? "" : "; ") + std::string(text);
  } else if (is("accept-language")) {
    request.accept_language = text;
  } else if (is("content-type")) {
    once(request.content_type);
  } else if (is("range")) {
    once(request.range);
  } else if (is("if-range")) {
    once(request.if_range);
  } else if (is("sec-fetch-site")) {
    once(request.fetch_site);
  } else if (is("origin")) {
    once(request.origin);
  }
  return MHD_YES;
}

std::size_t keep_escapes(void*, MHD_Connection*, char* text) {
  return std::strlen(text);
}

}  // namespace

struct Server::Parts {
  Parts(Site& its_site, const House& its_house, const Options& options)
      : site(its_site),
        house(its_house),
        has_tls(!options.certificates.empty()),
        connections({.all = options.most_connections,
                     .per_address = options.knows_addresses ? std::size_t{64} : std::size_t{0}},
                    *its_house.premises->office().clock) {}

  Site& site;
  const House& house;
  const bool has_tls;
  Connections connections;
  std::vector<MHD_Daemon*> daemons;
  std::vector<UniqueFd> quiesced;  ///< no longer listened on
  WorkLane pages{house, 4, 2000};
  WorkLane passwords{house, 2, 500};
  WorkLane errands{house, 8, 500};
  WorkLane uploads{house, 24, 48};

  WorkLane& lane(Lane which) {
    switch (which) {
      case Lane::pages:
        return pages;
      case Lane::passwords:
        return passwords;
      case Lane::errands:
        return errands;
    }
    return pages;
  }
  Result<void> listen(const Options& options, int fd);
};

namespace {

/// Of each of the threads that move bytes.
thread_local const House* hired_by = nullptr;
thread_local std::unique_ptr<Staff> hired_staff;

/// The Staff of this thread.
Staff* own_staff(const House& house) {
  if (hired_by != &house || !hired_staff) {
    auto hired = Staff::hire(house);
    if (!hired) {
      house.complain(hired.error());
      return nullptr;
    }
    hired_staff = std::move(*hired);
    hired_by = &house;
  }
  return hired_staff.get();
}

class Exchange;
using SharedExchange = std::shared_ptr<Exchange>;

/// One request on its way through. While its connection is suspended it is a lane's; else it is the
/// network thread's.
class Exchange final : public Valve, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Server::Parts& parts, MHD_Connection* connection)
      : parts_(parts), connection_(connection) {}
  ~Exchange() override = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void stop() override { MHD_suspend_connection(connection_); }
  void start() override { MHD_resume_connection(connection_); }

  /// The header is there. False: the connection is to be ended.
  MHD_Result begin(const char* method, const char* path, const char* version);
  MHD_Result pour(const char* bytes, std::size_t* size);
  MHD_Result finish();
  /// The network is done with it, whatever the reason.
  void leave();

  Server::Parts& parts() { return parts_; }
  MHD_Connection* connection() { return connection_; }

 private:
  void follow_up(const Answer& answer);
  std::optional<unsigned> fault_of(const char* method, const char* version, const Fields& fields);
  MHD_Result refuse(unsigned status);
  MHD_Result send(Answer answer, bool closes);
  void begin_upload();
  Answer work(Staff* staff);

  Server::Parts& parts_;
  MHD_Connection* connection_;
  Request request_;
  std::unique_ptr<Inflow> inflow_;  ///< of an upload
  std::optional<Answer> answer_;
  bool is_asked_ = false;
  bool is_early_ = false;  ///< answered before the body was read
  bool is_dropping_ =
      false;  ///< to be answered when the body has been read, which counts for nothing
};

/// A stream that is being sent.
struct Sending {
  enum class State { open, finishing, recorded, failed };
  SharedExchange exchange;
  std::unique_ptr<Stream> stream;
  std::optional<std::uint64_t> size;
  State state = State::open;

  ssize_t next(std::uint64_t position, std::span<std::uint8_t> into);
  ssize_t record();
};

/// The last bytes wait until the log has them.
ssize_t Sending::record() {
  state = State::finishing;
  auto& parts = exchange->parts();
  MHD_suspend_connection(exchange->connection());
  const bool is_queued = parts.pages.submit([this](Staff* staff) {
    const auto done =
        staff == nullptr ? Result<void>(fail(Errc::temporary, "no staff")) : stream->finish(*staff);
    if (!done) exchange->parts().house.complain(done.error());
    state = done ? State::recorded : State::failed;
    MHD_resume_connection(exchange->connection());
  });
  if (!is_queued) {
    state = State::failed;
    MHD_resume_connection(exchange->connection());
  }
  return 0;
}

ssize_t Sending::next(std::uint64_t position, std::span<std::uint8_t> into) {
  if (state == State::failed) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (state == State::open && size && position + into.size() >= *size) return record();
  auto* staff = own_staff(exchange->parts().house);
  if (staff == nullptr) return MHD_CONTENT_READER_END_WITH_ERROR;
  auto read = stream->read(*staff, into);
  if (!read) {
    if (read.error().code != Errc::denied) exchange->parts().house.complain(read.error());
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
  if (*read > 0) return static_cast<ssize_t>(*read);
  if (size) return MHD_CONTENT_READER_END_WITH_ERROR;  // shorter than was promised
  return state == State::recorded ? MHD_CONTENT_READER_END_OF_STREAM : record();
}

ssize_t send_block(void* sending, std::uint64_t position, char* into, std::size_t most) {
  return static_cast<Sending*>(sending)->next(position,
                                              {reinterpret_cast<std::uint8_t*>(into), most});
}

void drop_sending(void* sending) {
  delete static_cast<Sending*>(sending);  // NOLINT: owned by the library until here
}

std::optional<unsigned> Exchange::fault_of(const char* method, const char* version,
                                           const Fields& fields) {
  const std::string_view word(method);
  const std::string_view protocol(version);
  if (protocol != "HTTP/1.1" && protocol != "HTTP/1.0") return 505;
  if (fields.is_malformed || fields.hosts != 1 || fields.lengths > 1) return 400;
  // RFC 9112 §6.1: both together are an attempt to be read in two ways.
  if (fields.has_coding) return fields.lengths > 0 ? 400 : 411;
  if (word != "GET" && word != "HEAD" && word != "POST") return 405;
  if (request_.reads_only() && request_.content_length > 0) return 400;
  if (request_.path != "/healthz" && !parts_.site.serves(request_.host)) return 421;
  if (!request_.reads_only() && fields.lengths == 0) return 411;
  if (request_.content_length > kMostForm && !parts_.site.is_upload(request_)) return 413;
  return std::nullopt;
}

MHD_Result Exchange::begin(const char* method, const char* path, const char* version) {
  Fields fields;
  (void)MHD_get_connection_values_n(connection_, MHD_HEADER_KIND, take_field, &fields);
  request_ = std::move(fields.request);
  const std::string_view word(method);
  request_.verb = word == "GET" ? Verb::get : word == "HEAD" ? Verb::head : Verb::post;
  request_.path = path;
  for (auto [key, into] : {std::pair{"lang", &request_.lang}, {"note", &request_.note}}) {
    const char* value = MHD_lookup_connection_value(connection_, MHD_GET_ARGUMENT_KIND, key);
    if (value != nullptr) *into = value;
  }
  if (const auto fault = fault_of(method, version, fields)) return refuse(*fault);
  if (!parts_.site.is_upload(request_)) return MHD_YES;
  auto* staff = own_staff(parts_.house);
  if (staff == nullptr) return refuse(503);
  if (auto refused = parts_.site.refuse_upload(*staff, request_)) {
    // Who brings no cookie comes from no page of ours, and hears at once.
    const bool may_be_a_person = !fields.asks_first && !request_.cookies.empty();
    if (may_be_a_person && request_.content_length <= kMostDropped) {
      answer_ = std::move(*refused);
      is_dropping_ = true;
      parts_.connections.wait_longer(
          connection_, kWorkTime + seconds(request_.content_length / kLeastDroppedRate));
      return MHD_YES;
    }
    is_early_ = true;
    return send(std::move(*refused), true);
  }
  parts_.connections.begin_work(connection_, time_for(request_.content_length));
  begin_upload();
  return MHD_YES;
}

void Exchange::begin_upload() {
  inflow_ = std::make_unique<Inflow>(*this);
  const bool is_queued = parts_.uploads.submit([self = shared_from_this()](Staff* staff) {
    self->answer_ = staff == nullptr
                        ? self->parts_.site.refusal(503, self->request_)
                        : self->parts_.site.take_upload(*staff, self->request_, *self->inflow_);
    self->follow_up(*self->answer_);
    self->inflow_->done();
  });
  if (!is_queued) {
    answer_ = parts_.site.refusal(503, request_);
    inflow_->done();
  }
}

MHD_Result Exchange::pour(const char* bytes, std::size_t* size) {
  if (is_early_ || is_dropping_) {  // the answer is there already: the rest is not wanted
    *size = 0;
    return MHD_YES;
  }
  const Bytes body(reinterpret_cast<const std::uint8_t*>(bytes), *size);
  if (inflow_) {
    *size -= inflow_->pour(body);
    return MHD_YES;
  }
  if (request_.form.size() + body.size() > kMostForm) return MHD_NO;
  request_.form.append(body);
  *size = 0;
  return MHD_YES;
}

/// What an act has put into the outbox goes out at once; what fails is left to the sweep.
void Exchange::follow_up(const Answer& answer) {
  if (answer.follow_up.empty() || parts_.house.equipment == nullptr) return;
  (void)parts_.errands.submit([&house = parts_.house, id = answer.follow_up](Staff* staff) {
    if (staff == nullptr) return;
    sealing::Postman postman(staff->office(), *house.equipment);
    auto sent = postman.run(kMostErrands, kErrandTime, id);
    if (!sent) house.complain(sent.error());
  });
}

Answer Exchange::work(Staff* staff) {
  if (staff == nullptr) return parts_.site.refusal(503, request_);
  auto answer = parts_.site.answer(*staff, request_);
  follow_up(answer);
  // Nothing is sent of an empty stream, and its end is one all the same.
  if (answer.stream && answer.stream_size == 0 && request_.verb == Verb::get) {
    if (auto done = answer.stream->finish(*staff); !done) {
      parts_.house.complain(done.error());
      return parts_.site.refusal(503, request_);
    }
    answer.stream.reset();
  }
  return answer;
}

MHD_Result Exchange::finish() {
  if (answer_ && !inflow_) return send(std::move(*answer_), false);
  if (inflow_) {
    if (!is_asked_) {
      is_asked_ = true;
      if (!inflow_->end()) return MHD_YES;
    }
    if (!answer_) return MHD_NO;
    return send(std::move(*answer_), false);
  }
  if (is_asked_) return MHD_NO;  // nobody answered
  is_asked_ = true;
  // Until here the connection waited for its client, and made room for others where there was none.
  parts_.connections.begin_work(connection_, kWorkTime);
  stop();
  const bool is_queued =
      parts_.lane(parts_.site.lane_of(request_)).submit([self = shared_from_this()](Staff* staff) {
        self->answer_ = self->work(staff);
        self->start();
      });
  if (!is_queued) {
    answer_ = parts_.site.refusal(503, request_);
    start();
  }
  return MHD_YES;
}

MHD_Result Exchange::refuse(unsigned status) {
  is_early_ = true;
  return send(parts_.site.refusal(status, request_), true);
}

MHD_Result Exchange::send(Answer answer, bool closes) {
  MHD_Response* response = nullptr;
  if (answer.stream) {
    parts_.connections.begin_work(
        connection_, answer.stream_size ? time_for(*answer.stream_size) : kLongestUnknown);
    auto sending = std::make_unique<Sending>();
    sending->exchange = shared_from_this();
    sending->stream = std::move(answer.stream);
    sending->size = answer.stream_size;
    response = MHD_create_response_from_callback(answer.stream_size.value_or(MHD_SIZE_UNKNOWN),
                                                 kBlock, send_block, sending.get(), drop_sending);
    if (response != nullptr) (void)sending.release();
  } else {
    response = MHD_create_response_from_buffer(answer.body.size(), answer.body.data(),
                                               MHD_RESPMEM_MUST_COPY);
  }
  if (response == nullptr) return MHD_NO;
  if (closes) answer.header("Connection", "close");
  for (const auto& [name, value] : answer.headers) {
    if (MHD_add_response_header(response, name.c_str(), value.c_str()) != MHD_YES) {
      MHD_destroy_response(response);
      return MHD_NO;
    }
  }
  const auto queued = MHD_queue_response(connection_, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

void Exchange::leave() {
  if (inflow_) inflow_->abort();
}

MHD_Result on_request(void* cls, MHD_Connection* connection, const char* path, const char* method,
                      const char* version, const char* upload, std::size_t* upload_size,
                      void** state) {
  auto& parts = *static_cast<Server::Parts*>(cls);
  if (*state == nullptr) {
    auto exchange = std::make_shared<Exchange>(parts, connection);
    *state = new SharedExchange(exchange);  // NOLINT: until on_completed
    return exchange->begin(method, path, version);
  }
  auto& exchange = *static_cast<SharedExchange*>(*state);
  return *upload_size > 0 ? exchange->pour(upload, upload_size) : exchange->finish();
}

void on_completed(void* cls, MHD_Connection* connection, void** state, MHD_RequestTerminationCode) {
  auto& parts = *static_cast<Server::Parts*>(cls);
  auto* exchange = static_cast<SharedExchange*>(*state);
  if (exchange == nullptr) return;
  (*exchange)->leave();
  delete exchange;  // NOLINT
  *state = nullptr;
  parts.connections.end_work(connection);
}

MHD_Result on_accept(void* cls, const sockaddr* address, socklen_t) {
  return static_cast<Server::Parts*>(cls)->connections.admit(address) ? MHD_YES : MHD_NO;
}

void on_connection(void* cls, MHD_Connection* connection, void**,
                   MHD_ConnectionNotificationCode what) {
  auto& connections = static_cast<Server::Parts*>(cls)->connections;
  if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
    connections.remove(connection);
    return;
  }
  const auto* fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  const auto* address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  connections.add(connection, fd->connect_fd, address != nullptr ? address->client_addr : nullptr);
}

}  // namespace

Result<void> Server::Parts::listen(const Options& options, int fd) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  std::vector<MHD_OptionItem> items = {
      {MHD_OPTION_LISTEN_SOCKET, fd, nullptr},
      {MHD_OPTION_THREAD_POOL_SIZE, kIoThreads, nullptr},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, nullptr},
      // Ours is the limit that counts; this one has room for those that are just ending.
      {MHD_OPTION_CONNECTION_LIMIT, static_cast<intptr_t>(options.most_connections * 2), nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, nullptr},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
      {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&on_completed), this},
      {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&on_connection), this},
      {MHD_OPTION_UNESCAPE_CALLBACK, reinterpret_cast<intptr_t>(&keep_escapes), nullptr},
      {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, nullptr},
  };
  const std::string key(as_text(options.key.reveal()));
  if (has_tls) {
    flags |= MHD_USE_TLS;
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0,
                     const_cast<char*>(options.certificates.c_str())});  // NOLINT: only read
    items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(key.c_str())});  // NOLINT
    static char priorities[] =
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+"
        "CHACHA20-POLY1305";
    items.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, priorities});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  auto* daemon = MHD_start_daemon(flags, 0, &on_accept, this, &on_request, this, MHD_OPTION_ARRAY,
                                  items.data(), MHD_OPTION_END);
  if (daemon == nullptr) {
    return fail(Errc::unavailable, "the HTTP server does not start",
                has_tls ? "are certificate and key PEM, and do they belong together?" : "");
  }
  daemons.push_back(daemon);
  return {};
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Server>> Server::start(Site& site, const House& house, Options options) {
  auto server = std::unique_ptr<Server>(new Server(std::make_unique<Parts>(site, house, options)));
  for (auto& listener : options.listeners) {
    if (auto listening = server->parts_->listen(options, listener.get()); !listening) {
      return fail(std::move(listening).error());
    }
    (void)listener.release();
  }
  return server;
}

void Server::tick() {
  parts_->connections.close_overdue();
}

bool Server::drain(std::chrono::seconds most) {
  const Deadline deadline(*parts_->house.premises->office().clock, most);
  for (auto* daemon : parts_->daemons) {
    const int fd = MHD_quiesce_daemon(daemon);
    // Its threads still take it out of their sets: closed before that, it would end the process.
    if (fd >= 0) parts_->quiesced.emplace_back(fd);
  }
  do {
    parts_->connections.close_waiting();
    parts_->connections.close_overdue();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    // Those that only wait are closed with the server; a suspended one is always at work.
    if (parts_->connections.working() == 0) return true;
  } while (!deadline.has_passed());
  return false;
}

Server::~Server() {
  for (auto* daemon : parts_->daemons)
    MHD_stop_daemon(daemon);
  parts_->quiesced.clear();
}

}  // namespace sm::portal
