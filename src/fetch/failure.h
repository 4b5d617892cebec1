// fetch/failure.h: why a request got no answer, in plain words. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <string>

#include "fetch/fetcher.h"

namespace starling::fetch {

struct Failure {
    CURL* easy;
    CURLcode result;
    const char* text;  // Text of libcurl, may be "".
    const TargetOptions& options;
    int socket_errno;  // The errno of socket(); 0: it did not fail.
    bool connected, sent, cut, head_begun;
};

[[nodiscard]] std::string describe(const Failure& failure);

}  // namespace starling::fetch
