#include "http/libcurl.h"

#include <dlfcn.h>

namespace sm::http {
namespace {

Result<Libcurl> load() {
  void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Errc::unavailable, std::string("loading libcurl: ") + ::dlerror(),
                "install libcurl4");
  }
  Libcurl curl{};
  std::string missing;
  const auto find = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) missing = name;
  };
  find(curl.global_init, "curl_global_init");
  find(curl.easy_init, "curl_easy_init");
  find(curl.easy_setopt, "curl_easy_setopt");
  find(curl.easy_perform, "curl_easy_perform");
  find(curl.easy_getinfo, "curl_easy_getinfo");
  find(curl.easy_cleanup, "curl_easy_cleanup");
  find(curl.easy_strerror, "curl_easy_strerror");
  find(curl.slist_append, "curl_slist_append");
  find(curl.slist_free_all, "curl_slist_free_all");
  find(curl.url, "curl_url");
  find(curl.url_set, "curl_url_set");
  find(curl.url_get, "curl_url_get");
  find(curl.url_cleanup, "curl_url_cleanup");
  find(curl.free, "curl_free");
  if (!missing.empty()) return fail(Errc::unavailable, "libcurl has no " + missing);
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return fail(Errc::unavailable, "libcurl cannot be initialised");
  }
  return curl;
}

}  // namespace

const Result<Libcurl>& libcurl() {
  static const Result<Libcurl> loaded = load();
  return loaded;
}

}  // namespace sm::http
