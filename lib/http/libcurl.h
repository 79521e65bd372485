#pragma once
// libcurl's functions, found when they are first needed. Linking the library would cost every tool
// some milliseconds at each start, for the few runs that fetch anything. Part of lib/http.

#include <curl/curl.h>

#include "base/result.h"

namespace sm::http {

struct Libcurl {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_free) free;
};

/// Loaded and initialised once, by whichever thread comes first; stays loaded.
const Result<Libcurl>& libcurl();

}  // namespace sm::http
