#include "http/libcurl.h"

#include "base/late_library.h"

namespace sm::http {
namespace {

Result<Libcurl> load() {
  LateLibrary library("libcurl.so.4", "libcurl4");
  Libcurl curl{};
  library.find(curl.global_init, "curl_global_init");
  library.find(curl.easy_init, "curl_easy_init");
  library.find(curl.easy_setopt, "curl_easy_setopt");
  library.find(curl.easy_perform, "curl_easy_perform");
  library.find(curl.easy_getinfo, "curl_easy_getinfo");
  library.find(curl.easy_cleanup, "curl_easy_cleanup");
  library.find(curl.easy_strerror, "curl_easy_strerror");
  library.find(curl.slist_append, "curl_slist_append");
  library.find(curl.slist_free_all, "curl_slist_free_all");
  library.find(curl.url, "curl_url");
  library.find(curl.url_set, "curl_url_set");
  library.find(curl.url_get, "curl_url_get");
  library.find(curl.url_cleanup, "curl_url_cleanup");
  library.find(curl.free, "curl_free");
  auto found = library.found(curl);
  if (!found) return found;
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return fail(Errc::unavailable, "libcurl cannot be initialised");
  }
  return found;
}

}  // namespace

const Result<Libcurl>& libcurl() {
  static const Result<Libcurl> loaded = load();
  return loaded;
}

}  // namespace sm::http
