// fetch/failure.h: why a request got no answer, in plain words. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

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

// The texts that both senders use.
namespace failure_text {
inline constexpr std::string_view head_too_long = "the head of the answer is longer than allowed",
                                  ended_in_head = "the answer ended within its head",
                                  no_answer = "the connection was closed before an answer came",
                                  not_sent =
                                      "the connection was closed before the request was sent",
                                  not_http = "the answer is not HTTP", no_memory = "out of memory";

[[nodiscard]] std::string timed_out(bool connected, const TargetOptions& options);
[[nodiscard]] std::string no_socket(int error);
[[nodiscard]] std::string no_connection(int error);
}  // namespace failure_text

}  // namespace starling::fetch
